//! What an orchestrator waits for, told to an operator, and how long its history is.

use std::time::Duration;

use super::*;
use crate::model::retry::RetryPolicy;

/// Waits for one of everything.
fn waits_for_all() -> Program {
    with_handle(|ctx| async move {
        ctx.wait_for_external_event("begin").await;
        let retried = TaskOptions {
            retry: Some(RetryPolicy::new(3, Duration::from_secs(5))),
            total_timeout: Some(Duration::from_secs(60)),
            ..TaskOptions::default()
        };
        let id = ChildOptions {
            instance_id: Some(instance("c")),
            ..ChildOptions::default()
        };
        ctx.schedule_task("detached", json("1"), TaskOptions::default())
            .detach();
        let _done = ctx.schedule_task("done", json("1"), TaskOptions::default());
        let _open = (
            ctx.schedule_task("plain", json("1"), TaskOptions::default()),
            ctx.schedule_task("retried", json("1"), retried),
            ctx.create_timer(at(99)),
            ctx.create_sub_orchestration("Child", json("1"), id),
            ctx.wait_for_external_event("Given"),
        );
        ctx.wait_for_external_event("Go").await
    })
}

#[track_caller]
fn assert_waits(run: &Run, expected: &[WaitingFor]) {
    let waits = run.live.waiting_on();
    for wait in &waits {
        assert_eq!(wait.location.unwrap().file(), file!());
        assert_eq!(wait.since, at(2));
    }
    let lines: BTreeSet<_> = waits
        .iter()
        .map(|wait| wait.location.unwrap().line())
        .collect();
    assert_eq!(lines.len(), waits.len());
    let kinds: Vec<_> = waits.into_iter().map(|wait| wait.kind).collect();
    assert_eq!(kinds, expected);
}

#[test]
fn each_wait_says_what_it_is_for_and_where_it_began() {
    let mut run = run(&waits_for_all());
    run.episode(at(1), started().build());
    let [waits] = &*run.live.waiting_on() else {
        panic!("it waits for one event");
    };
    let begin = WaitingFor::Event {
        name: "begin".into(),
    };
    assert_eq!((&waits.kind, waits.since), (&begin, at(1)));
    let new = history().raised("begin", "1").raised("given", "1");
    run.episode(at(2), new.all_at(at(2)).build());
    run.episode(at(3), history().completed(1, "1").build());
    let activity = |id, name: &str, attempt, max_attempts| WaitingFor::Activity {
        id,
        name: name.into(),
        attempt,
        max_attempts,
    };
    let rest = [
        WaitingFor::Timer {
            id: 5,
            fire_at: at(99),
        },
        WaitingFor::Child {
            id: 6,
            instance_id: instance("c"),
            name: "Child".into(),
        },
        WaitingFor::Event { name: "Go".into() },
    ];
    let all = |retried: WaitingFor| {
        let first = [activity(2, "plain", 1, 1), retried];
        [&first[..], &rest].concat()
    };
    assert_waits(&run, &all(activity(3, "retried", 1, 3)));
    run.episode(at(4), history().failed(3, &lost()).build());
    let again = WaitingFor::Retry {
        id: 7,
        name: "retried".into(),
        next_attempt: 2,
        max_attempts: 3,
        at: at(9),
    };
    assert_waits(&run, &all(again));
    run.episode(at(9), history().timer_fired(7, at(9)).build());
    assert_waits(&run, &all(activity(8, "retried", 2, 3)));
    assert_eq!(run.live.buffered_events(), 1);
    run.episode(at(10), history().raised("other", "1").build());
    assert_eq!(run.live.buffered_events(), 2);
    run.episode(at(11), history().raised("go", "1").build());
    assert_eq!(run.live.history_length(), run.history.len());
}

#[test]
fn the_length_of_the_history_is_the_same_at_the_same_place() {
    let program = with_handle(|ctx| async move {
        let mut lengths = vec![ctx.history_length()];
        let calls = [(); 2].map(|()| ctx.schedule_task("a", json("1"), TaskOptions::default()));
        lengths.push(ctx.history_length());
        for call in calls {
            let _ = call.await;
            lengths.push(ctx.history_length());
        }
        lengths
    });
    run(&program)
        .deliver(
            at(1),
            started(),
            waits().asks(0, call("a", "1")).asks(1, call("a", "1")),
        )
        .deliver(
            at(2),
            history().completed(0, "1").completed(1, "1"),
            completes(2, "[2,4,6,7]"),
        );
}
