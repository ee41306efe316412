//! Files and directories that are not, or cannot become, a store.

use std::collections::HashSet;
use std::error::Error as _;
use std::fs;
use std::path::PathBuf;

use futures_executor::block_on;

use super::{Place, acquire, create};
use crate::store::sqlite::SqliteStore;
use crate::store::{Store, StoreErrorKind};

#[test]
fn files_of_other_kinds_are_left_as_they_are() {
    for contents in [
        &b"hello"[..],
        &[0xff; 5000],
        b"SQLite format 3, the book",
        &[b' '; 100],
    ] {
        let place = Place::new();
        fs::write(place.path(), contents).unwrap();
        let error = place.open_error();
        assert_eq!(error.kind(), StoreErrorKind::NotAStore, "{error}");
        assert!(error.to_string().contains("app.db`"), "{error}");
        assert_eq!(fs::read(place.path()).unwrap(), contents);
        assert_eq!(place.names(), HashSet::from(["app.db".to_owned()]));
    }
}

#[test]
fn databases_of_other_programs_are_left_as_they_are() {
    for setup in [
        "CREATE TABLE users (name TEXT)",
        "CREATE TABLE instances (id TEXT); PRAGMA user_version = 1",
        "PRAGMA application_id = 7",
        "PRAGMA user_version = 3",
        "PRAGMA journal_mode = WAL; CREATE TABLE users (name TEXT)",
    ] {
        let place = Place::new();
        place.shell().execute_batch(setup).unwrap();
        let before = fs::read(place.path()).unwrap();
        let error = place.open_error();
        assert_eq!(error.kind(), StoreErrorKind::NotAStore, "{setup}: {error}");
        assert_eq!(fs::read(place.path()).unwrap(), before, "{setup}");
        assert!(!place.names().contains("app.db.lock"), "{setup}");
    }
}

#[test]
fn directory_is_not_a_store() {
    let place = Place::new();
    fs::create_dir(place.path()).unwrap();
    assert_eq!(place.open_error().kind(), StoreErrorKind::NotAStore);
}

#[test]
fn empty_file_becomes_a_store() {
    let place = Place::new();
    fs::write(place.path(), "").unwrap();
    acquire(&place.open());
}

/// A program that is killed while SQLite makes the file leaves a page in it, and a journal by which to take it back.
#[test]
fn file_whose_making_was_cut_short_becomes_a_store() {
    let elsewhere = Place::new();
    let making = elsewhere.shell();
    // With so small a cache, the pages of a transaction are in the file before it ends.
    making
        .execute_batch(
            "PRAGMA cache_size = 1; BEGIN; CREATE TABLE t (a); INSERT INTO t VALUES (zeroblob(200000));",
        )
        .unwrap();
    let place = Place::new();
    fs::copy(elsewhere.path(), place.path()).unwrap();
    fs::copy(journal(&elsewhere), journal(&place)).unwrap();
    assert!(fs::metadata(place.path()).unwrap().len() > 0);

    drop(place.open());
    assert!(!journal(&place).exists());
}

fn journal(place: &Place) -> PathBuf {
    place.path().with_extension("db-journal")
}

#[test]
fn store_of_a_newer_version_is_refused() {
    let place = Place::new();
    drop(place.open());
    place
        .shell()
        .pragma_update(None, "user_version", 99)
        .unwrap();
    let before = fs::read(place.path()).unwrap();
    let error = place.open_error();
    assert_eq!(error.kind(), StoreErrorKind::NewerVersion);
    assert!(error.to_string().contains("99"), "{error}");
    assert_eq!(fs::read(place.path()).unwrap(), before);
}

#[test]
fn damage_is_reported_as_such() {
    let place = Place::new();
    let store = place.open();
    let epoch = acquire(&store);
    let writes: Vec<_> = (0..500)
        .map(|number| create(&number.to_string(), &"x".repeat(500)))
        .collect();
    block_on(store.commit(epoch, &writes)).unwrap();
    drop(store);
    let mut bytes = fs::read(place.path()).unwrap();
    bytes[4096..].fill(0xa5);
    fs::write(place.path(), bytes).unwrap();
    let error = match SqliteStore::open(place.path()) {
        Ok(store) => block_on(store.acquire(None)).unwrap_err(),
        Err(error) => error,
    };
    assert_eq!(error.kind(), StoreErrorKind::Corrupt, "{error}");
    assert!(error.source().is_some() && !error.is_retryable());
}

#[test]
fn missing_directory_is_named() {
    let place = Place::new();
    let error = SqliteStore::open(place.directory.path().join("none").join("app.db")).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    assert!(
        error.to_string().contains("none") && error.source().is_some(),
        "{error}"
    );
}

#[test]
fn file_in_the_place_of_the_directory_is_named() {
    let place = Place::new();
    fs::write(place.path(), "hello").unwrap();
    let error = SqliteStore::open(place.path().join("app.db")).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    assert!(error.to_string().contains("app.db"), "{error}");
}

#[test]
fn names_that_are_not_files_are_refused() {
    for name in ["", "/", "..", ":memory:"] {
        assert_eq!(
            SqliteStore::open(name).unwrap_err().kind(),
            StoreErrorKind::Unavailable,
            "{name}"
        );
    }
}

/// In `/sys` nobody can create files, not even root.
#[cfg(target_os = "linux")]
#[test]
fn directory_that_cannot_be_written_is_read_only() {
    let error = SqliteStore::open("/sys/app.db").unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::ReadOnly, "{error}");
    assert!(error.to_string().contains("app.db"), "{error}");
}

#[test]
fn file_that_cannot_be_written_is_read_only() {
    let place = Place::new();
    drop(place.open());
    let mut permissions = fs::metadata(place.path()).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(place.path(), permissions).unwrap();
    // For root the bit means nothing, and there is nothing to refuse.
    if fs::OpenOptions::new()
        .write(true)
        .open(place.path())
        .is_err()
    {
        assert_eq!(place.open_error().kind(), StoreErrorKind::ReadOnly);
    }
}

#[test]
fn store_in_a_directory_that_cannot_be_written_is_read_only() {
    let place = Place::new();
    drop(place.open());
    let before = fs::metadata(place.directory.path()).unwrap().permissions();
    let mut read_only = before.clone();
    read_only.set_readonly(true);
    fs::set_permissions(place.directory.path(), read_only).unwrap();
    let is_root = fs::write(place.directory.path().join("probe"), "").is_ok();
    let opened = SqliteStore::open(place.path());
    fs::set_permissions(place.directory.path(), before).unwrap();
    if !is_root {
        assert_eq!(opened.unwrap_err().kind(), StoreErrorKind::ReadOnly);
    }
}
