//! What an operator does to instances, in every state that they can be in.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use steadfast::prelude::*;
use steadfast::store::memory::MemoryStore;
use steadfast::testing::{CommitFault, FaultyStore, SingleThreaded};
use steadfast::{
    BatchOperation, ClientError, ExportedHistory, HistoryOptions, InstanceFilter, Order,
    StartByName, WaitingFor, definitions,
};

use crate::everyway::{Scenario, insist};
use crate::support::{Worker as _, World, at, call_pass, entered, json, open, pass, wait_for_go};

thread_local! {
    static RUNS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
    /// Activities that fail.
    static BROKEN: RefCell<Vec<&'static str>> = const { RefCell::new(Vec::new()) };
}

#[activity]
async fn work(name: String) -> Result<String, String> {
    RUNS.with_borrow_mut(|runs| runs.push(name.clone()));
    if BROKEN.with_borrow(|broken| broken.contains(&name.as_str())) {
        return Err(format!("{name} is broken"));
    }
    Ok(name)
}

fn runs() -> Vec<String> {
    RUNS.take()
}

#[orchestrator]
async fn leaf(ctx: OrchestrationContext, name: String) -> Result<String, String> {
    let before = ctx.call(work(format!("{name}-before"))).await?;
    let main = ctx.call(work(name)).await?;
    Ok(format!("{before}+{main}"))
}

#[orchestrator]
async fn tree(ctx: OrchestrationContext) -> Result<Vec<String>, String> {
    ctx.set_custom_status("begun")
        .map_err(|error| error.to_string())?;
    let own = ctx.call(work("own".into())).await?;
    let children = ["left", "right"].map(|name| ctx.call(leaf(name.into())));
    let mut all = vec![own];
    for child in ctx.join_all(children).await {
        match child {
            Ok(child) => all.push(child),
            Err(error) => {
                ctx.set_custom_status("failing")
                    .map_err(|error| error.to_string())?;
                return Err(error.to_string());
            }
        }
    }
    Ok(all)
}

const WHOLE_TREE: [&str; 3] = ["own", "left-before+left", "right-before+right"];

#[test]
fn a_rewind_runs_again_only_what_failed_also_in_children() {
    for max_live_instances in [100, 0] {
        let world = World {
            max_live_instances,
            ..World::new()
        };
        BROKEN.set(vec!["right"]);
        runs();
        let mut worker = world.worker(definitions![tree, leaf, work]);
        let client = worker.client().clone();
        let handle = worker.wait(client.start(tree().id("tree")));
        let failed = worker.wait(handle.wait_for_completion());
        assert_eq!(failed.runtime_status, RuntimeStatus::Failed);
        assert_eq!(failed.custom_status.unwrap().as_json(), "\"failing\"");
        assert_eq!(runs().len(), 5);

        // Still broken: it fails again, and may be rewound again.
        worker.wait(handle.rewind(Some("try")));
        worker.run_until_idle();
        assert_eq!(worker.status("tree").runtime_status, RuntimeStatus::Failed);
        assert_eq!(runs(), ["right"]);

        BROKEN.take();
        worker.wait(handle.rewind(Some("repaired")));
        let end = worker.wait(handle.wait_for_completion());
        assert_eq!((end.output, end.failure), (json(WHOLE_TREE), None));
        assert_eq!(end.custom_status.unwrap().as_json(), "\"begun\"");
        assert_eq!(runs(), ["right"]);
        assert!(matches!(
            worker.block_on(handle.rewind(None)),
            Err(ClientError::NotFailed {
                runtime_status: RuntimeStatus::Completed,
                ..
            })
        ));
    }
}

#[test]
fn a_rewind_survives_failing_commits_and_dying_workers() {
    Scenario {
        definitions: || definitions![tree, leaf, work],
        ask: |worker| {
            let client = worker.client().clone();
            if worker
                .wait(client.instance("tree").unwrap().try_status())
                .is_none()
            {
                BROKEN.set(vec!["right"]);
            }
            let handle = insist(worker, async || {
                client
                    .start(tree().id("tree").on_existing(OnExisting::Attach))
                    .await
            });
            let end = worker.wait(handle.wait_for_completion());
            if end.runtime_status == RuntimeStatus::Failed {
                BROKEN.take();
                loop {
                    match worker.block_on(handle.rewind(None)) {
                        Err(ClientError::Store(_)) => {}
                        Ok(()) | Err(ClientError::NotFailed { .. }) => break,
                        Err(error) => panic!("{error}"),
                    }
                }
            }
        },
        finish: |worker| {
            let handle = worker.instance("tree");
            let end = worker.wait(handle.wait_for_completion());
            assert_eq!(end.output, json(WHOLE_TREE), "{:?}", end.failure);
        },
    }
    .in_every_way();
}

/// What it asks for runs behind its own commit. A result that came before would be one of those that the rewind undoes.
#[test]
fn a_rewind_whose_commit_is_lost_runs_nothing_twice() {
    for seed in 0..16 {
        for failing in 0.. {
            BROKEN.set(vec!["right"]);
            runs();
            let store = Arc::new(FaultyStore::new(MemoryStore::new(), move |commit| {
                (commit == failing).then_some(CommitFault::Lost)
            }));
            let world = World {
                store: Arc::clone(&store) as _,
                order: steadfast::testing::Order::Seeded(seed),
                ..World::new()
            };
            let mut worker = world.worker(definitions![tree, leaf, work]);
            let client = worker.client().clone();
            let handle = insist(&mut worker, async || client.start(tree().id("tree")).await);
            worker.wait(handle.wait_for_completion());
            BROKEN.take();
            insist(&mut worker, async || handle.rewind(None).await);
            let end = worker.wait(handle.wait_for_completion());
            assert_eq!(end.output, json(WHOLE_TREE), "{:?}", end.failure);
            let mut runs = runs();
            runs.sort_unstable();
            let once = [
                "left",
                "left-before",
                "own",
                "right",
                "right",
                "right-before",
            ];
            assert_eq!(runs, once, "seed {seed}, without commit {failing}");
            if store.commits() <= failing {
                break;
            }
        }
    }
}

#[orchestrator]
async fn event_or_timer(ctx: OrchestrationContext) -> String {
    let timer = ctx.create_timer(Duration::from_secs(60));
    let event = ctx.wait_for_external_event_named::<String>("go");
    tokio::select! {
        biased;
        () = timer => "timer".to_owned(),
        event = event => event.unwrap_or_else(|error| error.to_string()),
    }
}

#[test]
fn a_suspended_instance_takes_nothing_and_then_everything_in_order() {
    for (raised_at, expected) in [(30, "event"), (90, "timer")] {
        let world = World::new();
        let mut worker = world.worker(definitions![event_or_timer]);
        let client = worker.client().clone();
        let handle = worker.wait(client.start(event_or_timer().id("a")));
        worker.run_until_idle();
        worker.wait(handle.suspend(Some("lunch")));
        worker.wait(handle.suspend(None));
        let suspended = worker.status("a");
        assert_eq!(suspended.runtime_status, RuntimeStatus::Suspended);
        world.clock.set(at(raised_at));
        worker.wait(handle.raise_event_named("go", "event"));
        world.clock.set(at(120));
        worker.run_until_idle();
        assert_eq!(worker.status("a").runtime_status, RuntimeStatus::Suspended);
        assert_eq!(worker.wait(handle.waiting_on()), []);
        // The pause survives a restart.
        drop(worker);
        let mut worker = world.worker(definitions![event_or_timer]);
        worker.run_until_idle();
        assert_eq!(worker.status("a").runtime_status, RuntimeStatus::Suspended);
        let handle = worker.instance("a");
        worker.wait(handle.resume(None));
        assert_eq!(worker.wait(handle.output_as::<String>()), expected);
        assert!(matches!(
            worker.block_on(handle.resume(None)),
            Err(ClientError::AlreadyEnded { .. })
        ));
    }
}

#[test]
fn results_of_activities_wait_while_their_instance_is_suspended() {
    let world = World::new();
    let mut worker = world.worker(definitions![call_pass, pass]);
    let client = worker.client().clone();
    let handle = worker.wait(client.start(call_pass("gate".into()).id("a")));
    worker.run_until_idle();
    worker.wait(handle.suspend(None));
    open("gate");
    worker.run_until_idle();
    assert_eq!(worker.status("a").runtime_status, RuntimeStatus::Suspended);
    worker.wait(handle.resume(None));
    assert_eq!(worker.wait(handle.output()), "gate");
    assert_eq!(entered("gate"), 1);
}

#[test]
fn a_start_with_a_delay_waits_keeps_events_and_can_be_paused_and_ended() {
    let world = World::new();
    let mut worker = world.worker(definitions![wait_for_go]);
    let client = worker.client().clone();
    for id in ["a", "b", "c"] {
        worker.wait(client.start(wait_for_go().id(id).start_at(Duration::from_secs(3_600))));
    }
    worker.run_until_idle();
    let pending = worker.status("a");
    assert_eq!(pending.runtime_status, RuntimeStatus::Pending);
    assert_eq!(pending.scheduled_start, Some(at(3_600)));
    let [a, b, c] = ["a", "b", "c"].map(|id| worker.instance(id));
    worker.wait(a.raise_event_named("go", "early"));
    worker.wait(b.terminate(None));
    worker.wait(c.suspend(None));
    assert_eq!(worker.status("c").runtime_status, RuntimeStatus::Suspended);
    worker.wait(c.resume(None));
    assert_eq!(worker.status("c").runtime_status, RuntimeStatus::Pending);
    assert_eq!(worker.status("a").runtime_status, RuntimeStatus::Pending);
    drop(worker);
    let mut worker = world.worker(definitions![wait_for_go]);
    worker.run_until_idle();
    assert_eq!(worker.status("a").runtime_status, RuntimeStatus::Pending);
    assert!(worker.advance());
    assert_eq!(worker.now(), at(3_600));
    assert_eq!(worker.status("a").output, json("early"));
    assert_eq!(worker.status("b").runtime_status, RuntimeStatus::Terminated);
    assert_eq!(worker.status("c").runtime_status, RuntimeStatus::Running);
}

#[orchestrator]
async fn nest(ctx: OrchestrationContext, depth: u32) -> Result<(), String> {
    if depth == 0 {
        ctx.wait_for_external_event_named::<()>("never")
            .await
            .map_err(|error| error.to_string())
    } else {
        Ok(ctx
            .call(nest(depth - 1).id(format!("level-{}", depth - 1)))
            .await?)
    }
}

#[test]
fn a_termination_takes_three_levels_of_children_with_it_or_leaves_them() {
    for recursive in [true, false] {
        let mut worker = World::new().worker(definitions![nest]);
        let client = worker.client().clone();
        let handle = worker.wait(client.start(nest(3).id("level-3")));
        worker.run_until_idle();
        if recursive {
            worker.wait(handle.terminate_recursive(Some("enough")));
        } else {
            worker.wait(handle.terminate(Some("enough")));
        }
        assert_eq!(worker.status("level-3").output, json("enough"));
        for level in 0..3 {
            let expected = if recursive {
                RuntimeStatus::Terminated
            } else {
                RuntimeStatus::Running
            };
            let status = worker.status(&format!("level-{level}"));
            assert_eq!(status.runtime_status, expected);
            assert_eq!(
                status.parent.unwrap().instance_id.as_str(),
                format!("level-{}", level + 1)
            );
        }
    }
}

#[test]
fn a_suspended_child_is_terminated_with_its_parent() {
    let mut worker = World::new().worker(definitions![nest]);
    let client = worker.client().clone();
    let handle = worker.wait(client.start(nest(1).id("parent")));
    worker.run_until_idle();
    let child = worker.instance("level-0");
    worker.wait(child.suspend(None));
    worker.wait(handle.terminate_recursive(None));
    assert_eq!(
        worker.status("level-0").runtime_status,
        RuntimeStatus::Terminated
    );
}

#[test]
fn a_restart_begins_anew_under_the_same_id_or_another() {
    let mut worker = World::new().worker(definitions![call_pass, pass]);
    let client = worker.client().clone();
    let start = call_pass("gate".into()).id("a").tag("kind", "test");
    let handle = worker.wait(client.start(start));
    worker.run_until_idle();
    assert!(matches!(
        worker.block_on(handle.restart()),
        Err(ClientError::AlreadyExists {
            runtime_status: RuntimeStatus::Running,
            ..
        })
    ));
    let copy = worker.wait(handle.restart_as(Some("copy")));
    open("gate");
    open("gate");
    worker.wait(handle.wait_for_completion());
    let copied = worker.wait(copy.wait_for_completion());
    assert_eq!((copied.output, copied.input), (json("gate"), json("gate")));
    assert_eq!(copied.tags["kind"], "test");
    let first = worker.status("a");
    worker.wait(handle.restart());
    let second = worker.status("a");
    assert!(second.cursor.incarnation > first.cursor.incarnation);
    assert_eq!(second.runtime_status, RuntimeStatus::Running);
    let nobody = worker.instance("nobody");
    assert!(matches!(
        worker.block_on(nobody.restart()),
        Err(ClientError::NotFound { .. })
    ));
}

#[test]
fn only_what_has_ended_is_purged() {
    let mut worker = World::new().worker(definitions![wait_for_go]);
    let client = worker.client().clone();
    for number in 0..1_200 {
        worker.wait(client.start(wait_for_go().id(format!("i-{number}"))));
    }
    worker.run_until_idle();
    let live = worker.instance("i-0");
    assert!(matches!(
        worker.block_on(live.purge()),
        Err(ClientError::NotEnded {
            runtime_status: RuntimeStatus::Running,
            ..
        })
    ));
    for number in 0..1_100 {
        let handle = worker.instance(&format!("i-{number}"));
        worker.wait(handle.raise_event_named("go", "x"));
    }
    worker.run_until_idle();
    worker.wait(live.purge());
    assert!(worker.wait(live.try_status()).is_none());
    assert!(matches!(
        worker.block_on(live.purge()),
        Err(ClientError::NotFound { .. })
    ));
    assert_eq!(
        worker.wait(client.purge_where(InstanceFilter::new().id_prefix("i-10"))),
        111
    );
    assert_eq!(
        worker.wait(client.purge_where(InstanceFilter::new())),
        1_099 - 111
    );
    let counts = worker.wait(client.count(&InstanceFilter::new()));
    assert_eq!(counts, [(RuntimeStatus::Running, 100)].into());
    // The id is free again.
    worker.wait(client.start(wait_for_go().id("i-0")));
}

#[test]
fn pages_are_stable_while_instances_come_and_go() {
    let mut worker = World::new().worker(definitions![wait_for_go]);
    let client = worker.client().clone();
    let start = |worker: &mut SingleThreaded, id: String, shade: &str| {
        let start = wait_for_go().id(id).tag("shade", shade);
        worker.wait(client.start(start));
    };
    for number in 0..5_000 {
        start(
            &mut worker,
            format!("i-{number:04}"),
            if number % 2 == 0 { "dark" } else { "light" },
        );
    }
    for order in [Order::OldestFirst, Order::NewestFirst] {
        let mut query = client
            .query(InstanceFilter::new().tag("shade", "dark").id_prefix("i-"))
            .order(order)
            .page_size(99);
        let mut seen = Vec::new();
        let mut token = None;
        loop {
            // Each page is asked for by a new query, as over HTTP.
            let mut page_query = query.clone();
            if let Some(token) = token {
                page_query = page_query.after(token);
            }
            let page = worker.wait(page_query.page());
            seen.extend(
                page.instances
                    .iter()
                    .map(|instance| instance.instance_id.to_string()),
            );
            let number = seen.len();
            start(&mut worker, format!("x-{order:?}-{number}"), "dark");
            let gone = worker.instance(&format!("i-{:04}", 1 + 2 * (number % 100)));
            if worker
                .wait(gone.try_status())
                .is_some_and(|status| !status.is_terminal())
            {
                worker.wait(gone.terminate(None));
                worker.wait(gone.purge());
            }
            token = page.continuation;
            if token.is_none() {
                break;
            }
        }
        let mut expected: Vec<_> = (0..5_000).step_by(2).map(|n| format!("i-{n:04}")).collect();
        if order == Order::NewestFirst {
            expected.reverse();
        }
        assert_eq!(seen, expected);
        let first = worker.wait(query.next()).unwrap();
        assert_eq!(first.instance_id.as_str(), expected[0]);
    }
    let counts =
        worker.wait(client.count(&InstanceFilter::new().tag("shade", "dark").id_prefix("i-")));
    assert_eq!(counts.values().sum::<u64>(), 2_500);
}

#[orchestrator]
async fn wait_for_all(ctx: OrchestrationContext) -> Result<(), String> {
    let activity = ctx.call(pass("shut".into()));
    let timer = ctx.create_timer(Duration::from_secs(60));
    let child = ctx.call(nest(0).id("child"));
    let event = ctx.wait_for_external_event_named::<()>("news");
    let (activity, (), child, _event) =
        futures_util::future::join4(activity, timer, child, event).await;
    activity?;
    Ok(child?)
}

#[test]
fn what_an_instance_waits_for_is_told_with_the_source_line() {
    for max_live_instances in [100, 0] {
        let world = World {
            max_live_instances,
            ..World::new()
        };
        let mut worker = world.worker(definitions![wait_for_all, nest, pass]);
        let client = worker.client().clone();
        let handle = worker.wait(client.start(wait_for_all().id("a")));
        worker.run_until_idle();
        let waiting = worker.wait(handle.waiting_on());
        let mut kinds = Vec::new();
        for waits in &waiting {
            let location = waits.location.unwrap();
            assert!(location.file().ends_with("management.rs"), "{location}");
            kinds.push(match &waits.kind {
                WaitingFor::Activity { name, attempt, .. } => format!("{name} {attempt}"),
                WaitingFor::Timer { fire_at, .. } => format!("timer {}", *fire_at == at(60)),
                WaitingFor::Event { name } => name.clone(),
                WaitingFor::Child {
                    instance_id, name, ..
                } => format!("{name} {instance_id}"),
                other => panic!("{other:?}"),
            });
        }
        kinds.sort();
        assert_eq!(kinds, ["nest child", "news", "pass 1", "timer true"]);
        let mut children = handle.children();
        let child = worker.wait(children.next()).unwrap();
        assert_eq!(child.instance_id.as_str(), "child");
    }
}

#[test]
fn a_history_moves_to_another_store_as_a_file_and_goes_on_there() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("history.json");
    let mut here = World::new().worker(definitions![tree, leaf, work, wait_for_go]);
    let client = here.client().clone();
    let handle = here.wait(client.start(wait_for_go().id("a").tag("k", "v")));
    here.run_until_idle();
    let exported = here.wait(handle.export());
    exported.write_to(&path).unwrap();
    let read = ExportedHistory::read_from(&path).unwrap();
    assert_eq!(read, exported);
    // Where it is already, nothing changes.
    here.wait(client.import(&read));

    let world = World::new();
    let mut there = world.worker(definitions![wait_for_go]);
    let client = there.client().clone();
    let moved = there.wait(client.import(&read));
    there.wait(moved.raise_event_named("go", "there"));
    let end = there.wait(moved.wait_for_completion());
    assert_eq!((end.output, end.tags["k"].as_str()), (json("there"), "v"));
    let names: Vec<_> = there
        .wait(moved.history())
        .iter()
        .map(|event| event.kind.name())
        .collect();
    assert_eq!(
        names,
        [
            "OrchestratorStarted",
            "ExecutionStarted",
            "OrchestratorStarted",
            "EventRaised",
            "ExecutionCompleted"
        ]
    );
    let json = there.wait(moved.history_json(HistoryOptions::new().results(true)));
    assert_eq!(json.last().unwrap()["Result"], "there");
    // One that has ended can be imported too, and be looked at.
    let ended = there.wait(moved.export());
    let mut elsewhere = World::new().worker(definitions![wait_for_go]);
    let client = elsewhere.client().clone();
    let kept = elsewhere.wait(client.import(&ended));
    assert_eq!(
        elsewhere.wait(kept.status()).output.as_deref(),
        Some("\"there\"")
    );
}

#[orchestrator(name = "versioned", version = "1.9")]
async fn old(ctx: OrchestrationContext) -> Option<String> {
    ctx.create_timer(Duration::from_secs(60)).await;
    ctx.version().map(str::to_owned)
}

#[orchestrator(name = "versioned", version = "1.10")]
async fn new(ctx: OrchestrationContext) -> Option<String> {
    ctx.create_timer(Duration::from_secs(60)).await;
    ctx.version().map(str::to_owned)
}

#[test]
fn a_call_by_name_takes_the_newest_version_and_what_runs_stays_on_its_own() {
    let world = World::new();
    let mut worker = world.worker(definitions![old, new]);
    let client = worker.client().clone();
    let typed = worker.wait(client.start(old().id("typed")));
    let newest = worker.wait(client.start_by_name(StartByName::new("Versioned").id("newest")));
    let chosen = worker
        .wait(client.start_by_name(StartByName::new("versioned").version("1.9").id("chosen")));
    worker.run_until_idle();
    assert_eq!(worker.status("newest").version.as_deref(), Some("1.10"));
    assert_eq!(worker.wait(typed.output()).as_deref(), Some("1.9"));
    assert_eq!(worker.wait(newest.output_as::<String>()), "1.10");
    assert_eq!(worker.wait(chosen.output_as::<String>()), "1.9");

    // A program that lacks a version leaves its instances waiting, and says so.
    let waiting = worker.wait(client.start(old().id("waiting")));
    worker.run_until_idle();
    drop((waiting, worker));
    let mut worker = world.worker(definitions![new]);
    worker.settle();
    let stalled = worker.status("waiting");
    assert_eq!(stalled.runtime_status, RuntimeStatus::Running);
    assert!(
        stalled
            .stalled
            .unwrap()
            .contains("its version 1.9 is not registered")
    );
    let client = worker.client().clone();
    let mut query = client.query(InstanceFilter::new().stalled(true));
    assert_eq!(
        worker.wait(query.next()).unwrap().instance_id.as_str(),
        "waiting"
    );
    let mut worker = world.worker(definitions![old, new]);
    let handle = worker.instance("waiting");
    assert_eq!(worker.wait(handle.output_as::<String>()), "1.9");
}

#[derive(ExternalEvent, Serialize, Deserialize)]
struct Paid(u32);

#[orchestrator(events(Paid))]
async fn declared(ctx: OrchestrationContext) -> Result<u32, String> {
    let Paid(cents) = ctx
        .wait_for_external_event()
        .await
        .map_err(|error| error.to_string())?;
    Ok(cents)
}

#[test]
fn an_event_that_is_not_declared_or_does_not_fit_is_reported_to_its_sender() {
    let mut worker = World::new().worker(definitions![declared]);
    let client = worker.client().clone();
    let handle = worker.wait(client.start(declared().id("a")));
    let unknown = worker.block_on(handle.raise_event_named("refunded", &1));
    assert_eq!(
        unknown.unwrap_err().to_string(),
        "the orchestrator of instance `a` does not wait for an event `refunded`; it declares `Paid`"
    );
    let wrong = worker
        .block_on(handle.raise_event_named("paid", "much"))
        .unwrap_err()
        .to_string();
    assert!(
        wrong.starts_with(
            "instance `a` cannot take this event as its orchestrator declares it: the payload of the event `Paid` cannot be \
             read: invalid type: string"
        ),
        "{wrong}"
    );
    // Suspended, it is just as strict.
    worker.wait(handle.suspend(None));
    assert!(
        worker
            .block_on(handle.raise_event_named("refunded", &1))
            .is_err()
    );
    worker.wait(handle.resume(None));
    worker.wait(handle.raise_event(&Paid(7)));
    assert_eq!(worker.wait(handle.output()), 7);
}

#[test]
fn payloads_over_the_limit_are_refused_at_the_call() {
    let world = World {
        max_payload_bytes: 10,
        ..World::new()
    };
    let mut worker = world.worker(definitions![call_pass, pass, wait_for_go]);
    let client = worker.client().clone();
    let start = client.start(call_pass("123456789".into()));
    let error = worker.block_on(start).unwrap_err();
    assert!(
        matches!(
            &error,
            ClientError::PayloadTooLarge {
                size: 11,
                limit: 10,
                ..
            }
        ),
        "{error}"
    );
    let handle = worker.wait(client.start(wait_for_go().id("a")));
    let event = handle.raise_event_named("go", "123456789");
    assert!(matches!(
        worker.block_on(event),
        Err(ClientError::PayloadTooLarge { .. })
    ));
    let reserved = handle.raise_event_named("steadfast.x", &1);
    assert!(matches!(
        worker.block_on(reserved),
        Err(ClientError::ReservedEvent { .. })
    ));
    let reason = worker.block_on(handle.terminate(Some("123456789")));
    assert!(matches!(reason, Err(ClientError::PayloadTooLarge { .. })));
    worker.wait(handle.raise_event_named("go", "12345678"));
    assert_eq!(worker.wait(handle.output()), "12345678");
}

#[test]
fn operations_of_a_batch_share_commits_and_fail_each_on_its_own() {
    let store = Arc::new(MemoryStore::new());
    let mut worker = World::on(Arc::clone(&store)).worker(definitions![wait_for_go]);
    let client = worker.client().clone();
    let start =
        |id: usize| BatchOperation::Start(StartByName::new("wait_for_go").id(id.to_string()));
    let before = store.commits();
    let nobody = BatchOperation::Purge {
        id: "nobody".into(),
    };
    let operations = (0..100).map(start).chain([nobody]);
    let results = worker.block_on(client.batch(operations));
    assert!(
        store.commits() - before <= 2,
        "{}",
        store.commits() - before
    );
    assert_eq!(results.len(), 101);
    for (id, result) in results[..100].iter().enumerate() {
        assert_eq!(result.as_ref().unwrap().id().as_str(), id.to_string());
    }
    assert!(matches!(results[100], Err(ClientError::NotFound { .. })));
    // The same instance is told in the order given.
    let event = |id: usize| BatchOperation::RaiseEvent {
        id: id.to_string(),
        event: "go".into(),
        payload: json("now"),
    };
    let end = |id: usize| BatchOperation::Terminate {
        id: id.to_string(),
        reason: None,
    };
    let operations = (0..100).flat_map(|id| [event(id), end(id)]);
    let results = worker.block_on(client.batch(operations));
    for pair in results.chunks(2) {
        assert!(pair[0].is_ok());
        let ended = &pair[1];
        assert!(
            matches!(ended, Err(ClientError::AlreadyEnded { .. })),
            "{ended:?}"
        );
    }
}

#[test]
fn a_delayed_start_that_was_due_before_the_clock_went_back_begins_later() {
    let world = World::new();
    let mut worker = world.worker(definitions![wait_for_go]);
    let client = worker.client().clone();
    worker.wait(client.start(wait_for_go().id("a").start_at(Duration::from_secs(10))));
    worker.run_until_idle();
    world.clock.set(at(10));
    // This step finds that it is due; the next one would let it begin.
    assert!(worker.step());
    world.clock.set(at(9));
    assert_eq!(worker.status("a").runtime_status, RuntimeStatus::Pending);
    world.clock.set(at(10));
    assert_eq!(worker.status("a").runtime_status, RuntimeStatus::Running);
}
