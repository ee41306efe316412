//! Many requests together.

use std::time::Duration;

use steadfast::prelude::*;
use steadfast::store::memory::MemoryStore;
use steadfast::{BatchOperation, Call, ClientError, StartByName, definitions};

use crate::support::World;

#[orchestrator]
async fn double(ctx: OrchestrationContext, n: u32) -> Result<u32, String> {
    ctx.create_timer(Duration::from_secs(60)).await;
    n.checked_mul(2).ok_or_else(|| "too much".into())
}

#[test]
fn many_starts_are_one_commit_and_are_answered_in_their_order() {
    let store = MemoryStore::new();
    let mut worker = World::on_exactly(store.clone()).worker(definitions![double]);
    let client = worker.client().clone();
    let before = store.commits();
    let starts = (0..100).map(|n| double(n).id(format!("double-{n}")));
    let started = worker.block_on(client.start_many(starts));
    assert_eq!(store.commits(), before + 1);
    assert_eq!(started.len(), 100);
    let mut last = None;
    for (n, double) in (0..).zip(started) {
        let double = double.unwrap();
        assert_eq!(double.id().as_str(), format!("double-{n}"));
        assert_eq!(worker.block_on(double.output()).unwrap(), 2 * n);
        // They are made in their order, and not in that of a hash map.
        let incarnation = worker.block_on(double.status()).unwrap().cursor.incarnation;
        assert!(last.replace(incarnation) < Some(incarnation));
    }
}

#[test]
fn each_start_is_on_its_own() {
    let mut worker = World::new().worker(definitions![double]);
    let client = worker.client().clone();
    let starts = [
        double(1).id("one"),
        double(2).id("not/valid"),
        double(3).id("one"),
        double(4),
        double(u32::MAX),
    ];
    let started = worker.block_on(client.start_many(starts));
    let [one, invalid, again, generated, failing] = started.try_into().unwrap();
    assert!(matches!(invalid, Err(ClientError::InstanceId(_))));
    // Those of one id come one after the other: it is taken by then.
    assert!(matches!(again, Err(ClientError::AlreadyExists { .. })));
    assert_eq!(worker.block_on(one.unwrap().output()).unwrap(), 2);
    assert_eq!(worker.block_on(generated.unwrap().output()).unwrap(), 8);
    worker
        .block_on(failing.unwrap().output())
        .expect_err("it is too much");
    assert!(
        worker
            .block_on(client.start_many(Vec::<Call<double>>::new()))
            .is_empty()
    );
}

#[test]
fn requests_for_one_instance_are_made_in_their_order() {
    let mut worker = World::new().worker(definitions![double]);
    let client = worker.client().clone();
    let purge = |id: &str| BatchOperation::Purge { id: id.into() };
    let start = |id: &str| BatchOperation::Start(StartByName::new("double").id(id).input(1));
    let operations = [start("a"), purge("b"), purge("a"), start("b")];
    let answers = worker.block_on(client.batch(operations));
    let told: Vec<_> = answers
        .iter()
        .map(|answer| match answer {
            Ok(_) => "done",
            Err(ClientError::NotFound { .. }) => "not found",
            Err(ClientError::NotEnded { .. }) => "not ended",
            Err(_) => "another error",
        })
        .collect();
    assert_eq!(told, ["done", "not found", "not ended", "done"]);
}
