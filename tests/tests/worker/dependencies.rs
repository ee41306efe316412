//! What a worker gives to its activities.

use std::sync::{Arc, Mutex, PoisonError};

use steadfast::prelude::*;
use steadfast::store::memory::MemoryStore;
use steadfast::testing::{
    EpisodeReplays, ManualClock, Order, SingleThreaded, SingleThreadedOptions,
};
use steadfast::{
    CancelReason, Dependencies, Panics, Registration, StartError, SuspiciousAwaits, definitions,
};

use crate::support::{Worker, at};

/// What was sent.
#[derive(Default)]
struct Outbox(Mutex<Vec<String>>);

impl Outbox {
    fn push(&self, mail: String) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(mail);
    }
}

trait Translate: Send + Sync {
    fn hello(&self) -> &'static str;
}

struct Japanese;

impl Translate for Japanese {
    fn hello(&self) -> &'static str {
        "こんにちは"
    }
}

#[activity]
async fn send(
    city: String,
    outbox: Dependency<Outbox>,
    number: u8,
    language: Dependency<dyn Translate>,
) -> usize {
    outbox.push(format!("{} {city}, {}", language.hello(), number));
    city.len()
}

#[orchestrator]
async fn send_two(ctx: OrchestrationContext) -> Result<usize, String> {
    let first = ctx.call(send("Tokyo".into(), 1)).await?;
    Ok(first + ctx.call(send("Kyoto".into(), 2)).await?)
}

/// Waits until nobody waits for it any more, and says why.
#[activity]
async fn linger(ctx: ActivityContext, outbox: Dependency<Outbox>) {
    let reason = ctx.cancelled().await;
    outbox.push(format!(
        "{reason:?} {:?} {}",
        ctx.cancel_reason(),
        ctx.attempt()
    ));
}

#[orchestrator]
async fn lose_interest(ctx: OrchestrationContext) {
    let lingering = ctx.call(linger());
    let due = ctx.create_timer(std::time::Duration::from_secs(1));
    futures_util::future::select(lingering, due).await;
}

fn definitions() -> Vec<Registration> {
    definitions![send, send_two, linger, lose_interest]
}

fn worker(dependencies: Dependencies) -> SingleThreaded {
    let options = SingleThreadedOptions {
        definitions: definitions(),
        dependencies,
        clock: Arc::new(ManualClock::new(at(0))),
        max_live_instances: 100,
        panics: Panics::Fail,
        max_payload_bytes: steadfast::limits::DEFAULT_MAX_PAYLOAD_BYTES,
        suspicious_awaits: SuspiciousAwaits::SetAside,
        replays: EpisodeReplays::Never,
        order: Order::Fixed,
    };
    SingleThreaded::start(Arc::new(MemoryStore::new()), options).unwrap()
}

fn given(outbox: &Arc<Outbox>) -> Dependencies {
    let language: Arc<dyn Translate> = Arc::new(Japanese);
    Dependencies::new()
        .with_shared(Arc::clone(outbox))
        .with_shared(language)
}

#[test]
fn activities_take_what_the_worker_was_given() {
    let outbox = Arc::new(Outbox::default());
    let mut worker = worker(given(&outbox));
    let client = worker.client().clone();
    let sent = worker.wait(client.start(send_two().id("a")));
    assert_eq!(worker.wait(sent.output()), 10);
    assert_eq!(
        *outbox.0.lock().unwrap(),
        ["こんにちは Tokyo, 1", "こんにちは Kyoto, 2"]
    );
}

#[test]
fn an_activity_that_was_dropped_is_told_why() {
    let outbox = Arc::new(Outbox::default());
    let mut worker = worker(given(&outbox));
    let client = worker.client().clone();
    worker.wait(client.start(lose_interest().id("a")));
    worker.settle();
    let reason = CancelReason::Withdrawn;
    assert_eq!(
        *outbox.0.lock().unwrap(),
        [format!("{reason:?} {:?} 1", Some(reason))]
    );
}

#[test]
#[should_panic(
    expected = "takes a `Dependency<worker::dependencies::Outbox>`, and the worker was not given"
)]
fn a_test_worker_without_them_panics() {
    worker(Dependencies::new());
}

#[tokio::test]
async fn a_worker_without_them_does_not_start() {
    let builder = || {
        Steadfast::builder()
            .store(MemoryStore::new())
            .definitions(definitions())
    };
    let language: Arc<dyn Translate> = Arc::new(Japanese);
    let error = builder()
        .shared_dependency(Arc::clone(&language))
        .start()
        .await
        .unwrap_err();
    assert!(
        matches!(error, StartError::MissingDependency(_)),
        "{error:?}"
    );
    let message = error.to_string();
    for part in [
        "the activity `linger` at ",
        "the activity `send` at ",
        "dependencies.rs:",
        "takes a `Dependency<worker::dependencies::Outbox>`, and the worker was not given a `worker::dependencies::Outbox`: \
         write `.dependency(value)`",
        "(it was given `dyn worker::dependencies::Translate`)",
    ] {
        assert!(message.contains(part), "{message}");
    }

    let twice = builder()
        .dependency(Outbox::default())
        .dependency(Outbox::default());
    let error = twice
        .shared_dependency(language.clone())
        .start()
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "two dependencies of type `worker::dependencies::Outbox` are given; give one of them a type of its own, as in \
         `struct Replica(worker::dependencies::Outbox);`"
    );

    let started = builder()
        .dependency(Outbox::default())
        .shared_dependency(language)
        .start()
        .await;
    started.unwrap();
}
