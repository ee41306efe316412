//! What the simulation has found, each in a scenario of its own.

use std::cell::Cell;

use futures_util::FutureExt as _;
use futures_util::future::join;
use steadfast::prelude::*;
use steadfast::testing::{CommitFault, EpisodeReplays, Order};
use steadfast::{ClientError, definitions};

use crate::support::{Worker as _, World, at, call_pass, json, pass, wait_for_go};

thread_local! {
    /// Whether an attempt began when its time was up.
    static LATE: Cell<bool> = const { Cell::new(false) };

    /// Whether the next activity of a child fails.
    static BROKEN: Cell<bool> = const { Cell::new(false) };
}

#[test]
fn an_instance_that_finds_no_room_says_why_it_does_not_advance() {
    let world = World {
        max_live_instances: 0,
        ..World::new()
    };
    let mut worker = world.worker(definitions![call_pass, pass]);
    let client = worker.client().clone();
    worker.wait(client.start(call_pass("room".into()).id("a")));
    worker.run_until_idle();
    drop(worker);
    let mut worker = world.worker(definitions![pass]);
    let stalled = worker.status("a").stalled.unwrap_or_default();
    assert!(stalled.contains("it is not registered"), "{stalled}");
}

#[test]
fn nobody_is_told_of_a_suspension_that_is_not_durable() {
    let (fault, world) = World::breakable();
    let mut worker = world.worker(definitions![wait_for_go]);
    let client = worker.client().clone();
    let instance = worker.wait(client.start(wait_for_go().id("a")));
    worker.run_until_idle();

    *fault.lock().unwrap() = Some(CommitFault::Lost);
    let (first, second) = worker.block_on(join(instance.suspend(None), instance.suspend(None)));
    for answer in [first, second] {
        assert!(matches!(answer, Err(ClientError::Store(_))), "{answer:?}");
    }
    worker.settle();
    assert_eq!(worker.status("a").runtime_status, RuntimeStatus::Running);

    let (first, second) = worker.block_on(join(instance.suspend(None), instance.suspend(None)));
    assert!(first.is_ok() && second.is_ok(), "{first:?}, {second:?}");
    assert_eq!(worker.status("a").runtime_status, RuntimeStatus::Suspended);
}

#[activity(timeout = "1s")]
async fn note_lateness(ctx: ActivityContext) {
    if ctx.is_cancelled() {
        LATE.set(true);
    }
}

#[orchestrator]
async fn four_short(ctx: OrchestrationContext) {
    let calls = (0..4).map(|_| ctx.call(note_lateness()));
    ctx.join_all(calls).await;
}

#[test]
fn an_attempt_whose_time_is_up_before_it_begins_does_not_begin() {
    for seed in 0..40 {
        let world = World {
            order: Order::Seeded(seed),
            ..World::new()
        };
        let mut worker = world.worker(definitions![four_short, note_lateness]);
        let client = worker.client().clone();
        worker.wait(client.start(four_short().id("a")));
        for step in 0..200 {
            worker.step();
            world.clock.set(at(step));
        }
        worker.settle();
        let status = worker.status("a").runtime_status;
        assert_eq!(status, RuntimeStatus::Completed, "seed {seed}");
        assert!(!LATE.get(), "seed {seed}");
    }
}

#[test]
fn who_waits_for_the_end_lets_others_go_on_while_the_id_is_started_again() {
    let world = World::new();
    let mut worker = world.worker(definitions![wait_for_go]);
    let client = worker.client().clone();
    let instance = worker.wait(client.start(wait_for_go().id("a")));
    worker.wait(instance.raise_event_named("go", "one"));
    let first = worker.wait(instance.wait_for_completion());
    assert_eq!(first.output, json("one"));

    // The store has the next one, and the worker does not know it yet.
    let mut again = client.start(wait_for_go().id("a"));
    assert!((&mut again).now_or_never().is_none());
    while instance.status().now_or_never().unwrap().unwrap().cursor == first.cursor {
        assert!(worker.step());
    }
    let mut end = std::pin::pin!(instance.wait_for_completion());
    assert!((&mut end).now_or_never().is_none());
    worker.wait(again);
    worker.wait(instance.raise_event_named("go", "two"));
    assert_eq!(worker.wait(end).output, json("two"));
}

#[test]
fn what_is_tried_again_does_not_wait_for_a_clock_that_was_set_back() {
    let (fault, world) = World::breakable();
    let mut worker = world.worker(definitions![wait_for_go]);
    let client = worker.client().clone();
    let instance = worker.wait(client.start(wait_for_go().id("a")));
    worker.run_until_idle();

    *fault.lock().unwrap() = Some(CommitFault::Lost);
    let lost = worker.block_on(instance.raise_event_named("go", "lost"));
    assert!(matches!(lost, Err(ClientError::Store(_))), "{lost:?}");
    world.clock.set(at(-3_600));
    worker.wait(instance.raise_event_named("go", "taken"));
    assert_eq!(worker.status("a").output, json("taken"));
    assert!(worker.now() < at(-3_540), "{}", worker.now());
}

#[orchestrator]
async fn two_children(ctx: OrchestrationContext) -> (Result<String, String>, String) {
    let broken = ctx.call(wait_for_go_and_fail_first().id("broken"));
    let other = ctx.call(wait_for_go().id("other"));
    let other = other.await.unwrap_or_default();
    // It has answered twice by now.
    (broken.await.map_err(|error| error.to_string()), other)
}

#[activity]
async fn fail_first() -> Result<String, String> {
    if BROKEN.replace(false) {
        Err("broken".into())
    } else {
        Ok("repaired".into())
    }
}

#[orchestrator]
async fn wait_for_go_and_fail_first(ctx: OrchestrationContext) -> Result<String, String> {
    Ok(ctx.call(fail_first()).await?)
}

#[test]
fn the_first_answer_of_a_child_that_is_rewound_by_itself_stands() {
    for max_live_instances in [100, 0] {
        BROKEN.set(true);
        let world = World {
            max_live_instances,
            replays: EpisodeReplays::Always,
            ..World::new()
        };
        let definitions = || {
            definitions![
                two_children,
                wait_for_go_and_fail_first,
                fail_first,
                wait_for_go
            ]
        };
        let mut worker = world.worker(definitions());
        let client = worker.client().clone();
        let parent = worker.wait(client.start(two_children().id("parent")));
        worker.run_until_idle();
        let child = worker.instance("broken");
        let failed = worker.status("broken").runtime_status;
        assert_eq!(failed, RuntimeStatus::Failed);

        worker.wait(child.rewind(None));
        assert_eq!(
            worker.wait(child.wait_for_completion()).output,
            json("repaired")
        );
        worker.run_until_idle();
        let before = worker.status("parent").runtime_status;
        assert_eq!(before, RuntimeStatus::Running);

        // What its history has now also fits when all of it is replayed.
        drop(worker);
        let mut worker = world.worker(definitions());
        let other = worker.instance("other");
        worker.wait(other.raise_event_named("go", "on"));
        let parent = worker.instance(parent.id().as_str());
        let end = worker.wait(parent.wait_for_completion());
        assert_eq!(end.runtime_status, RuntimeStatus::Completed, "{end:?}");
        let output = end.output.unwrap_or_default();
        assert!(
            output.contains("Err") && output.contains("\"on\""),
            "{output}"
        );
    }
}

/// The orchestrator `stages` as it was, and as it is after a deploy.
mod stages {
    use super::*;

    #[orchestrator(name = "stages")]
    pub(super) async fn first(ctx: OrchestrationContext) -> Result<String, String> {
        for name in ["go", "more", "end"] {
            let event = ctx.wait_for_external_event_named::<u32>(name).await;
            event.map_err(|error| error.to_string())?;
        }
        Ok("old".into())
    }

    #[orchestrator(name = "stages")]
    pub(super) async fn later(ctx: OrchestrationContext) -> Result<String, String> {
        let mut answers = Vec::new();
        for name in ["go", "more", "end"] {
            answers.push(ctx.patched("p"));
            let event = ctx.wait_for_external_event_named::<u32>(name).await;
            event.map_err(|error| error.to_string())?;
        }
        Ok(format!("{answers:?}"))
    }
}

#[test]
fn an_instance_that_went_past_a_patch_is_without_it_at_later_places_too() {
    let world = World::new();
    let mut worker = world.worker(definitions![stages::first]);
    let client = worker.client().clone();
    worker.wait(client.start(stages::first().id("a")));
    worker.run_until_idle();
    drop(worker);
    for name in ["go", "more", "end"] {
        // Each time it is replayed.
        let mut worker = world.worker(definitions![stages::later]);
        let instance = worker.instance("a");
        worker.wait(instance.raise_event_named(name, &1));
        worker.run_until_idle();
        assert_eq!(worker.status("a").stalled, None);
    }
    let mut worker = world.worker(definitions![stages::later]);
    assert_eq!(worker.status("a").output, json("[false, false, false]"));
}
