//! Files that are not what a store leaves: all of them are refused with a typed error, or opened with what is left of them.

use std::fs;
use std::path::Path;

use rusqlite::Connection;
use steadfast_tests::database::{self, assert_sound, beside};

use crate::damage::Place;

/// Opens a store that cannot be opened, and asserts that no file changed for it.
fn refused(place: &Place, kind: &str, message: &str) {
    let before = place.bytes();
    // To read a database, SQLite may make an empty log.
    let read_log = || fs::read(beside(&place.database, "-wal")).unwrap_or_default();
    let log = read_log();
    for _ in 0..2 {
        let (found, text) = place.program().refused();
        assert_eq!(found, kind, "{text}");
        assert!(text.contains(message) && text.contains("app.db"), "{text}");
    }
    assert!(place.bytes() == before, "the file was changed");
    assert!(read_log() == log, "the log was changed");
}

#[test]
fn damaged_schema_is_refused_and_left_as_it_is() {
    let place = Place::new();
    let mut bytes = place.bytes();
    bytes[100..4_096].fill(0xa5);
    fs::write(&place.database, bytes).unwrap();
    refused(&place, "Corrupt", "is damaged; restore it from a backup");
}

#[test]
fn damaged_header_is_refused_and_left_as_it_is() {
    let place = Place::new();
    let mut bytes = place.bytes();
    bytes[..100].fill(0xa5);
    fs::write(&place.database, bytes).unwrap();
    refused(&place, "NotAStore", "it was left as it is");
}

#[test]
fn file_that_was_cut_short_is_refused_and_left_as_it_is() {
    for pages in [1, 10, 100] {
        let place = Place::new();
        let file = fs::OpenOptions::new()
            .write(true)
            .open(&place.database)
            .unwrap();
        file.set_len(pages * 4_096).unwrap();
        refused(&place, "Corrupt", "is damaged; restore it from a backup");
    }
}

#[test]
fn store_of_a_newer_version_is_refused_and_left_as_it_is() {
    let place = Place::new();
    let database = Connection::open(&place.database).unwrap();
    let version: i64 = database
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .unwrap();
    database
        .pragma_update(None, "user_version", version + 1)
        .unwrap();
    database.close().unwrap();
    refused(&place, "NewerVersion", "update steadfast");
}

#[test]
fn store_that_another_process_has_open_is_refused() {
    let place = Place::new();
    let mut first = place.program();
    first.opened();
    let other = tempfile::tempdir().unwrap();
    let (kind, text) = crate::program(&place.database, other.path()).refused();
    assert_eq!(kind, "InUse");
    assert!(
        text.contains(&format!("in use by process {}", first.id())),
        "{text}"
    );
    first.must("start brief a 1");
    first.must("wait a");
    assert!(first.end().success());
}

/// As a `sqlite3` shell does in which somebody forgot a transaction.
#[test]
fn transaction_of_another_program_holds_work_up_until_it_ends() {
    let place = Place::new();
    let mut program = place.program();
    program.opened();
    let shell = Connection::open(&place.database).unwrap();
    shell.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = program.carry_out("start brief a 1").unwrap_err();
    assert!(error.contains("holds a lock on"), "{error}");
    assert!(error.contains("sqlite3"), "{error}");
    shell.execute_batch("ROLLBACK").unwrap();
    program.must("start brief b 1");
    program.must("wait b");
    assert!(program.end().success());
}

#[test]
fn other_things_in_its_place_are_refused_and_left_as_they_are() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    fs::create_dir(path("directory.db")).unwrap();
    fs::write(path("text.db"), "a letter").unwrap();
    let other = Connection::open(path("other.db")).unwrap();
    other.execute_batch("CREATE TABLE letters (text)").unwrap();
    other.close().unwrap();
    for name in ["directory.db", "text.db", "other.db"] {
        let before = fs::read(path(name)).ok();
        let logs = tempfile::tempdir().unwrap();
        let (kind, text) = crate::program(&path(name), logs.path()).refused();
        assert_eq!(kind, "NotAStore", "{text}");
        assert!(text.contains(name), "{text}");
        assert_eq!(fs::read(path(name)).ok(), before);
    }
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 3);
    // Nothing is lost in an empty file.
    fs::write(path("empty.db"), "").unwrap();
    becomes_a_store(&path("empty.db"), directory.path());
}

fn becomes_a_store(database: &Path, directory: &Path) {
    let mut program = crate::program(database, directory);
    program.opened();
    program.must("start brief a 1");
    program.must("wait a");
    assert!(program.end().success());
    assert_sound(&database::open(database));
}
