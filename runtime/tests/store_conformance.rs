//! The conformance suite, run on the stores of this crate.

use steadfast::store::memory::MemoryStore;
use steadfast::store::sqlite::{Durability, SqliteStore};
use steadfast::testing::store_conformance;

store_conformance!(memory, reopen: || {
    let store = MemoryStore::new();
    move || store.clone()
});

store_conformance!(sqlite, reopen: || {
    let directory = tempfile::tempdir().unwrap();
    move || SqliteStore::open(directory.path().join("app.db")).unwrap()
});

store_conformance!(sqlite_relaxed, reopen: || {
    let directory = tempfile::tempdir().unwrap();
    move || {
        let path = directory.path().join("app.db");
        SqliteStore::builder(path).durability(Durability::Relaxed).open().unwrap()
    }
});
