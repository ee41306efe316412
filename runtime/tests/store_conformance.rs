//! The conformance suite, run on the stores of this crate.

use steadfast::store::memory::MemoryStore;
use steadfast::store::sqlite::{Durability, SqliteStore};
use steadfast::testing::conformance::Place;
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

#[cfg(all(feature = "compression", feature = "encryption"))]
mod encoded {
    use steadfast::store::codec::{CodecStore, Compression, Encryption, EncryptionKey};

    use super::*;

    fn encryption() -> Encryption {
        let key = EncryptionKey::new("test", &[1, 2].repeat(16));
        Encryption::new(key.expect("32 bytes are a key"))
    }

    store_conformance!(encrypted_memory, reopen: || {
        let store = MemoryStore::new();
        move || CodecStore::new(store.clone(), encryption())
    });

    store_conformance!(compressed_and_encrypted_sqlite, reopen: || {
        let directory = tempfile::tempdir().unwrap();
        move || {
            let store = SqliteStore::open(directory.path().join("app.db")).unwrap();
            CodecStore::new(store, Compression::before(encryption()))
        }
    });
}

/// The same by a place, as a store has it that is opened by async code.
struct Directory(tempfile::TempDir);

impl Directory {
    async fn create() -> Self {
        Self(tempfile::tempdir().expect("a directory"))
    }
}

impl Place for Directory {
    type Store = SqliteStore;

    async fn open(&self) -> SqliteStore {
        let path = self.0.path().join("app.db");
        let store = SqliteStore::builder(path).durability(Durability::Relaxed);
        store.open().expect("the store opens")
    }
}

store_conformance!(sqlite_in_a_place, place: Directory::create);
