//! The store of the example `journal`: the promises of every store, and what is particular to a file.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::PathBuf;

use steadfast::store::{Store, StoreErrorKind};
use steadfast::testing::conformance::Place;
use steadfast::testing::{TestHub, store_conformance};
use steadfast_examples::hello::{CITIES, greeting, hello_sequence, say_hello};
use steadfast_examples::journal::JournalStore;
use tempfile::TempDir;

/// Each case has a folder of its own.
struct Folder(TempDir);

impl Folder {
    async fn create() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn journal(&self) -> PathBuf {
        self.0.path().join("journal")
    }
}

impl Place for Folder {
    type Store = JournalStore;

    async fn open(&self) -> JournalStore {
        JournalStore::open(self.journal()).await.unwrap()
    }
}

store_conformance!(conforms, place: Folder::create);

/// Lets an orchestration come to its second city in a hub over this journal, and gives what is then in the file.
async fn written(folder: &Folder) -> String {
    let hub = TestHub::on(folder.open().await);
    hub.mock(say_hello).with(|city| Ok(greeting(&city)));
    hub.start(hello_sequence(None).id("hello"))
        .output()
        .unwrap();
    drop(hub);
    fs::read_to_string(folder.journal()).unwrap()
}

#[tokio::test]
async fn an_orchestration_goes_on_from_every_line() {
    let folder = Folder::create().await;
    let journal = written(&folder).await;
    let lines: Vec<_> = journal.split_inclusive('\n').collect();
    assert!(lines.len() > CITIES.len(), "{journal}");
    for length in 2..=lines.len() {
        // The process stopped while it wrote the line behind these.
        let torn = lines.get(length).map_or("", |line| &line[..line.len() / 2]);
        fs::write(folder.journal(), lines[..length].concat() + torn).unwrap();
        let hub = TestHub::on(folder.open().await);
        hub.mock(say_hello).with(|city| Ok(greeting(&city)));
        let hello = hub.orchestration::<hello_sequence>("hello");
        assert_eq!(hello.output().unwrap(), CITIES.map(greeting), "{length}");
    }
}

#[tokio::test]
async fn a_damaged_line_is_told_and_nothing_is_lost() {
    let folder = Folder::create().await;
    let journal = written(&folder).await;
    let damaged = journal.replacen("\"Committed\"", "\"Comitted\"", 1);
    fs::write(folder.journal(), &damaged).unwrap();
    let error = JournalStore::open(folder.journal()).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Corrupt);
    assert!(
        error.to_string().starts_with("line 2 of the journal `"),
        "{error}"
    );
    assert_eq!(fs::read_to_string(folder.journal()).unwrap(), damaged);
}

#[tokio::test]
async fn another_file_is_no_journal() {
    let folder = Folder::create().await;
    fs::write(folder.journal(), "Dear diary,\n").unwrap();
    let error = JournalStore::open(folder.journal()).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::NotAStore);
    assert_eq!(
        fs::read_to_string(folder.journal()).unwrap(),
        "Dear diary,\n"
    );
    // The first line of one that was being written is.
    fs::write(folder.journal(), "{\"Acq").unwrap();
    folder.open().await.acquire(None).await.unwrap();
}

#[tokio::test]
async fn a_journal_has_one_process() {
    let folder = Folder::create().await;
    let store = folder.open().await;
    let error = JournalStore::open(folder.journal()).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::InUse);
    drop(store);
    folder.open().await.acquire(None).await.unwrap();
}
