//! Starting, watching and ending instances.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use steadfast::prelude::*;
use steadfast::store::memory::MemoryStore;
use steadfast::store::{
    BoxFuture, InstanceRows, Store, StoreError, StoreErrorKind, delegate_store,
};
use steadfast::testing::{CommitFault, FaultyStore};
use steadfast::{
    ClientError, CustomStatusError, InstanceFilter, InstanceId, OutputError, StartByName,
    definitions,
};

use crate::support::{Worker as _, World, call_pass, entered, json, open, pass, wait_for_go};

#[derive(ExternalEvent, Serialize, Deserialize)]
struct Approved(bool);

#[derive(CustomStatus, Serialize, Deserialize, Debug, PartialEq, Clone)]
enum Progress {
    Asked,
    Answered { approved: bool },
}

#[orchestrator(name = "Approval")]
async fn approval(ctx: OrchestrationContext<Progress>, _subject: String) -> Result<bool, String> {
    ctx.set_custom_status(Progress::Asked);
    let Approved(approved) = ctx
        .wait_for_external_event()
        .await
        .map_err(|error| error.to_string())?;
    ctx.set_custom_status(Progress::Answered { approved });
    if approved {
        Ok(true)
    } else {
        Err("rejected".into())
    }
}

#[activity]
async fn forever() {
    std::future::pending().await
}

#[orchestrator]
async fn stuck(ctx: OrchestrationContext) -> Result<(), String> {
    Ok(ctx.call(forever()).await?)
}

#[orchestrator]
async fn publish(ctx: OrchestrationContext, sizes: Vec<usize>) -> Vec<bool> {
    let outcomes = sizes
        .into_iter()
        .map(|size| match ctx.set_custom_status("x".repeat(size)) {
            Ok(()) => true,
            Err(CustomStatusError::TooLarge {
                actual,
                limit: 16_384,
            }) => {
                assert_eq!(actual, size * 2 + 4);
                false
            }
            Err(error) => panic!("{error}"),
        });
    outcomes.collect()
}

#[test]
fn typed_events_and_statuses_go_all_the_way() {
    let mut worker = World::new().worker(definitions![approval]);
    let client = worker.client().clone();
    let instance = worker.wait(client.start(approval("trip".into())));
    assert_eq!(
        worker.wait(instance.wait_custom_status(|s| *s == Progress::Asked)),
        Some(Progress::Asked)
    );
    let mut watch = instance.watch_custom_status();
    assert_eq!(
        worker.wait(watch.next()).unwrap().custom_status,
        Some(Progress::Asked)
    );
    worker.wait(instance.raise_event(&Approved(true)));
    let last = worker.wait(watch.next()).unwrap();
    assert_eq!(
        last.custom_status,
        Some(Progress::Answered { approved: true })
    );
    assert_eq!(last.runtime_status, RuntimeStatus::Completed);
    assert!(worker.wait(watch.next()).is_none());
    assert!(worker.wait(instance.output()));
}

#[test]
fn an_error_comes_back_typed_and_a_termination_with_its_reason() {
    let mut worker = World::new().worker(definitions![approval]);
    let client = worker.client().clone();
    let rejected = worker.wait(client.start(approval("trip".into())));
    worker.wait(rejected.raise_event(&Approved(false)));
    match worker.block_on(rejected.output()).unwrap_err() {
        OutputError::Returned { error, .. } => assert_eq!(error, "rejected"),
        other => panic!("{other}"),
    }
    let ended = worker.wait(client.start(approval("trip".into())));
    worker.wait(ended.terminate(Some("too late")));
    match worker.block_on(ended.output()).unwrap_err() {
        OutputError::Terminated { reason } => assert_eq!(reason, json("too late")),
        other => panic!("{other}"),
    }
    for refused in [
        worker.block_on(ended.raise_event(&Approved(true))),
        worker.block_on(ended.terminate(None)),
    ] {
        assert!(matches!(refused, Err(ClientError::AlreadyEnded { .. })));
    }
    let nobody = worker.instance("nobody");
    assert!(matches!(
        worker.block_on(nobody.terminate(None)),
        Err(ClientError::NotFound { .. })
    ));
    assert!(matches!(
        worker.block_on(nobody.wait_for_completion()),
        Err(ClientError::NotFound { .. })
    ));
}

#[test]
fn an_existing_id_is_refused_attached_or_replaced() {
    let mut worker = World::new().worker(definitions![approval, stuck]);
    let client = worker.client().clone();
    let start = |on_existing| approval("trip".into()).id("a").on_existing(on_existing);
    let first = worker.wait(client.start(start(OnExisting::Refuse)));
    worker.run_until_idle();
    for refused in [OnExisting::Refuse, OnExisting::ReplaceTerminal] {
        let error = worker.block_on(client.start(start(refused))).unwrap_err();
        assert!(
            matches!(error, ClientError::AlreadyExists { .. }),
            "{error}"
        );
    }
    let other = worker
        .block_on(client.start(stuck().id("a").on_existing(OnExisting::Attach)))
        .unwrap_err();
    assert!(
        other
            .to_string()
            .contains("orchestrator `Approval`, Running"),
        "{other}"
    );
    worker.wait(client.start(start(OnExisting::Attach)));
    let before = worker.status("a").cursor;
    worker.wait(client.start(start(OnExisting::ReplaceAny)));
    let after = worker.status("a").cursor;
    assert!(after.incarnation > before.incarnation);
    worker.wait(first.raise_event(&Approved(true)));
    assert_eq!(worker.status("a").runtime_status, RuntimeStatus::Completed);
    worker.wait(client.start(start(OnExisting::Attach)));
    assert_eq!(worker.status("a").runtime_status, RuntimeStatus::Completed);
    worker.wait(client.start(start(OnExisting::ReplaceTerminal)));
    let fresh = worker.status("a");
    assert_eq!(
        (fresh.runtime_status, fresh.output),
        (RuntimeStatus::Running, None)
    );
}

#[test]
fn a_start_that_cannot_work_is_refused_at_the_call() {
    let mut worker = World::new().worker(definitions![approval, publish]);
    let client = worker.client().clone();
    let mut refuse = |start: StartByName| {
        worker
            .block_on(client.start_by_name(start))
            .unwrap_err()
            .to_string()
    };
    let unknown = refuse(StartByName::new("Nope"));
    assert!(
        unknown.contains("no orchestrator `Nope`") && unknown.contains("`Approval`, `publish`"),
        "{unknown}"
    );
    let input = refuse(StartByName::new("publish").input(("a", 1)));
    assert!(input.contains("parameter `sizes` at `[0]`"), "{input}");
    let input = refuse(StartByName::new("publish").json_input(Some("[1,".into())));
    assert!(input.contains("not valid JSON"), "{input}");
    let id = refuse(StartByName::new("publish").input([1]).id("a/b"));
    assert!(id.contains("'/'"), "{id}");
    let status = refuse(
        StartByName::new("publish")
            .input([1])
            .initial_status("x".repeat(9_000)),
    );
    assert!(status.contains("18004 bytes"), "{status}");
    assert!(matches!(
        worker.block_on(worker_read(&client)),
        Err(ClientError::NotFound { .. })
    ));
}

async fn worker_read(client: &Client) -> Result<(), ClientError> {
    client.instance("a")?.status().await.map(drop)
}

#[test]
fn the_size_of_a_status_is_checked_to_the_byte_and_the_previous_one_stays() {
    let mut worker = World::new().worker(definitions![publish]);
    let client = worker.client().clone();
    let start = publish(vec![8_190, 8_191]).id("a").initial_status("begins");
    let instance = worker.wait(client.start(start));
    assert_eq!(worker.wait(instance.output()), [true, false]);
    assert_eq!(
        worker.status("a").custom_status.unwrap().utf16_bytes(),
        16_384
    );
}

#[test]
fn an_initial_status_shows_until_the_code_sets_one() {
    let world = World {
        max_live_instances: 0,
        ..World::new()
    };
    let mut worker = world.worker(definitions![stuck, forever]);
    let client = worker.client().clone();
    worker.wait(client.start(stuck().id("a").initial_status(0)));
    assert_eq!(worker.status("a").custom_status.unwrap().as_json(), "0");
    assert_eq!(worker.status("a").cursor.sequence, 1);
}

#[test]
fn a_termination_cancels_what_runs() {
    let mut worker = World::new().worker(definitions![stuck, forever]);
    let client = worker.client().clone();
    let instance = worker.wait(client.start(stuck().id("a")));
    worker.run_until_idle();
    worker.wait(instance.terminate(None));
    assert_eq!(worker.status("a").runtime_status, RuntimeStatus::Terminated);
    assert_eq!(worker.status("a").output, None);
}

#[orchestrator]
async fn leave_behind(ctx: OrchestrationContext) -> Result<(), String> {
    ctx.call(pass("gate".into())).detach();
    Ok(())
}

#[test]
fn a_detached_call_of_the_last_episode_runs() {
    let mut worker = World::new().worker(definitions![leave_behind, pass]);
    let client = worker.client().clone();
    worker.wait(client.start(leave_behind().id("a")));
    assert_eq!(worker.status("a").runtime_status, RuntimeStatus::Completed);
    assert_eq!(entered("gate"), 1);
}

/// A store that cannot be read once after it has been told so, and counts how often it is.
#[derive(Debug)]
struct UnreadableOnce {
    store: MemoryStore,
    unreadable: Arc<AtomicBool>,
    reads: Arc<AtomicU64>,
}

impl Store for UnreadableOnce {
    delegate_store!(|self| self.store; acquire, commit, load, needing_attention, timers, inbox, changes, query, counts);

    fn read<'a>(
        &'a self,
        id: &'a InstanceId,
    ) -> BoxFuture<'a, Result<Option<InstanceRows>, StoreError>> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        if self.unreadable.swap(false, Ordering::SeqCst) {
            let error = StoreError::new(StoreErrorKind::Unavailable, "unreadable on purpose");
            return Box::pin(async { Err(error) });
        }
        self.store.read(id)
    }
}

#[test]
fn a_watch_goes_on_after_a_read_that_failed() {
    let unreadable = Arc::new(AtomicBool::new(false));
    let losing = Arc::new(AtomicBool::new(false));
    let store = UnreadableOnce {
        store: MemoryStore::new(),
        unreadable: Arc::clone(&unreadable),
        reads: Arc::default(),
    };
    // A watcher reads only when it does not know what became of a commit.
    let lose = Arc::clone(&losing);
    let store = FaultyStore::new(store, move |_| {
        let lost = lose.swap(false, Ordering::SeqCst);
        unreadable.fetch_or(lost, Ordering::SeqCst);
        lost.then_some(CommitFault::Unacknowledged)
    });
    let mut worker = World::on(store).worker(definitions![wait_for_go]);
    let client = worker.client().clone();
    let instance = worker.wait(client.start(wait_for_go().id("a")));
    worker.run_until_idle();
    let mut watch = instance.watch_custom_status();
    worker.wait(watch.next());

    losing.store(true, Ordering::SeqCst);
    let raised = worker.block_on(instance.raise_event_named("go", "now"));
    assert!(matches!(raised, Err(ClientError::Store(_))), "{raised:?}");
    let unread = worker.block_on(watch.next());
    assert!(matches!(unread, Err(ClientError::Store(_))), "{unread:?}");
    worker.settle();
    let last = worker.wait(watch.next()).unwrap();
    assert_eq!(last.runtime_status, RuntimeStatus::Completed);
    assert!(worker.wait(watch.next()).is_none());
}

#[test]
fn a_thousand_watchers_of_one_instance_read_the_store_once() {
    let reads = Arc::new(AtomicU64::new(0));
    let world = World::on(UnreadableOnce {
        store: MemoryStore::new(),
        unreadable: Arc::default(),
        reads: Arc::clone(&reads),
    });
    let mut worker = world.worker(definitions![wait_for_go]);
    let client = worker.client().clone();
    worker.wait(client.start(wait_for_go().id("a")));
    worker.run_until_idle();
    drop(worker);

    // Nothing has been published of it in this one.
    let mut worker = world.worker(definitions![wait_for_go]);
    worker.run_until_idle();
    let instance = worker.instance("a");
    reads.store(0, Ordering::SeqCst);
    let mut watches: Vec<_> = (0..1000).map(|_| instance.watch_changes()).collect();
    let firsts = futures_util::future::try_join_all(watches.iter_mut().map(|watch| watch.next()));
    assert!(worker.wait(firsts).iter().all(Option::is_some));
    assert_eq!(reads.load(Ordering::SeqCst), 1);
    // And what is committed is pushed.
    worker.wait(instance.raise_event_named("go", "now"));
    let lasts = futures_util::future::try_join_all(watches.iter_mut().map(|watch| watch.next()));
    let ended = |change: &steadfast::Change| change.runtime_status == RuntimeStatus::Completed;
    assert!(worker.wait(lasts).iter().flatten().all(ended));
    assert_eq!(reads.load(Ordering::SeqCst), 1);
}

#[test]
fn what_does_not_fit_into_memory_is_started_in_its_turn() {
    for max_live_instances in [0, 1, 8] {
        let world = World {
            max_live_instances,
            ..World::new()
        };
        let mut worker = world.worker(definitions![call_pass, pass]);
        let client = worker.client().clone();
        let gate = |number: usize| format!("gate {max_live_instances} {number}");
        // All are accepted before any of them begins.
        let starts: Vec<_> = (0..20)
            .map(|number| client.start(call_pass(gate(number)).id(number.to_string())))
            .collect();
        let handles: Vec<_> = worker
            .wait(async { Ok::<_, ClientError>(futures_util::future::join_all(starts).await) })
            .into_iter()
            .map(Result::unwrap)
            .collect();
        worker.run_until_idle();
        for (number, handle) in handles.iter().enumerate() {
            assert_eq!(entered(&gate(number)), 1);
            open(&gate(number));
            assert_eq!(worker.wait(handle.output()), gate(number));
        }
    }
}

#[test]
fn a_handle_does_not_remember_an_instance_that_is_gone() {
    let mut worker = World::new().worker(definitions![wait_for_go]);
    let client = worker.client().clone();
    let handle = worker.wait(client.start(wait_for_go().id("a")));
    worker.wait(handle.raise_event_named("go", &"now"));
    assert_eq!(worker.wait(handle.output()), "now");
    worker.wait(client.purge_where(InstanceFilter::new()));
    let error = worker.block_on(handle.output()).unwrap_err();
    assert!(
        matches!(error, OutputError::Client(ClientError::NotFound { .. })),
        "{error}"
    );
    // Another one of the same id is what the handle is of from now on.
    worker.wait(client.start(wait_for_go().id("a")));
    worker.wait(handle.raise_event_named("go", &"again"));
    assert_eq!(worker.wait(handle.output()), "again");
}
