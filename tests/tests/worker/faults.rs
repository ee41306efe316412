//! Failing commits and dying workers: nothing is lost, and nothing that is recorded is done again.

use std::cell::RefCell;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};
use std::time::Duration;

use futures_util::future::{Either, join, join_all, select, try_join_all};
use steadfast::model::instance::Incarnation;
use steadfast::prelude::*;
use steadfast::store::memory::MemoryStore;
use steadfast::store::{BoxFuture, Store, StoreError, delegate_store};
use steadfast::testing::{CommitFault, FaultyStore, SingleThreaded};
use steadfast::{ClientError, InstanceId, Panics, Registered as _, definitions};

use crate::support::{Worker as _, World, at, call_pass, entered, json, open, pass, wait_for_go};

thread_local! {
    /// The activities that ran, in order. The single-threaded worker runs them on the test's own thread.
    static RAN: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };

    /// What [`stop_and_return`] raises its event with.
    static CLIENT: RefCell<Option<Client>> = const { RefCell::new(None) };
}

#[activity]
async fn step(name: String) -> String {
    RAN.with_borrow_mut(|ran| ran.push(name.clone()));
    format!("did {name}")
}

/// Something of everything: a sequence, a fan-out, a timer, an event, a status.
#[orchestrator]
async fn everything(ctx: OrchestrationContext) -> Result<Vec<String>, String> {
    let mut done = vec![ctx.call(step("first".into())).await?];
    ctx.set_custom_status("one")
        .map_err(|error| error.to_string())?;
    let both = ["left", "right"].map(|side| ctx.call(step(side.into())));
    for result in join_all(both).await {
        done.push(result?);
    }
    ctx.create_timer(Duration::from_secs(60)).await;
    ctx.set_custom_status("two")
        .map_err(|error| error.to_string())?;
    done.push(
        ctx.wait_for_external_event_named("go")
            .await
            .map_err(|error| error.to_string())?,
    );
    done.push(ctx.call(step("last".into())).await?);
    Ok(done)
}

const OUTPUT: [&str; 5] = ["did first", "did left", "did right", "went", "did last"];

fn ran() -> Vec<String> {
    RAN.take()
}

/// Starts it and raises its event, as a client that tries again until it is told that it succeeded.
fn ask(worker: &mut SingleThreaded) {
    loop {
        let start = everything().id("a").on_existing(OnExisting::Attach);
        let client = worker.client().clone();
        match worker.block_on(client.start(start)) {
            Ok(_) => break,
            Err(ClientError::Store(_)) => {}
            Err(error) => panic!("{error}"),
        }
    }
    loop {
        let instance = worker.instance("a");
        match worker.block_on(instance.raise_event_named("GO", "went")) {
            Ok(()) => break,
            Err(ClientError::Store(_)) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

fn finish(worker: &mut SingleThreaded) {
    let instance = worker.instance("a");
    let end = worker.wait(instance.wait_for_completion());
    assert_eq!(
        (end.output, end.runtime_status),
        (json(OUTPUT), RuntimeStatus::Completed)
    );
    assert_eq!(end.custom_status.unwrap().as_json(), "\"two\"");
}

#[test]
fn one_failed_commit_anywhere_changes_nothing() {
    for max_live_instances in [0, 100] {
        for fault in [CommitFault::Lost, CommitFault::Unacknowledged] {
            for failing in 0.. {
                let store = Arc::new(FaultyStore::new(MemoryStore::new(), move |commit| {
                    (commit == failing).then_some(fault)
                }));
                let world = World {
                    store: Arc::clone(&store) as _,
                    max_live_instances,
                    ..World::new()
                };
                let mut worker = world.worker(definitions![everything, step]);
                ask(&mut worker);
                finish(&mut worker);
                let ran = ran();
                assert_eq!(ran.len(), 4, "{fault:?} of commit {failing}: {ran:?}");
                if store.commits() <= failing {
                    assert!(failing > 5, "the scenario made only {failing} commits");
                    break;
                }
            }
        }
    }
}

#[test]
fn every_other_commit_may_fail() {
    for fault in [CommitFault::Lost, CommitFault::Unacknowledged] {
        let store = FaultyStore::new(MemoryStore::new(), move |commit| {
            (commit % 2 == 0).then_some(fault)
        });
        let mut worker = World::on(store).worker(definitions![everything, step]);
        ask(&mut worker);
        finish(&mut worker);
        assert_eq!(ran().len(), 4);
    }
}

#[test]
fn a_worker_may_die_at_any_step() {
    for max_live_instances in [0, 100] {
        for steps in 1.. {
            let world = World {
                max_live_instances,
                ..World::new()
            };
            let mut worker = world.worker(definitions![everything, step]);
            ask(&mut worker);
            let before = ran();
            let died = (0..steps).all(|_| worker.step() || worker.advance());
            let ran_before = [before, ran()].concat();
            drop(worker);

            let mut worker = world.worker(definitions![everything, step]);
            finish(&mut worker);
            let again = ran();
            // An activity that ran when its completion was not committed runs again; no other does.
            let repeated = again
                .iter()
                .filter(|name| ran_before.contains(name))
                .count();
            assert!(
                repeated <= 2,
                "after {steps} steps {ran_before:?} had run, then {again:?}"
            );
            assert!(
                OUTPUT
                    .iter()
                    .filter_map(|out| out.strip_prefix("did "))
                    .all(|name| { ran_before.iter().chain(&again).any(|ran| ran == name) })
            );
            if !died {
                assert!(steps > 10, "the scenario took only {steps} steps");
                break;
            }
        }
    }
}

#[test]
fn a_worker_that_dies_after_every_commit_repeats_nothing_that_is_recorded() {
    let world = World::new();
    let mut worker = world.worker(definitions![everything, step]);
    ask(&mut worker);
    let mut runs = ran();
    for _ in 0..100 {
        let instance = worker.instance("a");
        let before = worker.wait(instance.status());
        if before.is_terminal() {
            break;
        }
        let mut now = before.clone();
        while now.cursor == before.cursor && (worker.step() || worker.advance()) {
            now = worker.wait(instance.status());
        }
        runs.extend(ran());
        worker = world.worker(definitions![everything, step]);
    }
    finish(&mut worker);
    runs.extend(ran());
    for name in ["first", "left", "right", "last"] {
        let times = runs.iter().filter(|ran| *ran == name).count();
        assert!(
            (1..=2).contains(&times),
            "{name} ran {times} times: {runs:?}"
        );
    }
}

#[test]
fn a_fenced_worker_commits_nothing_more() {
    let world = World::new();
    let mut old = world.worker(definitions![everything, step]);
    let mut new = world.worker(definitions![everything, step]);
    let client = old.client().clone();
    let refused = old
        .block_on(client.start(everything().id("a")))
        .unwrap_err();
    assert!(matches!(&refused, ClientError::Store(_)), "{refused}");
    ask(&mut new);
    finish(&mut new);
    assert_eq!(ran().len(), 4);
    assert_eq!(everything::REGISTRATION.name, "everything");
}

#[orchestrator]
async fn pass_on_go(ctx: OrchestrationContext) -> Result<String, String> {
    let gate: Result<String, _> = ctx.wait_for_external_event_named("go").await;
    let gate = gate.map_err(|error| error.to_string())?;
    Ok(ctx.call(pass(gate)).await?)
}

#[test]
fn a_fenced_worker_runs_no_activity_of_its_successor() {
    let world = World::new();
    let mut old = world.worker(definitions![pass_on_go, pass]);
    let client = old.client().clone();
    let fenced = old.wait(client.start(pass_on_go().id("a")));
    old.run_until_idle();
    let mut new = world.worker(definitions![pass_on_go, pass]);
    let instance = new.instance("a");
    new.wait(instance.raise_event_named("go", "gate"));
    new.run_until_idle();
    assert_eq!(entered("gate"), 1);

    let refused = old.block_on(fenced.raise_event_named("go", "other"));
    assert!(matches!(refused, Err(ClientError::Store(_))));
    old.settle();
    assert_eq!((entered("gate"), entered("other")), (1, 0));
}

/// Sends its orchestration an event right before its result, so that one episode gets both.
#[activity]
async fn stop_and_return() -> String {
    let client = CLIENT.with_borrow(Clone::clone).unwrap();
    let instance = client.instance("a").unwrap();
    let raise = std::pin::pin!(instance.raise_event_named("stop", &true));
    let mut context = Context::from_waker(Waker::noop());
    assert!(raise.poll(&mut context).is_pending());
    "returned".into()
}

#[orchestrator]
async fn stop_or_return(ctx: OrchestrationContext) -> Result<String, String> {
    let call = ctx.call(stop_and_return());
    let stop = ctx.wait_for_external_event_named::<bool>("stop");
    match select(stop, call).await {
        Either::Left(_) => Ok("stopped".into()),
        Either::Right((result, _)) => Ok(result?),
    }
}

#[test]
fn a_result_that_came_behind_the_end_is_there_when_the_end_is_lost() {
    // Commit 0 starts the instance, 1 is its first episode, 2 its end by the event, in front of the result.
    let store = FaultyStore::new(MemoryStore::new(), |commit| {
        (commit == 2).then_some(CommitFault::Lost)
    });
    let world = World {
        max_live_instances: 0,
        ..World::on(store)
    };
    let mut worker = world.worker(definitions![stop_or_return, stop_and_return]);
    let client = worker.client().clone();
    CLIENT.set(Some(client.clone()));
    worker.wait(client.start(stop_or_return().id("a")));
    worker.settle();
    assert_eq!(worker.status("a").output, json("returned"));
}

#[test]
fn nobody_is_told_of_an_end_that_is_not_durable() {
    let (fault, world) = World::breakable();
    let world = World {
        max_live_instances: 0,
        ..world
    };
    let mut worker = world.worker(definitions![wait_for_go]);
    let client = worker.client().clone();
    let instance = worker.wait(client.start(wait_for_go().id("a")));
    worker.run_until_idle();

    *fault.lock().unwrap() = Some(CommitFault::Lost);
    let (raised, terminated) = worker.block_on(join(
        instance.raise_event_named("go", "now"),
        instance.terminate(None),
    ));
    assert!(matches!(raised, Err(ClientError::Store(_))), "{raised:?}");
    assert!(terminated.is_ok(), "{terminated:?}");
    assert_eq!(worker.status("a").runtime_status, RuntimeStatus::Terminated);
}

#[orchestrator]
async fn panic_on_go(ctx: OrchestrationContext) -> String {
    match ctx.wait_for_external_event_named::<String>("go").await {
        Ok(go) if go != "panic" => go,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_instance_whose_setting_aside_is_lost_goes_on() {
    let (fault, world) = World::breakable();
    let world = World {
        panics: Panics::SetAside,
        ..world
    };
    let mut worker = world.worker(definitions![panic_on_go]);
    let client = worker.client().clone();
    let instance = worker.wait(client.start(panic_on_go().id("a")));
    worker.run_until_idle();

    *fault.lock().unwrap() = Some(CommitFault::Lost);
    let lost = worker.block_on(instance.raise_event_named("go", "panic"));
    assert!(matches!(lost, Err(ClientError::Store(_))), "{lost:?}");
    worker.settle();
    worker.wait(instance.raise_event_named("go", "fine"));
    assert_eq!(worker.status("a").output, json("fine"));
}

#[test]
fn one_failed_commit_holds_up_nobody_for_long_however_many_are_in_it() {
    let (fault, world) = World::breakable();
    let mut worker = world.worker(definitions![wait_for_go]);
    let client = worker.client().clone();
    let starts = (0..50).map(|number| client.start(wait_for_go().id(number.to_string())));
    let instances = worker.wait(try_join_all(starts));
    worker.run_until_idle();

    let raise = || {
        instances
            .iter()
            .map(|instance| instance.raise_event_named("go", "x"))
    };
    *fault.lock().unwrap() = Some(CommitFault::Lost);
    let lost = worker.block_on(join_all(raise()));
    assert!(lost.iter().all(Result::is_err));
    worker.wait(try_join_all(raise()));
    assert!(worker.now() < at(1), "{}", worker.now());
}

/// A store that counts how often it is asked who needs attention.
#[derive(Debug)]
struct CountsRecoveries(MemoryStore, Arc<AtomicU32>);

impl Store for CountsRecoveries {
    delegate_store!(|self| self.0; acquire, commit, load, read, timers, inbox, changes, query, counts);

    fn needing_attention(
        &self,
        after: Incarnation,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<(Incarnation, InstanceId)>, StoreError>> {
        if after == Incarnation(0) {
            self.1.fetch_add(1, Ordering::SeqCst);
        }
        self.0.needing_attention(after, limit)
    }
}

#[orchestrator]
async fn send_on_go(ctx: OrchestrationContext) -> Result<(), String> {
    let go: Result<String, _> = ctx.wait_for_external_event_named("go").await;
    let go = go.map_err(|error| error.to_string())?;
    ctx.send_event_named("other", "sent", &go)
        .map_err(|error| error.to_string())
}

#[test]
fn one_failed_commit_is_followed_by_one_look_for_those_who_may_have_got_something() {
    let (looks, fault) = (Arc::<AtomicU32>::default(), Arc::new(Mutex::new(None)));
    let next = Arc::clone(&fault);
    let store = CountsRecoveries(MemoryStore::new(), Arc::clone(&looks));
    let store = FaultyStore::new(store, move |_| next.lock().unwrap().take());
    let mut worker = World::on(store).worker(definitions![send_on_go]);
    let client = worker.client().clone();
    let starts = (0..50).map(|number| client.start(send_on_go().id(number.to_string())));
    let instances = worker.wait(try_join_all(starts));
    worker.run_until_idle();

    looks.store(0, Ordering::SeqCst);
    *fault.lock().unwrap() = Some(CommitFault::Unacknowledged);
    let raise = instances
        .iter()
        .map(|instance| instance.raise_event_named("go", "x"));
    let lost = worker.block_on(join_all(raise));
    assert!(lost.iter().all(Result::is_err));
    worker.settle();
    assert_eq!(looks.load(Ordering::SeqCst), 1);
}

#[activity]
async fn until_cancelled(ctx: ActivityContext) {
    let reason = ctx.cancelled().await;
    RAN.with_borrow_mut(|ran| ran.push(format!("{reason:?}")));
}

#[orchestrator]
async fn call_until_cancelled(ctx: OrchestrationContext) -> Result<(), String> {
    Ok(ctx.call(until_cancelled()).await?)
}

#[test]
fn a_termination_that_was_not_acknowledged_cancels_the_activities_all_the_same() {
    let (fault, world) = World::breakable();
    let mut worker = world.worker(definitions![call_until_cancelled, until_cancelled]);
    let client = worker.client().clone();
    let instance = worker.wait(client.start(call_until_cancelled().id("a")));
    worker.run_until_idle();
    ran();

    *fault.lock().unwrap() = Some(CommitFault::Unacknowledged);
    let unknown = worker.block_on(instance.terminate(None));
    assert!(matches!(unknown, Err(ClientError::Store(_))), "{unknown:?}");
    worker.settle();
    assert_eq!(worker.status("a").runtime_status, RuntimeStatus::Terminated);
    assert_eq!(ran(), ["Terminated"]);
}

#[test]
fn a_thread_may_be_given_up_at_any_step() {
    for max_live_instances in [0, 100] {
        for steps in 1.. {
            let world = World {
                max_live_instances,
                ..World::new()
            };
            let mut worker = world.worker(definitions![everything, step]);
            ask(&mut worker);
            let goes_on = (0..steps).all(|_| worker.step() || worker.advance());
            worker.give_up_thread();
            finish(&mut worker);
            let runs = ran();
            for name in ["first", "left", "right", "last"] {
                let times = runs.iter().filter(|ran| *ran == name).count();
                assert!((1..=2).contains(&times), "after {steps} steps: {runs:?}");
            }
            if !goes_on {
                assert!(steps > 10, "the scenario took only {steps} steps");
                break;
            }
        }
    }
}

#[test]
fn a_terminated_activity_is_cancelled_whenever_its_thread_is_given_up() {
    for steps in 0..10 {
        let mut worker = World::new().worker(definitions![call_until_cancelled, until_cancelled]);
        let client = worker.client().clone();
        let instance = worker.wait(client.start(call_until_cancelled().id("a")));
        worker.run_until_idle();
        ran();
        ask_and_give_up(&mut worker, instance.terminate(None), steps);
        if !worker.status("a").is_terminal() {
            worker.wait(instance.terminate(None));
        }
        worker.settle();
        assert_eq!(ran(), ["Terminated"], "after {steps} steps");
    }
}

/// Makes a request, and gives the thread up so many steps behind it.
fn ask_and_give_up(
    worker: &mut SingleThreaded,
    request: impl Future<Output = Result<(), ClientError>>,
    steps: u32,
) {
    let request = std::pin::pin!(request);
    let mut context = Context::from_waker(Waker::noop());
    assert!(request.poll(&mut context).is_pending());
    for _ in 0..steps {
        worker.step();
    }
    worker.give_up_thread();
    worker.settle();
}

#[orchestrator]
async fn withdraw_and_go(ctx: OrchestrationContext) -> Result<String, String> {
    let call = ctx.call(until_cancelled());
    let stop = ctx.wait_for_external_event_named::<bool>("stop");
    drop(select(stop, call).await);
    let go = ctx.wait_for_external_event_named("go").await;
    go.map_err(|error| error.to_string())
}

#[test]
fn a_withdrawn_activity_is_cancelled_whenever_its_thread_is_given_up() {
    for steps in 0..10 {
        let mut worker = World::new().worker(definitions![withdraw_and_go, until_cancelled]);
        let client = worker.client().clone();
        let instance = worker.wait(client.start(withdraw_and_go().id("a")));
        worker.run_until_idle();
        ran();
        ask_and_give_up(
            &mut worker,
            instance.raise_event_named("stop", &true),
            steps,
        );
        worker.wait(instance.raise_event_named("stop", &true));
        worker.settle();
        assert_eq!(ran(), ["Withdrawn"], "after {steps} steps");
        worker.wait(instance.raise_event_named("go", "on"));
        assert_eq!(worker.status("a").output, json("on"));
    }
}

#[test]
fn a_result_for_a_suspended_instance_is_kept_when_its_thread_was_given_up() {
    let mut worker = World::new().worker(definitions![call_pass, pass]);
    let client = worker.client().clone();
    let instance = worker.wait(client.start(call_pass("gate".into()).id("a")));
    worker.run_until_idle();
    worker.wait(instance.suspend(None));
    worker.give_up_thread();
    worker.settle();
    open("gate");
    worker.settle();
    worker.wait(instance.resume(None));
    assert_eq!(worker.status("a").output, json("gate"));
    assert_eq!(entered("gate"), 1);
}

#[activity]
async fn report_twice(ctx: ActivityContext) -> Result<(), String> {
    ctx.heartbeat(&1).map_err(|error| error.to_string())?;
    pass::run("again".into()).await;
    ctx.heartbeat(&2).map_err(|error| error.to_string())?;
    pass::run("end".into()).await;
    Ok(())
}

#[orchestrator]
async fn call_report_twice(ctx: OrchestrationContext) -> Result<(), String> {
    Ok(ctx.call(report_twice()).await?)
}

/// The second report waits in the thread until it is its time.
#[test]
fn what_an_activity_has_reported_is_seen_when_its_thread_was_given_up() {
    for max_live_instances in [0, 100] {
        let world = World {
            max_live_instances,
            ..World::new()
        };
        let mut worker = world.worker(definitions![call_report_twice, report_twice]);
        let client = worker.client().clone();
        worker.wait(client.start(call_report_twice().id("a")));
        worker.run_until_idle();
        open("again");
        assert_eq!(worker.status("a").progress[0].details, "1");
        worker.give_up_thread();
        assert_eq!(worker.status("a").progress[0].details, "2");
    }
}
