//! Orchestrators that do not return, on real threads.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on shall panic")]

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Condvar, Mutex};
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use steadfast::http::Api;
use steadfast::limits::{MAX_REQUEST_BYTES, MAX_THREADS_GIVEN_UP};
use steadfast::prelude::*;
use steadfast::store::Store;
use steadfast::store::memory::MemoryStore;
use steadfast::store::sqlite::SqliteStore;
use steadfast::{ClientError, InstanceHandle, NotReady};
use tokio::sync::Notify;
use tower::ServiceExt as _;

/// What keeps the threads of one test until it lets them go.
struct Block {
    held: Mutex<bool>,
    released: Condvar,
    entered: AtomicU32,
}

impl Block {
    const fn new() -> Self {
        Self {
            held: Mutex::new(true),
            released: Condvar::new(),
            entered: AtomicU32::new(0),
        }
    }

    /// Does not return before the test says so.
    fn enter(&self) {
        self.entered.fetch_add(1, Ordering::SeqCst);
        let held = self.held.lock().unwrap();
        drop(self.released.wait_while(held, |held| *held).unwrap());
    }

    fn release(&self) {
        *self.held.lock().unwrap() = false;
        self.released.notify_all();
    }

    fn entered(&self) -> u32 {
        self.entered.load(Ordering::SeqCst)
    }
}

async fn start(store: impl Store, threads: usize) -> Steadfast {
    let builder = Steadfast::builder().store(store);
    builder
        .orchestrator_threads(threads)
        .max_episode_duration(Duration::from_millis(500))
        .start()
        .await
        .unwrap()
}

/// Waits until an instance says why it does not move.
async fn stalled(instance: &InstanceHandle) -> String {
    let mut changes = instance.watch_custom_status();
    loop {
        let change = changes.next().await.unwrap();
        if let Some(why) = change.expect("it has ended").stalled {
            return why;
        }
    }
}

/// Waits until all threads that were given up have come back.
async fn all_back(steadfast: &Steadfast) {
    while steadfast.metrics().threads_given_up > 0 {
        tokio::task::yield_now().await;
    }
}

#[orchestrator]
async fn wait_for_go(ctx: OrchestrationContext) -> Result<u32, String> {
    let go = ctx.wait_for_external_event_named("go").await;
    go.map_err(|error| error.to_string())
}

#[orchestrator]
async fn nap(ctx: OrchestrationContext) {
    ctx.create_timer(Duration::from_millis(20)).await;
}

static SLOW: Block = Block::new();
static SLOW_STARTED: AtomicU32 = AtomicU32::new(0);
static SLOW_GOES: Notify = Notify::const_new();

#[activity]
async fn slow() -> u32 {
    SLOW_GOES.notified().await;
    SLOW_STARTED.fetch_add(1, Ordering::SeqCst) + 1
}

#[orchestrator]
async fn call_slow(ctx: OrchestrationContext) -> Result<u32, String> {
    Ok(ctx.call(slow()).await?)
}

#[orchestrator]
async fn blocks(ctx: OrchestrationContext) -> Result<u32, String> {
    SLOW.enter();
    let go = ctx.wait_for_external_event_named("go").await;
    go.map_err(|error| error.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_orchestrator_that_does_not_return_is_set_aside_and_the_others_go_on() {
    let store = MemoryStore::new();
    let steadfast = start(store.clone(), 1).await;
    let client = steadfast.client();
    let waits = client.start(wait_for_go().id("waits")).await.unwrap();
    let calls = client.start(call_slow().id("calls")).await.unwrap();
    while steadfast.metrics().activities_running == 0 {
        tokio::task::yield_now().await;
    }
    let naps = client.start(nap().id("naps")).await.unwrap();
    let culprit = client.start(blocks().id("culprit")).await.unwrap();
    while SLOW.entered() == 0 {
        tokio::task::yield_now().await;
    }
    // Taken by the next thread.
    waits.raise_event_named("go", &7).await.unwrap();
    assert_eq!(waits.output().await.unwrap(), 7);
    naps.output().await.unwrap();
    SLOW_GOES.notify_one();
    assert_eq!(calls.output().await.unwrap(), 1, "it runs once");

    let culprit = client.instance(culprit.id().as_str()).unwrap();
    let why = stalled(&culprit).await;
    assert!(
        why.contains("orchestrator `blocks` at") && why.contains("watchdog.rs:"),
        "{why}"
    );
    assert!(why.contains("did not return within"), "{why}");
    assert_eq!(steadfast.metrics().threads_given_up, 1);
    client.ready().await.unwrap();

    // Neither an event nor being out of memory runs it again.
    culprit.raise_event_named("go", &9).await.unwrap();
    assert_eq!(culprit.waiting_on().await.unwrap(), []);
    assert_eq!(SLOW.entered(), 1);

    // The thread that comes back touches nothing.
    SLOW.release();
    all_back(&steadfast).await;
    let status = culprit.status().await.unwrap();
    assert!(status.stalled.is_some_and(|still| still == why));

    // Now it returns, and takes the event that it could not.
    culprit.retry().await.unwrap();
    let output = client.orchestration::<blocks>("culprit").unwrap();
    assert_eq!(output.output().await.unwrap(), 9);
    assert_eq!(SLOW.entered(), 2);
    steadfast.shut_down(Duration::from_secs(60)).await;
}

static ON_EVENT: Block = Block::new();

#[orchestrator]
async fn blocks_on_event(ctx: OrchestrationContext) -> Result<(), String> {
    let go: Result<u32, _> = ctx.wait_for_external_event_named("go").await;
    ON_EVENT.enter();
    go.map(drop).map_err(|error| error.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_a_thread_that_is_given_up_is_told_and_may_terminate_the_culprit() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("app.db")).unwrap();
    let steadfast = start(store, 2).await;
    let client = steadfast.client().clone();
    let culprit = client.start(blocks_on_event().id("culprit")).await.unwrap();
    let told = culprit.raise_event_named("go", &1).await.unwrap_err();
    assert!(matches!(told, ClientError::GivenUp), "{told}");

    let culprit = client.instance("culprit").unwrap();
    stalled(&culprit).await;
    culprit.terminate(None).await.unwrap();
    let status = culprit.status().await.unwrap();
    assert_eq!(status.runtime_status, RuntimeStatus::Terminated);
    // Others of both threads go on.
    for number in 0..8 {
        let waits = client.start(wait_for_go()).await.unwrap();
        waits.raise_event_named("go", &number).await.unwrap();
        assert_eq!(waits.output().await.unwrap(), number);
    }
    ON_EVENT.release();
    all_back(&steadfast).await;
    steadfast.shut_down(Duration::from_secs(60)).await;
}

static ON_DROP: Block = Block::new();

struct BlocksOnDrop;

impl Drop for BlocksOnDrop {
    fn drop(&mut self) {
        ON_DROP.enter();
    }
}

#[orchestrator]
async fn drops_late(ctx: OrchestrationContext) -> Result<u32, String> {
    let guard = BlocksOnDrop;
    let go = ctx.wait_for_external_event_named("go").await;
    drop(guard);
    go.map_err(|error| error.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_destructor_that_does_not_return_harms_its_own_instance() {
    let steadfast = start(MemoryStore::new(), 1).await;
    let client = steadfast.client();
    let waits = client.start(wait_for_go().id("waits")).await.unwrap();
    client.start(drops_late().id("culprit")).await.unwrap();
    let culprit = client.instance("culprit").unwrap();
    culprit.waiting_on().await.unwrap();
    let told = culprit.terminate(None).await.unwrap_err();
    assert!(matches!(told, ClientError::GivenUp), "{told}");
    waits.raise_event_named("go", &1).await.unwrap();
    assert_eq!(waits.output().await.unwrap(), 1);
    // Its code is not in memory any more, so that nothing is dropped now.
    stalled(&culprit).await;
    culprit.terminate(None).await.unwrap();
    ON_DROP.release();
    all_back(&steadfast).await;
}

static ON_DROP_LATE: Block = Block::new();

struct BlocksOnDropLate;

impl Drop for BlocksOnDropLate {
    fn drop(&mut self) {
        ON_DROP_LATE.enter();
    }
}

#[orchestrator]
async fn holds(ctx: OrchestrationContext) -> Result<u32, String> {
    let _guard = BlocksOnDropLate;
    let go = ctx.wait_for_external_event_named("go").await;
    go.map_err(|error| error.to_string())
}

static BEFORE_DROP: Block = Block::new();

#[orchestrator]
async fn blocks_beside(_ctx: OrchestrationContext) {
    BEFORE_DROP.enter();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thread_that_comes_back_is_kept_while_it_drops_what_it_had() {
    let steadfast = start(MemoryStore::new(), 1).await;
    let client = steadfast.client();
    client.start(holds().id("holds")).await.unwrap();
    client
        .instance("holds")
        .unwrap()
        .waiting_on()
        .await
        .unwrap();
    client.start(blocks_beside().id("culprit")).await.unwrap();
    stalled(&client.instance("culprit").unwrap()).await;
    BEFORE_DROP.release();
    while ON_DROP_LATE.entered() == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(steadfast.metrics().threads_given_up, 1);
    ON_DROP_LATE.release();
    all_back(&steadfast).await;
}

static REPORTS_AGAIN: Notify = Notify::const_new();
static REPORTED_ENOUGH: Notify = Notify::const_new();

#[activity]
async fn report_twice(ctx: ActivityContext) -> Result<(), String> {
    ctx.heartbeat(&1).map_err(|error| error.to_string())?;
    REPORTS_AGAIN.notified().await;
    ctx.heartbeat(&2).map_err(|error| error.to_string())?;
    REPORTED_ENOUGH.notified().await;
    Ok(())
}

#[orchestrator]
async fn call_report_twice(ctx: OrchestrationContext) -> Result<(), String> {
    Ok(ctx.call(report_twice()).await?)
}

static BESIDE_REPORTS: Block = Block::new();

#[orchestrator]
async fn blocks_beside_reports(_ctx: OrchestrationContext) {
    BESIDE_REPORTS.enter();
}

/// Waits until an activity of the instance has reported this.
async fn reported(instance: &InstanceHandle, details: &str) {
    let mut changes = instance.watch_custom_status();
    loop {
        let change = changes.next().await.unwrap();
        let progress = change.expect("it has ended").progress;
        if progress.iter().any(|report| report.details == details) {
            return;
        }
    }
}

/// The second report waits for its time when the thread is kept, and is lost with it.
#[tokio::test(flavor = "multi_thread")]
async fn what_an_activity_has_reported_is_seen_when_its_thread_was_given_up() {
    let steadfast = start(MemoryStore::new(), 1).await;
    let client = steadfast.client();
    client.start(call_report_twice().id("calls")).await.unwrap();
    let calls = client.instance("calls").unwrap();
    reported(&calls, "1").await;
    REPORTS_AGAIN.notify_one();
    client.start(blocks_beside_reports()).await.unwrap();
    reported(&calls, "2").await;
    REPORTED_ENOUGH.notify_one();
    calls.wait_for_completion().await.unwrap();
    BESIDE_REPORTS.release();
    all_back(&steadfast).await;
}

static KEPT: Block = Block::new();
static BESIDE_KEPT: Block = Block::new();

#[activity]
async fn keeps_the_runtime() {
    KEPT.enter();
}

#[orchestrator]
async fn call_keeps_the_runtime(ctx: OrchestrationContext) -> Result<(), String> {
    Ok(ctx.call(keeps_the_runtime()).await?)
}

#[orchestrator]
async fn blocks_beside_kept(_ctx: OrchestrationContext) {
    BESIDE_KEPT.enter();
}

/// Whoever runs the activities cannot say what runs, as one of them keeps the only thread of the runtime.
#[test]
fn a_thread_that_is_not_told_what_was_handed_out_goes_on_after_a_while() {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let steadfast = start(MemoryStore::new(), 1).await;
        let client = steadfast.client();
        let calls = client.start(call_keeps_the_runtime()).await.unwrap();
        while KEPT.entered() == 0 {
            tokio::task::yield_now().await;
        }
        let waits = client.start(wait_for_go()).await.unwrap();
        client.start(blocks_beside_kept()).await.unwrap();
        while BESIDE_KEPT.entered() == 0 {
            tokio::task::yield_now().await;
        }
        waits.raise_event_named("go", &7).await.unwrap();
        assert_eq!(waits.output().await.unwrap(), 7);
        // What nobody could speak of may run once more.
        KEPT.release();
        calls.output().await.unwrap();
        BESIDE_KEPT.release();
        all_back(&steadfast).await;
        steadfast.shut_down(Duration::from_secs(60)).await;
    });
}

static SECOND: Block = Block::new();

#[orchestrator]
async fn blocks_in_the_second_execution(ctx: OrchestrationContext, second: bool) {
    if second {
        SECOND.enter();
    } else {
        ctx.continue_as_new(blocks_in_the_second_execution(true))
            .await
    }
}

/// The thread runs it when it is told of the commit, which it may have made itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_thread_that_is_kept_behind_a_commit_keeps_nobody_from_committing() {
    let steadfast = start(MemoryStore::new(), 2).await;
    let client = steadfast.client();
    let call = blocks_in_the_second_execution(false).id("culprit");
    client.start(call).await.unwrap();
    while SECOND.entered() == 0 {
        tokio::task::yield_now().await;
    }
    // Of both threads.
    for number in 0..8 {
        let waits = client.start(wait_for_go()).await.unwrap();
        waits.raise_event_named("go", &number).await.unwrap();
        assert_eq!(waits.output().await.unwrap(), number);
    }
    stalled(&client.instance("culprit").unwrap()).await;
    SECOND.release();
    all_back(&steadfast).await;
}

static GONE_ON: Block = Block::new();
static WITHDRAWN: Notify = Notify::const_new();

#[activity]
async fn until_cancelled(ctx: ActivityContext) {
    ctx.cancelled().await;
    WITHDRAWN.notify_one();
}

#[orchestrator]
async fn withdraws(ctx: OrchestrationContext) -> Result<u32, String> {
    tokio::select! {
        biased;
        _ = ctx.wait_for_external_event_named::<()>("stop") => {}
        _ = ctx.call(until_cancelled()) => {}
    }
    let go = ctx.wait_for_external_event_named("go").await;
    go.map_err(|error| error.to_string())
}

#[orchestrator]
async fn goes_on_and_blocks(ctx: OrchestrationContext, second: bool) -> Result<(), String> {
    if second {
        GONE_ON.enter();
        return Ok(());
    }
    let stop = ctx.wait_for_external_event_named::<()>("stop").await;
    stop.map_err(|error| error.to_string())?;
    ctx.continue_as_new(goes_on_and_blocks(true)).await
}

#[orchestrator]
async fn stops_both(ctx: OrchestrationContext) -> Result<(), String> {
    for id in ["withdraws", "culprit"] {
        let sent = ctx.send_event_named(id, "stop", &());
        sent.map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// The thread is told of both commits at once, and the second keeps it before it passes on what follows from the first.
#[tokio::test(flavor = "multi_thread")]
async fn an_activity_is_cancelled_though_its_thread_was_given_up_before_it_said_so() {
    let steadfast = start(MemoryStore::new(), 1).await;
    let client = steadfast.client();
    let withdraws = client.start(withdraws().id("withdraws")).await.unwrap();
    let culprit = goes_on_and_blocks(false).id("culprit");
    client.start(culprit).await.unwrap();
    while steadfast.metrics().activities_running == 0 {
        tokio::task::yield_now().await;
    }
    client.start(stops_both()).await.unwrap();
    WITHDRAWN.notified().await;
    withdraws.raise_event_named("go", &7).await.unwrap();
    assert_eq!(withdraws.output().await.unwrap(), 7);
    GONE_ON.release();
    all_back(&steadfast).await;
}

static ALL: Block = Block::new();

#[orchestrator]
async fn blocks_too(_ctx: OrchestrationContext) {
    ALL.enter();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_says_when_too_many_threads_are_kept_and_goes_on_when_they_come_back() {
    let store = MemoryStore::new();
    let steadfast = start(store.clone(), 1).await;
    let client = steadfast.client();
    let mut culprits = Vec::new();
    for _ in 0..=MAX_THREADS_GIVEN_UP {
        culprits.push(client.start(blocks_too()).await.unwrap());
    }
    loop {
        match client.ready().await {
            Err(NotReady::Stuck) => break,
            Ok(()) => tokio::task::yield_now().await,
            Err(other) => panic!("{other}"),
        }
    }
    let given_up = steadfast.metrics().threads_given_up;
    assert_eq!(given_up, MAX_THREADS_GIVEN_UP as u64);

    ALL.release();
    all_back(&steadfast).await;
    while client.ready().await.is_err() {
        tokio::task::yield_now().await;
    }
    steadfast.shut_down(Duration::from_secs(60)).await;
    // The next worker tries them all again.
    let steadfast = start(store, 1).await;
    for culprit in culprits {
        let culprit = steadfast
            .client()
            .orchestration::<blocks_too>(culprit.id().as_str());
        culprit.unwrap().output().await.unwrap();
    }
}

static FLOODED: Block = Block::new();

#[orchestrator]
async fn blocks_for_long(_ctx: OrchestrationContext) {
    FLOODED.enter();
}

#[orchestrator]
async fn take(_ctx: OrchestrationContext, text: String) -> usize {
    text.len()
}

/// What the thread has not taken, which it cannot while it is kept.
#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_requests_waits_with_who_makes_them() {
    const EACH: usize = 1_000_000;
    let builder = Steadfast::builder().store(MemoryStore::new());
    let steadfast = builder.orchestrator_threads(1).start().await.unwrap();
    let client = steadfast.client().clone();
    let keeps = client.start(blocks_for_long()).await.unwrap();
    while FLOODED.entered() == 0 {
        tokio::task::yield_now().await;
    }
    let text = "x".repeat(EACH);
    let starts = (0..100).map(|_| {
        let (client, text) = (client.clone(), text.clone());
        tokio::spawn(async move { client.start(take(text)).await.unwrap().output().await })
    });
    let starts: Vec<_> = starts.collect();
    let most = (MAX_REQUEST_BYTES / EACH) as u64;
    while steadfast.metrics().messages_waiting < most {
        tokio::task::yield_now().await;
    }
    // Over HTTP nobody waits for ever.
    let api = Api::new(client.clone()).room_timeout(Duration::from_millis(1));
    let request = Request::post("/runtime/webhooks/durabletask/orchestrators/take")
        .body(Body::from(format!("\"{text}\"")))
        .unwrap();
    let answer = api.router().oneshot(request).await.unwrap();
    assert_eq!(answer.status(), 503);
    assert_eq!(answer.headers()["retry-after"], "1");

    let taken = steadfast.metrics().messages_waiting;
    assert!(taken <= most, "{taken} of {most}");

    FLOODED.release();
    for start in starts {
        assert_eq!(start.await.unwrap().unwrap(), EACH);
    }
    keeps.output().await.unwrap();
}
