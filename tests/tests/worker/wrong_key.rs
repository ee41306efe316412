//! Stores that are opened with another key, or another secret, than what is in them was encrypted with.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use steadfast::prelude::*;
use steadfast::store::codec::{Codec, CodecStore, Compression, Encryption, EncryptionKey};
use steadfast::store::memory::MemoryStore;
use steadfast::store::{
    BoxFuture, InstancePage, PageRequest, Store, StoreError, StoreErrorKind, delegate_store,
};
use steadfast::testing::SingleThreaded;
use steadfast::{InstanceFilter, Registration, definitions};

use crate::support::{Worker as _, World, json};

/// Keeps what it was given.
#[orchestrator]
async fn keep(ctx: OrchestrationContext, text: String) -> Result<String, String> {
    let go = ctx.wait_for_external_event_named("go").await;
    go.map(|()| text).map_err(|error| error.to_string())
}

fn definitions_here() -> Vec<Registration> {
    definitions![keep]
}

/// A key of this id. Another secret makes another key of it.
fn key(id: &str, secret: u8) -> EncryptionKey {
    EncryptionKey::new(id, &[secret, !secret].repeat(16)).unwrap()
}

fn old_and(new: EncryptionKey) -> Encryption {
    let codec = Encryption::new(new);
    codec.with_earlier_key(key("old", 1)).unwrap()
}

fn started(store: impl Store) -> Result<SingleThreaded, StoreError> {
    World::on_exactly(store).try_worker(definitions_here())
}

/// Begins an instance of this id, with this input, in a store that the codec encodes.
fn begun(store: &MemoryStore, codec: impl Codec, id: &str, input: &str) {
    let mut worker = started(CodecStore::new(store.clone(), codec)).unwrap();
    let client = worker.client().clone();
    worker.wait(client.start(keep(input.to_owned()).id(id)));
    worker.run_until_idle();
}

fn refused(store: impl Store) -> String {
    let error = started(store).map(drop).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Codec, "{error}");
    assert!(!error.is_retryable());
    error.to_string()
}

fn goes_on(worker: &mut SingleThreaded, id: &str, output: &str) {
    let instance = worker.instance(id);
    worker.wait(instance.raise_event_named("go", &()));
    assert_eq!(worker.status(id).output, json(output));
}

#[test]
fn a_worker_with_the_wrong_key_does_not_start_and_fences_nobody() {
    let store = MemoryStore::new();
    let opened = |key| CodecStore::new(store.clone(), Encryption::new(key));
    let mut owner = started(opened(key("first", 1))).unwrap();
    let client = owner.client().clone();
    owner.wait(client.start(keep("1".to_owned()).id("it")));
    owner.run_until_idle();

    let another = refused(opened(key("second", 1)));
    for says in [
        "encoded as `first`",
        "the key `first` encrypted it, and is not among those given: `second`",
        "CodecStore::accept_undecodable",
    ] {
        assert!(another.contains(says), "{another}");
    }
    let another = refused(opened(key("first", 2)));
    let says = "it does not decrypt with the key `first`: another key of this id encrypted it";
    assert!(another.contains(says), "{another}");
    let none = refused(store.clone());
    assert!(
        none.contains("encoded, the last of it as `first`"),
        "{none}"
    );

    goes_on(&mut owner, "it", "1");
    // Neither does it matter that all have ended.
    drop((owner, client));
    refused(opened(key("second", 1)));
    started(opened(key("first", 1))).unwrap();
}

#[test]
fn the_lack_of_an_earlier_key_sets_aside_and_another_secret_of_the_own_does_not_start() {
    let long = "x".repeat(10_000);
    // What is long is labelled as compressed.
    for input in ["1", &long] {
        let store = MemoryStore::new();
        let opened = |codec| CodecStore::new(store.clone(), Compression::before(codec));
        begun(
            &store,
            Compression::before(Encryption::new(key("old", 1))),
            "old",
            input,
        );
        begun(
            &store,
            Compression::before(old_and(key("new", 2))),
            "new",
            input,
        );
        let secret = refused(opened(old_and(key("new", 3))));
        assert!(
            secret.contains("does not decrypt with the key `new`"),
            "{secret}"
        );

        let mut worker = started(opened(Encryption::new(key("new", 2)))).unwrap();
        goes_on(&mut worker, "new", input);
        let old = worker.instance("old");
        worker.wait(old.raise_event_named("go", &()));
        let why = worker.status("old").stalled.unwrap();
        assert!(why.contains("the key `old` encrypted it"), "{why}");
        drop((worker, old));
        let mut worker = started(opened(old_and(key("new", 2)))).unwrap();
        assert_eq!(worker.status("old").output, json(input));
    }
}

#[test]
fn who_says_that_the_key_is_lost_goes_on_with_new_instances() {
    let store = MemoryStore::new();
    begun(&store, Encryption::new(key("first", 1)), "it", "1");
    let second = || CodecStore::new(store.clone(), Encryption::new(key("second", 2)));
    let mut worker = started(second().accept_undecodable()).unwrap();
    let it = worker.instance("it");
    worker.wait(it.terminate(None));
    let client = worker.client().clone();
    worker.wait(client.start(keep("2".to_owned()).id("new")));
    worker.run_until_idle();
    drop((worker, client, it));
    // Now there is something that it decodes.
    goes_on(&mut started(second()).unwrap(), "new", "2");
}

/// Until a store of plain text is given up that was in use before, what is plain says nothing of the key.
#[test]
fn plain_text_that_is_accepted_makes_up_for_no_key() {
    let store = MemoryStore::new();
    let mut plain = started(store.clone()).unwrap();
    let client = plain.client().clone();
    plain.wait(client.start(keep("1".to_owned()).id("plain")));
    plain.run_until_idle();
    drop((plain, client));
    let opened = |key| CodecStore::new(store.clone(), Encryption::new(key)).accept_plain_text();
    let mut worker = started(opened(key("first", 1))).unwrap();
    let client = worker.client().clone();
    worker.wait(client.start(keep("2".to_owned()).id("it")));
    worker.run_until_idle();
    drop((worker, client));
    refused(opened(key("second", 1)));
    goes_on(&mut started(opened(key("first", 1))).unwrap(), "plain", "1");
}

/// Tells what it was asked for in one go.
#[derive(Clone, Debug, Default)]
struct Asked {
    store: MemoryStore,
    pages: Arc<Mutex<Vec<PageRequest>>>,
    is_damaged: Arc<AtomicBool>,
}

impl Store for Asked {
    delegate_store!(|self| self.store; acquire, commit, load, read, needing_attention, timers, inbox, changes, counts);

    fn query<'a>(
        &'a self,
        filter: &'a InstanceFilter,
        page: &'a PageRequest,
    ) -> BoxFuture<'a, Result<InstancePage, StoreError>> {
        self.pages.lock().unwrap().push(*page);
        if self.is_damaged.load(Ordering::SeqCst) {
            let error = StoreError::new(StoreErrorKind::Corrupt, "damaged on purpose");
            return Box::pin(async { Err(error) });
        }
        self.store.query(filter, page)
    }
}

#[test]
fn a_look_at_the_key_takes_as_long_however_many_instances_there_are() {
    let asked = Asked::default();
    let opened = || CodecStore::new(asked.clone(), Encryption::new(key("first", 1)));
    let mut worker = started(opened()).unwrap();
    let client = worker.client().clone();
    for number in 0..200 {
        worker.wait(client.start(keep("1".to_owned()).id(number.to_string())));
    }
    worker.run_until_idle();
    drop((worker, client));
    asked.pages.lock().unwrap().clear();
    drop(started(opened()).unwrap());
    let pages = std::mem::take(&mut *asked.pages.lock().unwrap());
    // That of the codec, and that of the worker.
    assert_eq!(pages.len(), 2);
    for page in pages {
        assert!(page.limit <= 64 && page.walk <= 64 && page.bytes <= 16 << 20);
    }

    // What is damaged among the newest is found out one by one.
    asked.is_damaged.store(true, Ordering::SeqCst);
    started(opened()).unwrap();
}
