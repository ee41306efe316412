//! Orchestrators that ask for too much, keep too much, or never come to an end: they harm themselves, and others go on. What others
//! have to wait is measured in steps of the worker, not in time.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use steadfast::limits::{
    DEFAULT_MAX_OPEN_OPERATIONS, MAX_BUFFERED_EVENT_BYTES, MAX_EPISODE_BYTES,
    MAX_EVENTS_PER_EPISODE,
};
use steadfast::model::failure::kind;
use steadfast::model::history::HistoryEventKind;
use steadfast::prelude::*;
use steadfast::testing::SingleThreaded;
use steadfast::{CallError, Registration, StartByName, definitions};

use crate::support::{Worker as _, World, wait_for_go};

const MEBIBYTE: usize = 1024 * 1024;

/// A text whose JSON is as large as a payload may be.
fn large() -> String {
    "x".repeat(MEBIBYTE - 2)
}

#[activity]
async fn swallow(_text: String) {}

#[orchestrator]
async fn hoard_timers(ctx: OrchestrationContext) {
    let mut timers = Vec::new();
    loop {
        timers.push(ctx.create_timer(Duration::from_secs(60)));
    }
}

/// What the rules do not see.
fn forget<T>(value: T) {
    drop(value);
}

#[orchestrator]
async fn call_without_end(ctx: OrchestrationContext) {
    loop {
        let call = ctx.call(swallow(String::new()));
        forget(call);
    }
}

#[test]
fn who_asks_for_too_much_is_set_aside_before_the_memory_is_full() {
    for name in ["hoard_timers", "call_without_end"] {
        let world = World::new();
        let mut worker = world.worker(definitions![
            hoard_timers,
            call_without_end,
            swallow,
            wait_for_go
        ]);
        let client = worker.client().clone();
        worker.wait(client.start(wait_for_go().id("other")));
        worker.wait(client.start_by_name(StartByName::new(name).id("it")));
        let why = worker.status("it").stalled.unwrap();
        let limit = DEFAULT_MAX_OPEN_OPERATIONS.to_string();
        for part in [name, "asks for too much", "bounds.rs:", &limit] {
            assert!(why.contains(part), "{why}");
        }
        let other = worker.instance("other");
        worker.wait(other.raise_event_named("go", "on"));
        assert_eq!(worker.status("other").output.as_deref(), Some("\"on\""));
        let it = worker.instance("it");
        worker.wait(it.terminate(None));
        assert_eq!(
            worker.status("it").runtime_status,
            RuntimeStatus::Terminated
        );
    }
}

#[orchestrator]
async fn send_much_away(ctx: OrchestrationContext) -> Result<(usize, String), String> {
    let calls = (0..80).map(|_| ctx.call(swallow(large())));
    let mut refused = Vec::new();
    for ended in ctx.join_all(calls).await {
        if let Err(CallError::Failed { failure, .. }) = ended {
            assert_eq!(failure.error_type, kind::PAYLOAD_TOO_LARGE);
            refused.push(failure.error_message);
        }
    }
    // In the next episode there is room again.
    ctx.call(swallow(large())).await?;
    Ok((refused.len(), refused.swap_remove(0)))
}

#[test]
fn what_an_episode_asks_for_is_bounded_and_the_calls_beyond_it_fail() {
    let world = World::new();
    let mut worker = world.worker(definitions![send_much_away, swallow]);
    let client = worker.client().clone();
    let started = worker.wait(client.start(send_much_away()));
    let (refused, why) = worker.wait(started.output());
    assert_eq!(refused, 80 - MAX_EPISODE_BYTES / MEBIBYTE + 1);
    assert!(
        why.contains("await some of it before the next") && why.contains("`swallow`"),
        "{why}"
    );
}

#[activity]
async fn give_much() -> String {
    large()
}

#[orchestrator]
async fn gather_and_go(ctx: OrchestrationContext) -> Result<String, String> {
    let calls = (0..MAX_BUFFERED_EVENT_BYTES / MEBIBYTE + 1).map(|_| ctx.call(give_much()));
    ctx.try_join_all(calls).await?;
    let go = ctx.wait_for_external_event_named("go").await;
    go.map_err(|error| error.to_string())
}

#[test]
fn results_that_come_while_it_is_suspended_leave_room_for_events() {
    let mut worker = World::new().worker(definitions![gather_and_go, give_much]);
    let client = worker.client().clone();
    let it = worker.wait(client.start(gather_and_go().id("it")));
    worker.wait(it.suspend(None));
    worker.run_until_idle();
    worker.wait(it.raise_event_named("go", "on"));
    worker.wait(it.resume(None));
    assert_eq!(worker.wait(it.output()), "on");
}

#[orchestrator]
async fn add_up(ctx: OrchestrationContext, count: usize) -> Result<Vec<usize>, String> {
    let mut seen = Vec::new();
    for _ in 0..count {
        let number = ctx.wait_for_external_event_named("number").await;
        seen.push(number.map_err(|error| error.to_string())?);
    }
    Ok(seen)
}

#[test]
fn what_gathered_meanwhile_is_taken_in_several_episodes_and_in_order() {
    const COUNT: usize = 2_500;
    let world = World::new();
    let mut worker = world.worker(definitions![add_up]);
    let client = worker.client().clone();
    let adds = worker.wait(client.start(add_up(COUNT).id("it")));
    worker.run_until_idle();
    worker.wait(adds.suspend(None));
    for number in 0..COUNT {
        worker.wait(adds.raise_event_named("number", &number));
    }
    worker.wait(adds.resume(None));
    worker.run_until_idle();
    let history = worker.wait(adds.history());
    let episodes = history
        .split(|event| matches!(event.kind, HistoryEventKind::OrchestratorStarted(_)))
        .map(<[_]>::len);
    let longest = episodes.max().unwrap();
    assert!(
        (MAX_EVENTS_PER_EPISODE..=MAX_EVENTS_PER_EPISODE + 1).contains(&longest),
        "{longest}"
    );
    let expected: Vec<_> = (0..COUNT).collect();
    assert_eq!(worker.wait(adds.output()), expected);
}

#[orchestrator]
async fn again_and_again(ctx: OrchestrationContext) {
    ctx.continue_as_new(again_and_again()).await
}

#[orchestrator]
async fn never_sleep_long(ctx: OrchestrationContext) {
    #[steadfast::allow(endless_loop, reason = "that is what is tested")]
    loop {
        ctx.create_timer(Duration::ZERO).await;
    }
}

#[orchestrator]
async fn show_off(ctx: OrchestrationContext) {
    #[steadfast::allow(endless_loop, reason = "that is what is tested")]
    for number in 0.. {
        ctx.set_custom_status(number).unwrap();
        ctx.create_timer(Duration::ZERO).await;
    }
}

#[orchestrator]
async fn play(ctx: OrchestrationContext, with: String) -> Result<(), String> {
    #[steadfast::allow(endless_loop, reason = "that is what is tested")]
    loop {
        ctx.send_event_named(with.as_str(), "ball", &())?;
        let ball: Result<(), _> = ctx.wait_for_external_event_named("ball").await;
        ball.map_err(|error| error.to_string())?;
    }
}

#[orchestrator]
async fn grow(ctx: OrchestrationContext) -> Result<(), String> {
    let branches = (0..2).map(|_| ctx.call_sub_orchestrator::<()>("grow", ()));
    ctx.try_join_all(branches).await?;
    Ok(())
}

fn all() -> Vec<Registration> {
    definitions![
        again_and_again,
        never_sleep_long,
        show_off,
        play,
        grow,
        wait_for_go
    ]
}

/// Runs until a future is ready, and says in how many steps.
fn steps<T>(worker: &mut SingleThreaded, future: impl Future<Output = T>) -> (T, usize) {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    for steps in 0..100_000 {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return (output, steps);
        }
        assert!(worker.step() || worker.advance());
    }
    panic!("it does not get its turn");
}

/// What somebody else has to wait beside these, from the start to the end.
fn steps_beside(names: &[(&str, &str, &str)]) -> usize {
    let world = World::new();
    let mut worker = world.worker(all());
    let client = worker.client().clone();
    for (name, id, input) in names {
        let start = StartByName::new(*name).id(*id);
        worker.wait(client.start_by_name(start.input(input)));
    }
    (0..1_000).for_each(|_| {
        worker.step();
    });
    let (_, taken) = steps(&mut worker, async {
        let waits = client.start(wait_for_go()).await.unwrap();
        waits.raise_event_named("go", "on").await.unwrap();
        assert_eq!(waits.output().await.unwrap(), "on");
    });
    // Each can be stopped.
    for (_, id, _) in names {
        let it = worker.instance(id);
        steps(&mut worker, it.suspend(None)).0.unwrap();
        steps(&mut worker, it.terminate_recursive(None)).0.unwrap();
        let status = steps(&mut worker, it.status()).0.unwrap();
        assert_eq!(status.runtime_status, RuntimeStatus::Terminated);
    }
    taken
}

#[test]
fn others_have_their_turn_beside_what_never_ends() {
    let alone = steps_beside(&[]);
    for names in [
        &[("again_and_again", "a", "")][..],
        &[("never_sleep_long", "a", "")],
        &[("show_off", "a", "")],
        &[("play", "a", "b"), ("play", "b", "a")],
    ] {
        let beside = steps_beside(names);
        assert!(
            beside <= 4 * alone,
            "{names:?}: {beside} steps instead of {alone}"
        );
    }
    // Behind those that were there before, which are about as many as there were steps.
    let behind = steps_beside(&[("grow", "a", "")]);
    assert!(behind <= 4_000, "{behind} steps");
}
