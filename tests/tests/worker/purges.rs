//! Purging by a filter, of very many.

use std::sync::{Arc, Mutex};

use futures_executor::block_on;
use futures_util::future::join;
use steadfast::InstanceFilter;
use steadfast::definitions;
use steadfast::model::instance::{ExecutionId, Incarnation, InstanceId};
use steadfast::prelude::*;
use steadfast::store::memory::MemoryStore;
use steadfast::store::{
    BoxFuture, CreateInstance, EpisodeWrite, Epoch, HistoryRow, Store, StoreError, Write,
    WriteResult, delegate_store,
};

use crate::support::{World, at, wait_for_go};

/// Tells of each purge and each start that it commits.
#[derive(Debug)]
struct Overheard {
    store: MemoryStore,
    heard: Arc<Mutex<Vec<&'static str>>>,
}

impl Store for Overheard {
    delegate_store!(|self| self.store; acquire, load, read, needing_attention, timers, inbox, changes, query, counts);

    fn commit<'a>(
        &'a self,
        epoch: Epoch,
        writes: &'a [Write],
    ) -> BoxFuture<'a, Result<Vec<WriteResult>, StoreError>> {
        let heard = writes.iter().filter_map(|write| match write {
            Write::PurgeWhere(_) => Some("purge"),
            Write::Create(_) => Some("start"),
            _ => None,
        });
        self.heard.lock().unwrap().extend(heard);
        self.store.commit(epoch, writes)
    }
}

fn ended(number: u64) -> [Write; 2] {
    let execution_id = ExecutionId::from_u128(number.into());
    let create = CreateInstance {
        id: InstanceId::parse(number.to_string()).unwrap(),
        name: "Greet".into(),
        version: (number.is_multiple_of(12_000)).then(|| "2.0".into()),
        execution_id,
        created_at: at(0),
        start_at: None,
        parent: None,
        tags: Default::default(),
        events: "[]".into(),
        custom_status: None,
        replaces: Vec::new(),
    };
    let end = EpisodeWrite {
        incarnation: Incarnation(number),
        execution_id,
        row: HistoryRow {
            episode: 1,
            events: "[]".into(),
            custom_status: None,
            runtime_status: RuntimeStatus::Completed,
            sequence: 1,
        },
        last_updated_at: at(0),
        next_timer: None,
        needs_attention: false,
        stalled: None,
        inbox_taken: None,
        continued: None,
        children: Vec::new(),
        rewinds: Vec::new(),
        messages: Vec::new(),
        progress_ended: Vec::new(),
    };
    [Write::Create(create), Write::Episode(end)]
}

#[test]
fn a_purge_of_which_few_match_lets_others_have_their_turn() {
    let store = MemoryStore::new();
    let epoch = block_on(store.acquire(None)).unwrap().epoch;
    let writes: Vec<_> = (1..=25_000).flat_map(ended).collect();
    let results = block_on(store.commit(epoch, &writes)).unwrap();
    assert!(results.iter().all(Result::is_ok));

    let heard = Arc::default();
    let world = World::on_exactly(Overheard {
        store,
        heard: Arc::clone(&heard),
    });
    let mut worker = world.worker(definitions![wait_for_go]);
    let client = worker.client().clone();
    let few = InstanceFilter::new().version("2.0");
    let (purged, started) = worker.block_on(join(
        client.purge_where(few.clone()),
        client.start(wait_for_go().id("other")),
    ));
    assert_eq!(purged.unwrap(), 2);
    started.unwrap();
    assert_eq!(*heard.lock().unwrap(), ["purge", "start", "purge", "purge"]);
    assert_eq!(worker.block_on(client.purge_where(few)).unwrap(), 0);
}
