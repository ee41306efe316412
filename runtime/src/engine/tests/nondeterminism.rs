//! Code that differs from its history.

use std::time::Duration;

use super::*;
use crate::engine::NonDeterminismError;
use crate::model::history::ExecutionCompleted;

#[track_caller]
fn differs(result: Result<Execution, Fault>) -> NonDeterminismError {
    match result.unwrap_err() {
        Fault::NonDeterminism(error) => error,
        other => panic!("another fault: {other}"),
    }
}

/// Checks a report, and that it names the place in this file that begins with this text, or none.
#[track_caller]
fn assert_differs(
    program: &Program,
    past: History,
    (event_id, expected, found): (i32, &str, &str),
    place: Option<&str>,
) {
    let error = differs(replay(program, past));
    assert_eq!(
        (error.event_id, &*error.expected, &*error.found),
        (event_id, expected, found)
    );
    assert_eq!(error.location.is_some(), place.is_some());
    if let (Some(location), Some(place)) = (error.location, place) {
        assert_eq!(location.file(), file!());
        let mut lines = include_str!("nondeterminism.rs").lines();
        let line = lines.nth(location.line() as usize - 1).unwrap();
        let found = &line[location.column() as usize - 1..];
        assert!(found.starts_with(place), "{location}: {found}");
    }
}

fn past() -> History {
    history().episode(at(1)).started("E", None)
}

#[test]
fn another_activity() {
    let program =
        orchestrator(|ctx| async move { ctx.call_activity::<i32>("new", ()).await.unwrap() });
    assert_differs(
        &program,
        past().scheduled(0, "old", "null"),
        (0, "a call of activity `old`", "a call of activity `new`"),
        Some("call_activity::<i32>(\"new\""),
    );
    let error = differs(replay(&program, past().scheduled(0, "old", "null")));
    assert_eq!(
        error.to_string(),
        format!(
            "the code differs from its history at event 0: expected a call of activity `old`, \
             found a call of activity `new` at {}",
            error.location.unwrap()
        )
    );
}

#[test]
fn an_activity_instead_of_a_timer_and_the_other_way_round() {
    let calls =
        || orchestrator(|ctx| async move { ctx.call_activity::<i32>("a", ()).await.unwrap() });
    assert_differs(
        &calls(),
        past().timer_created(0, at(5)),
        (0, "a timer", "a call of activity `a`"),
        Some("call_activity::<i32>(\"a\""),
    );
    let waits = orchestrator(|ctx| async move {
        ctx.create_timer(Duration::from_secs(1)).await;
    });
    assert_differs(
        &waits,
        past().scheduled(0, "a", "null"),
        (0, "a call of activity `a`", "a timer"),
        Some("create_timer("),
    );
}

#[test]
fn an_additional_action() {
    let program = orchestrator(|ctx| async move {
        let a = ctx.call_activity::<i32>("a", ());
        let b = ctx.call_activity::<i32>("b", ());
        (a.await.unwrap(), b.await.unwrap())
    });
    assert_differs(
        &program,
        past().scheduled(0, "a", "null"),
        (
            1,
            "nothing, since the recorded run had not come so far",
            "a call of activity `b`",
        ),
        Some("call_activity::<i32>(\"b\""),
    );
}

fn calls_once() -> Program {
    orchestrator(|ctx| async move { ctx.call_activity::<i32>("a", ()).await.unwrap() })
}

#[test]
fn a_missing_action() {
    assert_differs(
        &calls_once(),
        past().scheduled(0, "a", "null").scheduled(1, "b", "null"),
        (
            1,
            "a call of activity `b`",
            "no such action (the code asked for 1 so far)",
        ),
        Some("call_activity::<i32>(\"a\""),
    );
    // Also where the code would ask for it later.
    let later = orchestrator(|ctx| async move {
        ctx.call_activity::<i32>("a", ()).await.unwrap();
        ctx.call_activity::<i32>("b", ()).await.unwrap()
    });
    assert_differs(
        &later,
        past().scheduled(0, "a", "null").scheduled(1, "b", "null"),
        (
            1,
            "a call of activity `b`",
            "no such action (the code asked for 1 so far)",
        ),
        Some("call_activity::<i32>(\"a\""),
    );
}

#[test]
fn an_end_that_came_later_in_history() {
    let completed = past()
        .scheduled(0, "a", "null")
        .episode(at(2))
        .completed(0, "1");
    assert_differs(
        &calls_once(),
        completed.clone().scheduled(1, "b", "null"),
        (
            1,
            "a call of activity `b`",
            "the end of the orchestration (Completed)",
        ),
        None,
    );
    assert_differs(
        &calls_once(),
        completed,
        (
            1,
            "nothing, since the recorded run had not come so far",
            "the end of the orchestration (Completed)",
        ),
        None,
    );
}

#[test]
fn an_end_that_came_earlier_in_history() {
    assert_differs(
        &calls_once(),
        past().ended(0, "1"),
        (
            0,
            "the end of the orchestration (Completed)",
            "a call of activity `a`",
        ),
        Some("call_activity::<i32>(\"a\""),
    );
    let waits = orchestrator(|ctx| async move {
        ctx.wait_for_external_event_named::<i32>("go")
            .await
            .unwrap()
    });
    assert_differs(
        &waits,
        past().ended(0, "1"),
        (
            0,
            "the end of the orchestration (Completed)",
            "no such action (the code asked for 0 so far)",
        ),
        None,
    );
}

#[test]
fn another_end() {
    let failed = ExecutionCompleted {
        status: RuntimeStatus::Failed,
        result: None,
        failure: Some(FailureDetails::new("Lost", "lost")),
    };
    assert_differs(
        &orchestrator(|_| async {}),
        past().confirmed(0, failed),
        (
            0,
            "the end of the orchestration (Failed)",
            "the end of the orchestration (Completed)",
        ),
        None,
    );
}

#[test]
fn a_result_of_another_kind() {
    let timer = orchestrator(|ctx| async move { ctx.create_timer(at(5)).await });
    assert_differs(
        &timer,
        past()
            .timer_created(0, at(5))
            .episode(at(2))
            .completed(0, "1"),
        (0, "an activity that has ended", "a timer"),
        Some("create_timer"),
    );
    assert_differs(
        &calls_once(),
        past()
            .scheduled(0, "a", "null")
            .episode(at(2))
            .timer_fired(0, at(2)),
        (0, "a timer that has fired", "an activity"),
        Some("call_activity::<i32>(\"a\""),
    );
}

#[test]
fn a_panic_does_not_hide_the_difference_that_led_to_it() {
    let program = orchestrator(|ctx| async move {
        drop(ctx.call_activity::<i32>("x", ()));
        assert!(!ctx.is_replaying(), "led astray");
    });
    let past = past().scheduled(0, "a", "null").build();
    for panics in [Panics::Fail, Panics::SetAside] {
        let setup = Setup::new(&program).panics(panics);
        assert_eq!(differs(setup.replay(&past)).event_id, 0);
    }
}

#[test]
fn the_first_difference_is_reported_and_the_code_may_go_on_from_it() {
    let program = orchestrator(|ctx| async move {
        let calls = ["x", "y"].map(|name| ctx.call_activity::<i32>(name, ()));
        drop(calls);
        ctx.create_timer(at(5)).await;
    });
    let past = past().scheduled(0, "a", "null").scheduled(1, "b", "null");
    assert_eq!(differs(replay(&program, past)).event_id, 0);
}
