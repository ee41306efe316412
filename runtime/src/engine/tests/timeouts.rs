//! Total timeouts.

use std::time::Duration;

use futures_util::future::select;

use super::*;
use crate::model::retry::RetryPolicy;

const SECOND: Duration = Duration::from_secs(1);

fn options() -> TaskOptions {
    TaskOptions {
        total_timeout: Some(60 * SECOND),
        retry: Some(RetryPolicy::new(3, 10 * SECOND)),
        ..TaskOptions::default()
    }
}

const TAGS: [(&str, &str); 2] = [
    (
        "steadfast.retry",
        r#"{"max_attempts":3,"first_interval":10000000}"#,
    ),
    ("steadfast.total_timeout", "60000000"),
];

fn attempt(number: u32) -> OrchestratorActionKind {
    let number_tag = number.to_string();
    let mut tags = TAGS.to_vec();
    if number > 1 {
        tags.extend([
            ("steadfast.attempt", &*number_tag),
            ("steadfast.first", "0"),
        ]);
    }
    tagged_call("a", "1", &tags)
}

/// Calls, and then waits for an event.
fn calls() -> Program {
    with_handle(|ctx| async move {
        let result = told(ctx.schedule_task("a", json("1"), options()).await);
        ctx.wait_for_external_event("go").await;
        result
    })
}

const TIMED_OUT: &str =
    r#""steadfast.Timeout: the call of activity `a` took longer than 60s in total""#;

fn begin(program: &Program) -> Run {
    run(program).deliver(
        at(1),
        started(),
        waits().asks(0, attempt(1)).asks(1, timer(at(61))),
    )
}

fn first_failed(program: &Program) -> Run {
    begin(program).deliver(
        at(2),
        history().failed(0, &lost()),
        waits().asks(2, timer(at(12))),
    )
}

fn second_attempt(program: &Program) -> Run {
    first_failed(program).deliver(
        at(12),
        history().timer_fired(2, at(12)),
        waits().asks(3, attempt(2)),
    )
}

#[test]
fn it_passes_during_the_first_attempt_between_two_and_during_a_later_one() {
    let passes = |run: Run, expected: Expected, id: i32| {
        let run = run.deliver(at(61), history().timer_fired(1, at(61)), expected);
        assert_eq!(run.live.next_timer(), None);
        assert_eq!(run.open, BTreeSet::new());
        let late = history()
            .completed(0, "7")
            .timer_fired(1, at(61))
            .raised("go", "1");
        run.deliver(at(62), late, completes(id, TIMED_OUT));
    };
    passes(begin(&calls()), waits().withdraws(0), 2);
    passes(first_failed(&calls()), waits(), 3);
    passes(second_attempt(&calls()), waits().withdraws(3), 4);
}

#[test]
fn it_ends_with_the_call() {
    let run = second_attempt(&calls());
    assert_eq!(run.live.next_timer(), Some(at(61)));
    let run = run.deliver(at(13), history().completed(3, "7"), waits());
    assert_eq!(run.live.next_timer(), None);
    run.deliver(at(61), history().timer_fired(1, at(61)), waits())
        .deliver(at(62), history().raised("go", "1"), completes(4, "\"7\""));
}

#[test]
fn it_ends_with_the_future_of_the_call() {
    let program = with_handle(|ctx| async move {
        let call = ctx.schedule_task("a", json("1"), options());
        drop(select(call, ctx.wait_for_external_event("go")).await);
        ctx.wait_for_external_event("end").await
    });
    for (run, expected) in [
        (begin(&program), waits().withdraws(0)),
        (first_failed(&program), waits()),
        (second_attempt(&program), waits().withdraws(3)),
    ] {
        let run = run.deliver(at(13), history().raised("go", "1"), expected);
        assert_eq!(run.live.next_timer(), None);
        run.deliver(at(61), history().timer_fired(1, at(61)), waits());
    }
}

#[test]
fn it_passes_for_a_detached_call_too() {
    let program = with_handle(|ctx| async move {
        ctx.schedule_task("a", json("1"), options()).detach();
        ctx.wait_for_external_event("go").await
    });
    let run = second_attempt(&program).deliver(
        at(61),
        history().timer_fired(1, at(61)),
        waits().withdraws(3),
    );
    assert_eq!(run.live.next_timer(), None);
    run.deliver(at(62), history().raised("go", "1"), completes(4, "\"1\""));
}

#[test]
fn it_wins_or_loses_by_the_order_of_events() {
    begin(&calls()).deliver(
        at(61),
        history()
            .completed(0, "7")
            .timer_fired(1, at(61))
            .raised("go", "1"),
        completes(2, "\"7\""),
    );
    begin(&calls()).deliver(
        at(61),
        history()
            .timer_fired(1, at(61))
            .completed(0, "7")
            .raised("go", "1"),
        completes(2, TIMED_OUT).withdraws(0),
    );
}

#[test]
fn it_is_taken_from_history_on_replay() {
    let edited = |total_timeout| {
        with_handle(move |ctx| async move {
            let options = TaskOptions {
                total_timeout,
                ..TaskOptions::default()
            };
            let result = told(ctx.schedule_task("a", json("1"), options).await);
            ctx.wait_for_external_event("go").await;
            result
        })
    };
    let run = second_attempt(&calls());
    for total in [None, Some(SECOND)] {
        let execution = Setup::new(&edited(total)).replay(&run.history).unwrap();
        assert_eq!(execution.due_timers(Timestamp::MAX), [(at(61), 1)]);
    }
}

#[test]
fn a_sub_orchestration_has_one_too() {
    let program = with_handle(|ctx| async move {
        let options = ChildOptions {
            instance_id: Some(instance("c")),
            total_timeout: Some(60 * SECOND),
            ..ChildOptions::default()
        };
        told(ctx.create_sub_orchestration("C", json("1"), options).await)
    });
    let asked = OrchestratorActionKind::CreateSubOrchestration {
        instance_id: instance("c"),
        name: "C".into(),
        version: None,
        input: Some("1".into()),
        tags: tags_of(&TAGS[1..]),
    };
    let begin = || {
        run(&program).deliver(
            at(1),
            started(),
            waits().asks(0, asked.clone()).asks(1, timer(at(61))),
        )
    };
    begin().deliver(
        at(61),
        history().timer_fired(1, at(61)),
        completes(
            2,
            r#""steadfast.Timeout: the call of sub-orchestration `C` took longer than 60s in total""#,
        )
        .withdraws_child(0, "c"),
    );
    // Without a policy a failure is final.
    begin().deliver(
        at(2),
        history().child_failed(0, &lost()),
        completes(2, "\"Lost: lost\""),
    );
}

#[test]
fn what_cannot_fit_into_the_calendar_never_passes() {
    let program = with_handle(|ctx| async move {
        let options = TaskOptions {
            total_timeout: Some(Duration::MAX),
            ..TaskOptions::default()
        };
        told(ctx.schedule_task("a", json("1"), options).await)
    });
    let mut run = run(&program);
    run.episode(at(1), started().build());
    let end = run.live.next_timer().unwrap();
    assert_eq!(end.as_second(), Timestamp::MAX.as_second());
}
