//! The worker as programs run it: real threads, tokio, SQLite.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on shall panic")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use futures_util::future::try_join;
use steadfast::clock::Clock;
use steadfast::prelude::*;
use steadfast::store::memory::MemoryStore;
use steadfast::store::sqlite::SqliteStore;
use steadfast::store::{
    BoxFuture, Epoch, Store, StoreError, StoreErrorKind, StoredInstance, Write, WriteResult,
    delegate_store,
};
use steadfast::testing::{FaultyStore, ManualClock};
use steadfast::{ClientError, InstanceFilter, InstanceId, StartError, Timestamp, definitions};
use tokio::sync::{Notify, mpsc};

#[activity(name = "E1_SayHello")]
async fn say_hello(city: String) -> String {
    format!("Hello {city}!")
}

#[orchestrator(name = "E1_HelloSequence")]
async fn hello_sequence(
    ctx: OrchestrationContext<BoundedStr<32>>,
    cities: Vec<String>,
) -> Result<Vec<String>, String> {
    let mut greetings = Vec::new();
    for city in cities {
        greetings.push(ctx.call(say_hello(city.clone())).await?);
        ctx.set_custom_status(BoundedStr::truncated(city));
    }
    Ok(greetings)
}

fn cities() -> Vec<String> {
    ["Tokyo", "Seattle", "London"].map(String::from).into()
}

async fn start(store: impl Store) -> Steadfast {
    Steadfast::builder().store(store).start().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_instances_complete_in_few_commits() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(SqliteStore::open(folder.path().join("app.db")).unwrap());
    let steadfast = start(Arc::clone(&store)).await;
    let starts = (0..10_000).map(|_| {
        let client = steadfast.client().clone();
        tokio::spawn(async move {
            let hello = client.start(hello_sequence(cities())).await.unwrap();
            hello.output().await.unwrap()
        })
    });
    for greetings in futures_util::future::join_all(starts).await {
        assert_eq!(
            greetings.unwrap(),
            ["Hello Tokyo!", "Hello Seattle!", "Hello London!"]
        );
    }
    // A start, a first episode and three results each are 50,000 writes.
    assert!(store.commits() < 25_000, "{} commits", store.commits());
    steadfast.shut_down(Duration::from_secs(60)).await;
}

#[orchestrator]
async fn wait_to_go(ctx: OrchestrationContext) -> Result<u32, String> {
    let go = ctx.wait_for_external_event_named("go").await;
    go.map_err(|error| error.to_string())
}

/// On a runtime with one thread.
#[tokio::test]
async fn who_reads_in_a_loop_lets_others_run() {
    let steadfast = start(MemoryStore::new()).await;
    let hello = steadfast.client().start(hello_sequence(cities())).await;
    let hello = hello.unwrap();
    let mut reads = 0;
    while !hello.status().await.unwrap().is_terminal() {
        reads += 1;
        assert!(reads < 1_000_000, "the activities do not run");
    }
}

#[tokio::test]
async fn an_instance_that_is_paused_while_its_start_is_answered_goes_on() {
    let steadfast = start(MemoryStore::new()).await;
    let client = steadfast.client();
    for number in 0..1_000 {
        let id = number.to_string();
        let instance = client.instance(&*id).unwrap();
        // What the shard has loaded, written and let go by the time that it hears of the creation.
        let (started, suspended, raised, resumed) = tokio::join!(
            client.start(wait_to_go().id(&*id)),
            instance.suspend(None),
            instance.raise_event_named("go", &number),
            instance.resume(None),
        );
        let started = started.unwrap();
        // It may not have been there yet for any of the others.
        drop(suspended);
        if resumed.is_err() {
            let again = instance.resume(None).await;
            assert!(matches!(
                again,
                // Nobody had paused it when the event came.
                Ok(()) | Err(ClientError::AlreadyEnded { .. })
            ));
        }
        if raised.is_err() {
            instance.raise_event_named("go", &number).await.unwrap();
        }
        assert_eq!(started.output().await.unwrap(), number);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watcher_sees_every_status_that_it_is_quick_enough_for_and_never_goes_back() {
    let steadfast = start(MemoryStore::new()).await;
    let hello = steadfast
        .client()
        .start(hello_sequence(cities()))
        .await
        .unwrap();
    let mut watch = hello.watch_custom_status();
    let (mut seen, mut cursor) = (Vec::new(), None);
    while let Some(state) = watch.next().await.unwrap() {
        assert!(cursor < Some(state.cursor));
        cursor = Some(state.cursor);
        seen.extend(state.custom_status.map(|city| city.to_string()));
    }
    assert_eq!(seen.last().unwrap(), "London");
    let mut expected = cities().into_iter();
    assert!(
        seen.iter().all(|city| expected.any(|other| other == *city)),
        "{seen:?} is out of order"
    );
}

/// What the activities of one test share with it.
#[derive(Default)]
struct Gate {
    entered: Notify,
    open: Notify,
    left: AtomicU32,
}

static GRACEFUL: std::sync::LazyLock<Gate> = std::sync::LazyLock::new(Gate::default);

#[activity]
async fn pass_gate() -> u32 {
    GRACEFUL.entered.notify_one();
    GRACEFUL.open.notified().await;
    GRACEFUL.left.fetch_add(1, Ordering::SeqCst) + 1
}

#[orchestrator]
async fn through_gate(ctx: OrchestrationContext) -> Result<u32, String> {
    Ok(ctx.call(pass_gate()).await?)
}

#[tokio::test(flavor = "multi_thread")]
async fn shutting_down_lets_activities_finish_and_commits_their_results() {
    let store = MemoryStore::new();
    let steadfast = start(store.clone()).await;
    let client = steadfast.client().clone();
    client.start(through_gate().id("a")).await.unwrap();
    GRACEFUL.entered.notified().await;
    let stopping = tokio::spawn(steadfast.shut_down(Duration::from_secs(600)));
    // Once requests are refused, the worker only waits for the activity.
    while !matches!(
        client.instance("nobody").unwrap().terminate(None).await,
        Err(ClientError::ShutDown)
    ) {
        tokio::task::yield_now().await;
    }
    GRACEFUL.open.notify_one();
    stopping.await.unwrap();
    let status = client.instance("a").unwrap().status().await.unwrap();
    assert_eq!(
        (status.runtime_status, status.output.as_deref()),
        (RuntimeStatus::Completed, Some("1"))
    );
    assert!(matches!(
        client.start(through_gate()).await,
        Err(ClientError::ShutDown)
    ));
}

static STUBBORN: std::sync::LazyLock<Gate> = std::sync::LazyLock::new(Gate::default);

#[activity]
async fn stubborn(ctx: ActivityContext) -> u32 {
    STUBBORN.entered.notify_one();
    if STUBBORN.left.fetch_add(1, Ordering::SeqCst) == 0 {
        ctx.cancelled().await;
        std::future::pending::<()>().await;
    }
    7
}

#[orchestrator]
async fn call_stubborn(ctx: OrchestrationContext) -> Result<u32, String> {
    Ok(ctx.call(stubborn()).await?)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_activity_that_misses_the_deadline_runs_again_after_the_next_start() {
    let store = MemoryStore::new();
    let steadfast = start(store.clone()).await;
    steadfast
        .client()
        .start(call_stubborn().id("a"))
        .await
        .unwrap();
    STUBBORN.entered.notified().await;
    steadfast.shut_down(Duration::from_millis(1)).await;

    let steadfast = start(store).await;
    let output = steadfast
        .client()
        .orchestration::<call_stubborn>("a")
        .unwrap()
        .output()
        .await;
    assert_eq!(
        (output.unwrap(), STUBBORN.left.load(Ordering::SeqCst)),
        (7, 2)
    );
}

#[orchestrator]
async fn waits_for_ever(ctx: OrchestrationContext) -> Result<(), String> {
    let go: Result<(), _> = ctx.wait_for_external_event_named("go").await;
    go.map_err(|error| error.to_string())
}

#[tokio::test]
async fn a_dropped_worker_tells_its_clients() {
    let store = MemoryStore::new();
    let steadfast = start(store.clone()).await;
    let waiting = steadfast
        .client()
        .start(waits_for_ever().id("a"))
        .await
        .unwrap();
    let client = steadfast.client().clone();
    let watcher = tokio::spawn(async move { waiting.wait_for_completion().await });
    drop(steadfast);
    assert!(matches!(watcher.await.unwrap(), Err(ClientError::ShutDown)));
    assert!(matches!(
        client.start(waits_for_ever()).await,
        Err(ClientError::ShutDown)
    ));

    let steadfast = start(store).await;
    let waiting = steadfast
        .client()
        .orchestration::<waits_for_ever>("a")
        .unwrap();
    waiting.raise_event_named("Go", &()).await.unwrap();
    waiting.output().await.unwrap();
}

#[tokio::test]
async fn a_real_timer_fires_after_its_time() {
    #[orchestrator]
    async fn nap(ctx: OrchestrationContext) -> bool {
        let due = ctx.current_utc_datetime() + Duration::from_millis(30);
        ctx.create_timer(due).await;
        ctx.current_utc_datetime() >= due
    }

    let steadfast = start(MemoryStore::new()).await;
    assert!(
        steadfast
            .client()
            .start(nap())
            .await
            .unwrap()
            .output()
            .await
            .unwrap()
    );
}

/// A clock that the test moves while the worker has it.
#[derive(Clone, Debug)]
struct SharedClock(Arc<ManualClock>);

impl Clock for SharedClock {
    fn now(&self) -> Timestamp {
        self.0.now()
    }
}

#[orchestrator]
async fn sleep_a_minute(ctx: OrchestrationContext) -> Timestamp {
    ctx.create_timer(Duration::from_secs(60)).await;
    ctx.current_utc_datetime()
}

#[tokio::test(flavor = "multi_thread")]
async fn more_timers_than_are_read_at_once_fire_when_they_are_overdue_at_the_start() {
    let minute = |minutes: i64| Timestamp::from_second(1_700_000_000 + 60 * minutes).unwrap();
    let clock = SharedClock(Arc::new(ManualClock::new(minute(0))));
    let store = MemoryStore::new();
    let start = || {
        let builder = Steadfast::builder().store(store.clone());
        builder.clock(clock.clone()).start()
    };
    let steadfast = start().await.unwrap();
    let client = steadfast.client().clone();
    let starts = (0..1_500).map(|id| client.start(sleep_a_minute().id(id.to_string())));
    for started in futures_util::future::join_all(starts).await {
        let mut states = started.unwrap().watch_custom_status();
        // Not all begin at once; what has not begun sleeps from its own beginning on.
        while states.next().await.unwrap().unwrap().runtime_status == RuntimeStatus::Pending {}
    }
    steadfast.shut_down(Duration::from_secs(60)).await;

    clock.0.set(minute(5));
    let steadfast = start().await.unwrap();
    for id in 0..1_500 {
        let sleeper = steadfast
            .client()
            .orchestration::<sleep_a_minute>(id.to_string())
            .unwrap();
        assert_eq!(sleeper.output().await.unwrap(), minute(5));
    }
}

#[activity]
async fn take_for_ever() {
    std::future::pending().await
}

#[orchestrator]
async fn wait_for_ever(ctx: OrchestrationContext) -> Result<(), String> {
    ctx.call(take_for_ever()).await?;
    Ok(())
}

/// More than may be under way side by side wait for their activities; the others must not begin one by one for that.
#[tokio::test]
async fn activities_that_take_long_keep_nobody_from_beginning() {
    let directory = tempfile::tempdir().unwrap();
    let store = Arc::new(SqliteStore::open(directory.path().join("app.db")).unwrap());
    let clock = SharedClock(Arc::new(ManualClock::new(Timestamp::UNIX_EPOCH)));
    let builder = Steadfast::builder().store(Arc::clone(&store));
    let builder = builder
        .clock(clock.clone())
        .max_concurrent_activities(10_000);
    let steadfast = builder.start().await.unwrap();
    let client = steadfast.client();
    let starts = (0..2_400).map(|_| client.start(wait_for_ever()));
    for started in futures_util::future::join_all(starts).await {
        let mut states = started.unwrap().watch_custom_status();
        while states.next().await.unwrap().unwrap().runtime_status == RuntimeStatus::Pending {}
    }
    clock.0.set(Timestamp::from_second(60).unwrap());

    let before = store.commits();
    let hellos = (0..1_000).map(async |_| {
        let hello = client.start(hello_sequence(cities())).await.unwrap();
        hello.output().await.unwrap();
    });
    futures_util::future::join_all(hellos).await;
    let commits = store.commits() - before;
    assert!(commits < 500, "{commits} commits for 1,000 instances");
}

#[tokio::test]
async fn a_store_that_panics_fails_the_request_and_not_the_worker() {
    let store = FaultyStore::new(MemoryStore::new(), |commit| {
        assert_ne!(commit, 0, "the store panics on purpose");
        None
    });
    let steadfast = start(store).await;
    let client = steadfast.client();
    let error = client.start(hello_sequence(cities())).await.unwrap_err();
    assert!(matches!(error, ClientError::Store(_)), "{error}");
    let hello = client.start(hello_sequence(cities())).await.unwrap();
    assert_eq!(hello.output().await.unwrap().len(), 3);
}

/// A store that answers the first commit of the writer's thread only once somebody has loaded what it wrote. A shard that commits for
/// itself cannot load meanwhile; so that the writer gets something, the first that does so waits.
#[derive(Debug)]
struct AnswersAfterLoad {
    store: MemoryStore,
    shard_waits: AtomicBool,
    go_on: Arc<Notify>,
    held: AtomicBool,
    /// Told which instance that commit created.
    created: mpsc::UnboundedSender<InstanceId>,
    loaded: Notify,
}

impl Store for AnswersAfterLoad {
    delegate_store!(|self| self.store; acquire, read, needing_attention, timers, inbox, changes, query, counts);

    fn commit<'a>(
        &'a self,
        epoch: Epoch,
        writes: &'a [Write],
    ) -> BoxFuture<'a, Result<Vec<WriteResult>, StoreError>> {
        Box::pin(async move {
            let results = self.store.commit(epoch, writes).await?;
            let created = writes.iter().find_map(|write| match write {
                Write::Create(create) => Some(create.id.clone()),
                _ => None,
            });
            let is_the_writers = std::thread::current().name() == Some("steadfast-writer");
            if !is_the_writers && !self.shard_waits.swap(true, Ordering::SeqCst) {
                self.go_on.notified().await;
            }
            if let Some(created) = created.filter(|_| is_the_writers)
                && !self.held.swap(true, Ordering::SeqCst)
            {
                self.created.send(created).unwrap();
                self.loaded.notified().await;
            }
            Ok(results)
        })
    }

    fn load<'a>(
        &'a self,
        id: &'a InstanceId,
    ) -> BoxFuture<'a, Result<Option<StoredInstance>, StoreError>> {
        Box::pin(async move {
            let stored = self.store.load(id).await;
            self.loaded.notify_one();
            stored
        })
    }
}

#[orchestrator]
async fn two_words(ctx: OrchestrationContext) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    for _ in 0..2 {
        let word = ctx.wait_for_external_event_named("word").await;
        words.push(word.map_err(|error| error.to_string())?);
    }
    Ok(words)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_that_is_loaded_before_its_creation_is_answered_runs_once() {
    let (created, mut was_created) = mpsc::unbounded_channel();
    let go_on = Arc::new(Notify::new());
    let builder = Steadfast::builder().store(AnswersAfterLoad {
        store: MemoryStore::new(),
        shard_waits: AtomicBool::new(false),
        go_on: Arc::clone(&go_on),
        held: AtomicBool::new(false),
        created,
        loaded: Notify::new(),
    });
    let steadfast = builder.orchestrator_threads(2).start().await.unwrap();
    let client = steadfast.client().clone();
    let starting = tokio::spawn({
        let client = client.clone();
        async move {
            // So many that both threads have some.
            let starts = (0..200).map(|_| client.start(two_words()));
            futures_util::future::join_all(starts).await
        }
    });
    while steadfast.metrics().writes_waiting == 0 {
        tokio::task::yield_now().await;
    }
    go_on.notify_one();
    let id = was_created.recv().await.unwrap();
    let instance = client.instance(id.as_str()).unwrap();
    instance.raise_event_named("word", "first").await.unwrap();
    let started = starting.await.unwrap();
    let words = started.into_iter().map(Result::unwrap);
    let words = words.into_iter().find(|words| *words.id() == id).unwrap();
    instance.raise_event_named("word", "second").await.unwrap();
    assert_eq!(words.output().await.unwrap(), ["first", "second"]);
}

#[tokio::test]
async fn a_worker_that_cannot_start_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.db");
    let error = Steadfast::builder().start().await.unwrap_err();
    assert!(matches!(error, StartError::NoStore), "{error}");

    let twice = definitions![say_hello, say_hello];
    let error = Steadfast::builder()
        .store(MemoryStore::new())
        .definitions(twice)
        .start()
        .await
        .unwrap_err();
    assert!(
        error.to_string().matches("threads.rs:").count() == 2,
        "{error}"
    );

    let steadfast = Steadfast::builder()
        .store(SqliteStore::open(&path).unwrap())
        .task_hub("mine")
        .start()
        .await
        .unwrap();
    assert_eq!(steadfast.client().task_hub(), "mine");
    let in_use = SqliteStore::open(&path).unwrap_err();
    assert_eq!(in_use.kind(), StoreErrorKind::InUse, "{in_use}");
    drop(steadfast);

    let other = Steadfast::builder()
        .store(SqliteStore::open(&path).unwrap())
        .task_hub("other")
        .start()
        .await
        .unwrap_err();
    assert!(
        other.to_string().contains("mine") && other.to_string().contains("other"),
        "{other}"
    );
}

#[activity]
async fn never_returns() {
    std::future::pending().await
}

#[orchestrator]
async fn gives_up_and_greets(ctx: OrchestrationContext) -> Result<String, String> {
    for _ in 0..3 {
        tokio::select! {
            biased;
            _ = ctx.call(never_returns()) => return Err("it returned".into()),
            () = ctx.create_timer(Duration::from_millis(1)) => {}
        }
    }
    Ok(ctx.call(say_hello("Tokyo".into())).await?)
}

#[tokio::test]
async fn an_activity_that_nobody_waits_for_takes_no_place() {
    let steadfast = Steadfast::builder()
        .store(MemoryStore::new())
        .max_concurrent_activities(1)
        .start()
        .await
        .unwrap();
    let greeting = steadfast
        .client()
        .start(gives_up_and_greets())
        .await
        .unwrap();
    assert_eq!(greeting.output().await.unwrap(), "Hello Tokyo!");
}

static BESIDE_RUNS: AtomicU32 = AtomicU32::new(0);
static BESIDE_GOES: [Notify; 2] = [const { Notify::const_new() }; 2];
static BESIDE_RETURNS: AtomicU32 = AtomicU32::new(0);
static HAS_FAILED: AtomicBool = AtomicBool::new(false);

/// Takes no notice when nobody waits for it any more.
#[activity]
async fn beside() -> Result<usize, String> {
    let run = BESIDE_RUNS.fetch_add(1, Ordering::SeqCst) as usize;
    BESIDE_GOES[run].notified().await;
    BESIDE_RETURNS.fetch_add(1, Ordering::SeqCst);
    Ok(run)
}

#[activity]
async fn fails_once() -> Result<(), String> {
    while BESIDE_RUNS.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    if HAS_FAILED.swap(true, Ordering::SeqCst) {
        return Ok(());
    }
    Err("broken".into())
}

#[orchestrator]
async fn failure_beside(ctx: OrchestrationContext) -> Result<usize, String> {
    let (_, run) = try_join(ctx.call(fails_once()), ctx.call(beside())).await?;
    Ok(run)
}

// In one thread an activity has told its end when anybody sees that it has returned.
#[tokio::test]
async fn what_a_withdrawn_activity_returns_is_not_that_of_the_one_that_runs_after_a_rewind() {
    let steadfast = start(MemoryStore::new()).await;
    let instance = steadfast.client().start(failure_beside()).await.unwrap();
    assert!(instance.output().await.is_err());
    instance.rewind(None).await.unwrap();
    while BESIDE_RUNS.load(Ordering::SeqCst) < 2 {
        tokio::task::yield_now().await;
    }
    BESIDE_GOES[0].notify_one();
    while BESIDE_RETURNS.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    BESIDE_GOES[1].notify_one();
    assert_eq!(instance.output().await.unwrap(), 1);
}

#[orchestrator]
async fn leaf(ctx: OrchestrationContext, number: u64) -> Result<u64, String> {
    let parent = ctx.parent().map(|parent| parent.instance_id.to_string());
    ctx.send_event_named(parent.unwrap_or_default(), "seen", &number)?;
    Ok(number)
}

#[orchestrator]
async fn branch(ctx: OrchestrationContext, leaves: u64) -> Result<u64, String> {
    let leaves: Vec<_> = (0..leaves).map(|number| ctx.call(leaf(number))).collect();
    let mut sum = 0;
    for _ in 0..leaves.len() {
        sum += ctx
            .wait_for_external_event_named::<u64>("seen")
            .await
            .map_err(|error| error.to_string())?;
    }
    for leaf in ctx.try_join_all(leaves).await? {
        sum += leaf;
    }
    Ok(sum)
}

#[orchestrator]
async fn trunk(ctx: OrchestrationContext, branches: u64, leaves: u64) -> Result<u64, String> {
    let branches = (0..branches).map(|_| ctx.call(branch(leaves)));
    Ok(ctx.try_join_all(branches).await?.into_iter().sum())
}

#[tokio::test(flavor = "multi_thread")]
async fn families_on_several_shards_lose_no_message() {
    let folder = tempfile::tempdir().unwrap();
    let builder = Steadfast::builder()
        .store(SqliteStore::open(folder.path().join("app.db")).unwrap())
        .orchestrator_threads(4)
        // Fewer than there are: some are loaded again for every message.
        .max_live_instances(200);
    let steadfast = builder.start().await.unwrap();
    let start = trunk(20, 50).id("trunk");
    let trunk = steadfast.client().start(start).await.unwrap();
    assert_eq!(trunk.output().await.unwrap(), 20 * 50 * 49);
    let counts = steadfast
        .client()
        .count(&InstanceFilter::new())
        .await
        .unwrap();
    assert_eq!(counts, [(RuntimeStatus::Completed, 1_021)].into());
    steadfast.shut_down(Duration::from_secs(60)).await;
}

#[orchestrator]
async fn for_ever(ctx: OrchestrationContext, round: u64) -> u64 {
    ctx.set_custom_status(round).unwrap();
    ctx.continue_as_new(for_ever(round + 1)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endless_orchestration_does_not_keep_a_worker_from_stopping() {
    let steadfast = start(MemoryStore::new()).await;
    let handle = steadfast.client().start(for_ever(0)).await.unwrap();
    let far = |status: &CustomStatus| status.decode::<u64>().is_ok_and(|n| n > 10);
    handle.wait_custom_status(far).await.unwrap();
    let id = handle.id().to_string();
    let client = steadfast.client().clone();
    steadfast.shut_down(Duration::from_secs(60)).await;
    // It has stopped: nothing is committed any more, and the instance is there for the next worker.
    let status = client.instance(id).unwrap().status().await.unwrap();
    assert_eq!(status.runtime_status, RuntimeStatus::Running);
    let again = client.instance(status.instance_id.as_str()).unwrap();
    assert_eq!(again.status().await.unwrap().cursor, status.cursor);
}
