//! The log beside the file.

use std::fs;
use std::path::PathBuf;

use futures_executor::block_on;

use super::{Place, acquire, commit, create, holds};
use crate::store::sqlite::{Durability, SqliteStore};
use crate::store::{Store, StoreErrorKind};

fn log(place: &Place) -> PathBuf {
    place.path().with_extension("db-wal")
}

fn log_bytes(place: &Place) -> u64 {
    fs::metadata(log(place)).map_or(0, |metadata| metadata.len())
}

#[test]
fn commits_that_are_synced_do_not_lengthen_the_log() {
    let place = Place::new();
    let store = place.open();
    let before = log_bytes(&place);
    let epoch = acquire(&store);
    (0..100).for_each(|number| commit(&store, epoch, &number.to_string()));
    assert_eq!(log_bytes(&place), before);
    drop(store);
    assert_eq!(log_bytes(&place), 0);
}

/// The log begins anew only when nobody reads what is in it.
#[test]
fn reads_between_commits_do_not_lengthen_the_log() {
    let place = Place::new();
    let store = place.open();
    let before = log_bytes(&place);
    let epoch = acquire(&store);
    let large = format!("[{}]", " ".repeat(1024 * 1024));
    for number in 0..48 {
        let write = create(&number.to_string(), &large);
        block_on(store.commit(epoch, &[write])).unwrap();
        assert!(holds(&store, &number.to_string()));
    }
    assert!(log_bytes(&place) < before + 4 * 1024 * 1024);
}

#[test]
fn commits_that_are_not_synced_have_no_log_before_they_need_it() {
    let place = Place::new();
    let relaxed = SqliteStore::builder(place.path()).durability(Durability::Relaxed);
    let _store = relaxed.open().unwrap();
    assert!(log_bytes(&place) < 1024 * 1024);
}

/// What a killed program leaves is a log that ends somewhere in its zeros.
#[test]
fn what_is_in_the_log_of_a_killed_program_is_kept() {
    let place = Place::new();
    let store = place.open();
    let epoch = acquire(&store);
    commit(&store, epoch, "a");
    let killed = Place::new();
    fs::copy(place.path(), killed.path()).unwrap();
    fs::copy(log(&place), log(&killed)).unwrap();
    assert!(holds(&killed.open(), "a"));
}

/// SQLite would take it for that of another database, and begin both anew.
#[test]
fn a_log_whose_database_is_gone_is_not_written_over() {
    let place = Place::new();
    let store = place.open();
    let epoch = acquire(&store);
    commit(&store, epoch, "a");
    let killed = Place::new();
    fs::copy(log(&place), log(&killed)).unwrap();
    let missing = killed.open_error();
    fs::write(killed.path(), []).unwrap();
    let empty = killed.open_error();
    for (error, what) in [(missing, "is missing"), (empty, "is empty")] {
        assert_eq!(error.kind(), StoreErrorKind::Corrupt);
        assert!(error.to_string().contains(what), "{error}");
    }
    fs::copy(place.path(), killed.path()).unwrap();
    assert!(holds(&killed.open(), "a"));
}

#[test]
fn what_a_reader_keeps_in_the_log_is_left_there() {
    let place = Place::new();
    // Its log is short, so that the next to open it would like to make it longer.
    let relaxed = SqliteStore::builder(place.path()).durability(Durability::Relaxed);
    let store = relaxed.open().unwrap();
    let epoch = acquire(&store);
    commit(&store, epoch, "a");
    let shell = place.shell();
    shell
        .execute_batch("BEGIN; SELECT count(*) FROM instances;")
        .unwrap();
    commit(&store, epoch, "b");
    drop(store);

    let before = log_bytes(&place);
    assert!(before > 0);
    let store = place.open();
    assert_eq!(log_bytes(&place), before);
    assert!(holds(&store, "a") && holds(&store, "b"));
    let count = shell.query_row("SELECT count(*) FROM instances", [], |row| {
        row.get::<_, i64>(0)
    });
    assert_eq!(count.unwrap(), 1);
    shell.execute_batch("COMMIT").unwrap();
    assert!(holds(&store, "b"));
}
