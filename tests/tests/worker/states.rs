//! Every operation on an instance in every state that it can be in.

use std::cell::Cell;
use std::time::Duration;

use steadfast::limits::MAX_BUFFERED_EVENTS;
use steadfast::prelude::*;
use steadfast::testing::SingleThreaded;
use steadfast::{ClientError, InstanceHandle, Panics, definitions};

use crate::support::{Worker as _, World, json};

thread_local! {
    static BROKEN: Cell<bool> = const { Cell::new(false) };
}

/// Waits for an event that says how to end.
#[orchestrator]
async fn subject(ctx: OrchestrationContext, begin: String) -> Result<String, String> {
    if begin == "again" {
        return ctx.continue_as_new(subject("second".into())).await;
    }
    let go: String = ctx
        .wait_for_external_event_named("go")
        .await
        .map_err(|error| error.to_string())?;
    match go.as_str() {
        "fail" => Err("failed".into()),
        "break" if BROKEN.get() => panic!("broken"),
        _ => Ok(go),
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Absent,
    Scheduled,
    Pending,
    Running,
    Suspended,
    Stalled,
    Continued,
    Completed,
    Failed,
    Terminated,
}

use State::{
    Absent, Completed, Continued, Failed, Pending, Running, Scheduled, Stalled, Suspended,
    Terminated,
};

const LIVE: [State; 6] = [Scheduled, Pending, Running, Suspended, Stalled, Continued];
const ENDED: [State; 3] = [Completed, Failed, Terminated];

/// A worker with an instance `it` in this state.
fn in_state(state: State, max_live_instances: usize) -> (World, SingleThreaded, InstanceHandle) {
    let world = World {
        max_live_instances,
        panics: Panics::SetAside,
        ..World::new()
    };
    BROKEN.set(true);
    let mut worker = world.worker(definitions![subject]);
    let client = worker.client().clone();
    let begin = if state == Continued { "again" } else { "" };
    let call = subject(begin.into()).id("it").tag("kind", "subject");
    if state == Scheduled {
        worker.wait(client.start(call.start_at(Duration::from_secs(60))));
    } else {
        worker.wait(client.start(call));
    }
    let it = worker.instance("it");
    if state != Pending {
        worker.run_until_idle();
    }
    let mut go = |how: &str| worker.wait(it.raise_event_named("go", how));
    match state {
        Scheduled | Pending | Running | Continued => {}
        Completed => go("done"),
        Failed => go("fail"),
        Stalled => go("break"),
        Suspended => worker.wait(it.suspend(None)),
        Terminated => worker.wait(it.terminate(None)),
        Absent => {
            worker.wait(it.terminate(None));
            worker.wait(it.purge());
        }
    }
    if state != Pending {
        worker.run_until_idle();
        let found = worker.wait(it.try_status());
        assert_eq!(found.is_none(), state == Absent, "{state:?}");
        let stalled = found.and_then(|status| status.stalled);
        assert_eq!(stalled.is_some(), state == Stalled, "{state:?}");
    }
    (world, worker, it)
}

fn outcome(result: Result<(), ClientError>) -> &'static str {
    match result {
        Ok(()) => "done",
        Err(ClientError::NotFound { .. }) => "not found",
        Err(ClientError::AlreadyEnded { .. }) => "ended",
        Err(ClientError::NotEnded { .. }) => "not ended",
        Err(ClientError::NotFailed { .. }) => "not failed",
        Err(ClientError::AlreadyExists { .. }) => "exists",
        Err(error) => panic!("{error}"),
    }
}

/// Does something to an instance in every state. What it is told depends on whether the instance is there, lives, has failed, or
/// has ended otherwise; `after` checks what has become of the instance where the operation is done.
fn in_every_state(
    what: &str,
    ask: impl AsyncFn(&InstanceHandle) -> Result<(), ClientError> + Copy,
    [absent, live, failed, ended]: [&str; 4],
    after: impl Fn(State, &mut SingleThreaded),
) {
    for max_live_instances in [100, 0] {
        for state in LIVE.into_iter().chain(ENDED).chain([Absent]) {
            let (_world, mut worker, it) = in_state(state, max_live_instances);
            let before = worker.wait(it.try_status());
            let told = outcome(worker.block_on(ask(&it)));
            let expected = match state {
                Absent => absent,
                Failed => failed,
                Completed | Terminated => ended,
                _ => live,
            };
            assert_eq!(told, expected, "{what}, {state:?}");
            worker.run_until_idle();
            if told == "done" {
                after(state, &mut worker);
            } else if state != Pending {
                assert_eq!(
                    worker.wait(it.try_status()),
                    before,
                    "{what} was refused, {state:?}"
                );
            }
        }
    }
}

fn status_is(worker: &mut SingleThreaded, expected: RuntimeStatus) {
    assert_eq!(worker.status("it").runtime_status, expected);
}

#[test]
fn terminate() {
    for recursive in [false, true] {
        in_every_state(
            "terminate",
            async |it| match recursive {
                false => it.terminate(Some("why")).await,
                true => it.terminate_recursive(Some("why")).await,
            },
            ["not found", "done", "ended", "ended"],
            |_, worker| {
                let end = worker.status("it");
                assert_eq!(end.runtime_status, RuntimeStatus::Terminated);
                assert_eq!(
                    (end.output.clone(), end.stalled.clone()),
                    (json("why"), None)
                );
                // The time for which it was scheduled changes nothing.
                worker.settle();
                assert_eq!(worker.status("it"), end);
            },
        );
    }
}

#[test]
fn suspend_and_resume() {
    in_every_state(
        "suspend",
        async |it| it.suspend(Some("why")).await,
        ["not found", "done", "ended", "ended"],
        |state, worker| {
            status_is(worker, RuntimeStatus::Suspended);
            let it = worker.instance("it");
            worker.wait(it.suspend(None));
            worker.wait(it.resume(None));
            let expected = match state {
                Scheduled => RuntimeStatus::Pending,
                _ => RuntimeStatus::Running,
            };
            status_is(worker, expected);
            BROKEN.set(false);
            worker.wait(it.retry());
            worker.settle();
            if state != Stalled {
                worker.wait(it.raise_event_named("go", "on"));
            }
            worker.run_until_idle();
            status_is(worker, RuntimeStatus::Completed);
        },
    );
    in_every_state(
        "resume",
        async |it| it.resume(None).await,
        ["not found", "done", "ended", "ended"],
        |state, worker| {
            let expected = match state {
                Scheduled => RuntimeStatus::Pending,
                _ => RuntimeStatus::Running,
            };
            status_is(worker, expected);
        },
    );
}

#[test]
fn raise_an_event() {
    in_every_state(
        "raise",
        async |it| it.raise_event_named("GO", "on").await,
        ["not found", "done", "ended", "ended"],
        |state, worker| {
            let it = worker.instance("it");
            BROKEN.set(false);
            match state {
                Suspended => worker.wait(it.resume(None)),
                Stalled => worker.wait(it.retry()),
                _ => {}
            }
            worker.settle();
            let end = worker.status("it");
            // A stalled one takes first what came first.
            let output = if state == Stalled { "break" } else { "on" };
            assert_eq!(end.output, json(output), "{state:?}");
        },
    );
}

#[test]
fn rewind() {
    in_every_state(
        "rewind",
        async |it| it.rewind(Some("why")).await,
        ["not found", "not failed", "done", "not failed"],
        |_, worker| {
            // It took the event that made it fail, and fails by itself again.
            let end = worker.status("it");
            assert_eq!(end.runtime_status, RuntimeStatus::Failed);
        },
    );
}

#[test]
fn restart() {
    in_every_state(
        "restart",
        async |it| it.restart().await.map(drop),
        ["not found", "exists", "done", "done"],
        |_, worker| {
            let status = worker.status("it");
            assert_eq!(status.runtime_status, RuntimeStatus::Running);
            assert_eq!((status.output, status.failure), (None, None));
            assert_eq!(status.tags["kind"], "subject");
        },
    );
    in_every_state(
        "restart as",
        async |it| it.restart_as(Some("copy")).await.map(drop),
        ["not found", "done", "done", "done"],
        |state, worker| {
            let copy = worker.status("copy");
            assert_eq!(copy.runtime_status, RuntimeStatus::Running, "{state:?}");
            assert_eq!(copy.tags["kind"], "subject");
            let it = worker.status("it");
            assert_eq!(copy.input, it.input);
            assert_eq!(it.is_terminal(), ENDED.contains(&state));
            // The id is taken now.
            let it = worker.instance("it");
            let told = worker.block_on(it.restart_as(Some("copy"))).map(drop);
            assert_eq!(outcome(told), "exists");
        },
    );
}

#[test]
fn purge() {
    in_every_state(
        "purge",
        async |it| it.purge().await,
        ["not found", "not ended", "done", "done"],
        |_, worker| {
            let it = worker.instance("it");
            assert!(worker.wait(it.try_status()).is_none());
            let client = worker.client().clone();
            worker.wait(client.start(subject(String::new()).id("it")));
            status_is(worker, RuntimeStatus::Running);
        },
    );
}

#[test]
fn retry() {
    in_every_state(
        "retry",
        async |it| {
            BROKEN.set(false);
            it.retry().await
        },
        ["not found", "done", "ended", "ended"],
        |state, worker| {
            let status = worker.status("it");
            assert_eq!(status.stalled, None);
            let expected = match state {
                Stalled => RuntimeStatus::Completed,
                Suspended => RuntimeStatus::Suspended,
                Scheduled => RuntimeStatus::Pending,
                _ => RuntimeStatus::Running,
            };
            assert_eq!(status.runtime_status, expected, "{state:?}");
        },
    );
}

#[test]
fn what_it_waits_for() {
    in_every_state(
        "waiting on",
        async |it| it.waiting_on().await.map(drop),
        ["not found", "done", "ended", "ended"],
        |state, worker| {
            let it = worker.instance("it");
            let waits = worker.wait(it.waiting_on()).len();
            let runs = matches!(state, Pending | Running | Continued);
            assert_eq!(waits, usize::from(runs), "{state:?}");
        },
    );
}

#[test]
fn look_at_the_history() {
    in_every_state(
        "history",
        async |it| it.history().await.map(drop),
        ["not found", "done", "done", "done"],
        |state, worker| {
            let it = worker.instance("it");
            let history = worker.wait(it.history());
            let begun = history
                .iter()
                .filter(|event| event.kind.name() == "ExecutionStarted");
            assert_eq!(begun.count(), 1, "{state:?}");
            let exported = worker.wait(it.export());
            let events: usize = exported
                .episodes
                .iter()
                .map(|episode| episode.events.len())
                .sum();
            assert_eq!(events, history.len(), "{state:?}");
            // Of every state the file can be read again.
            let read = steadfast::ExportedHistory::from_json(&exported.to_json()).unwrap();
            assert_eq!(read, exported);
        },
    );
}

#[test]
fn as_many_events_are_kept_as_may_be_and_no_more() {
    let (_world, mut worker, it) = in_state(Running, 100);
    let raised = (0..=MAX_BUFFERED_EVENTS).map(|number| it.raise_json_event("other", json(number)));
    let answers = worker.block_on(futures_util::future::join_all(raised));
    let refused: Vec<_> = answers.into_iter().filter_map(Result::err).collect();
    assert!(
        matches!(&refused[..], [ClientError::TooManyEvents { .. }]),
        "{refused:?}"
    );
}
