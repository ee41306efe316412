//! Reading a store that nobody has open, and that somebody opens meanwhile.

#![cfg(unix)]

use std::fs::File;
use std::time::SystemTime;

use super::*;

/// A store with an instance that nobody has open, and in which nothing has changed for long.
fn closed() -> Place {
    let place = Place::new();
    let store = place.open();
    commit(&store, acquire(&store), "before");
    drop(store);
    let file = File::options().write(true).open(place.path()).unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
    place
}

fn reads(reader: &SqliteReader, id: &str) -> bool {
    let id = InstanceId::parse(id).unwrap();
    block_on(reader.read(&id)).unwrap().is_some()
}

#[test]
fn a_store_that_nobody_has_open_is_read_without_a_trace() {
    let place = closed();
    let before = place.names();
    let reader = SqliteReader::open(place.path()).unwrap();
    assert!(reads(&reader, "before") && !reads(&reader, "after"));
    assert_eq!(place.names(), before);
    drop(reader);
    assert_eq!(place.names(), before);
}

/// SQLite takes a name with these apart.
#[test]
fn a_store_of_any_name_is_read_without_a_trace() {
    let place = closed();
    let name = place.directory.path().join("50% of? #1 & ü.db");
    fs::rename(place.path(), &name).unwrap();
    let before = place.names();
    let reader = SqliteReader::open(&name).unwrap();
    assert!(reads(&reader, "before"));
    assert_eq!(place.names(), before);
}

#[test]
fn who_opens_a_store_that_is_read_is_noticed() {
    let place = closed();
    let reader = SqliteReader::open(place.path()).unwrap();
    assert!(reads(&reader, "before"));
    let store = place.open();
    commit(&store, acquire(&store), "after");
    assert!(reads(&reader, "after"));
    drop(store);
    assert!(reads(&reader, "after"));
    let store = place.open();
    commit(&store, acquire(&store), "later");
    assert!(reads(&reader, "later"));
}

#[test]
fn who_had_a_store_open_between_two_reads_is_noticed() {
    let place = closed();
    let reader = SqliteReader::open(place.path()).unwrap();
    assert!(reads(&reader, "before"));
    let store = place.open();
    commit(&store, acquire(&store), "after");
    drop(store);
    assert!(!place.names().contains("app.db-wal"));
    assert!(reads(&reader, "after"));
}

#[test]
fn what_was_left_in_the_log_is_read() {
    let place = closed();
    let store = place.open();
    commit(&store, acquire(&store), "after");
    // As after a crash.
    let crashed = Place::new();
    for name in ["app.db", "app.db-wal"] {
        fs::copy(
            place.directory.path().join(name),
            crashed.directory.path().join(name),
        )
        .unwrap();
    }
    let file = File::options().write(true).open(crashed.path()).unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
    let reader = SqliteReader::open(crashed.path()).unwrap();
    assert!(reads(&reader, "before") && reads(&reader, "after"));
}

#[test]
fn a_store_that_was_just_changed_is_read_too() {
    let place = Place::new();
    let store = place.open();
    commit(&store, acquire(&store), "before");
    drop(store);
    let reader = SqliteReader::open(place.path()).unwrap();
    assert!(reads(&reader, "before"));
}
