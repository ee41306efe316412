//! Calls of activities by name.

use std::collections::BTreeMap;

use futures_util::StreamExt;
use futures_util::future::join_all;
use futures_util::stream::FuturesUnordered;

use super::*;
use crate::definition::CallError;
use crate::model::failure;
use crate::model::history::TaskCompleted;

fn sequence() -> Program {
    orchestrator(|ctx| async move {
        let mut greetings = Vec::new();
        for city in ["Tokyo", "Seattle"] {
            greetings.push(ctx.call_activity::<String>("say", city).await.unwrap());
        }
        greetings
    })
}

#[test]
fn a_sequence_asks_for_one_activity_after_the_other() {
    run(&sequence())
        .deliver(at(1), started(), waits().asks(0, call("say", "\"Tokyo\"")))
        .deliver(at(2), history().raised("other", "1"), waits())
        .deliver(
            at(3),
            history().completed(0, "\"Hello Tokyo\""),
            waits().asks(1, call("say", "\"Seattle\"")),
        )
        .deliver(
            at(4),
            history().completed(1, "\"Hello Seattle\""),
            completes(2, r#"["Hello Tokyo","Hello Seattle"]"#),
        )
        .recorded(
            history()
                .episode(at(1))
                .started("E", None)
                .scheduled(0, "say", "\"Tokyo\"")
                .episode(at(2))
                .raised("other", "1")
                .episode(at(3))
                .completed(0, "\"Hello Tokyo\"")
                .scheduled(1, "say", "\"Seattle\"")
                .episode(at(4))
                .completed(1, "\"Hello Seattle\"")
                .ended(2, r#"["Hello Tokyo","Hello Seattle"]"#),
        );
}

#[test]
fn calls_are_scheduled_in_program_order_whatever_is_awaited_first() {
    let program = orchestrator(|ctx| async move {
        let [a, b] = ["a", "b"].map(|name| ctx.call_activity::<i32>(name, ()));
        let b = b.await.unwrap();
        let c = ctx.call_activity::<i32>("c", ());
        (a.await.unwrap(), b, c.await.unwrap())
    });
    let asks_both = || {
        waits()
            .asks(0, call("a", "null"))
            .asks(1, call("b", "null"))
    };
    run(&program)
        .deliver(at(1), started(), asks_both())
        .deliver(at(2), history().completed(0, "1"), waits())
        .deliver(
            at(3),
            history().completed(1, "2"),
            waits().asks(2, call("c", "null")),
        )
        .deliver(at(4), history().completed(2, "3"), completes(3, "[1,2,3]"));
    run(&program)
        .deliver(at(1), started(), asks_both())
        .deliver(
            at(2),
            history().completed(1, "2").completed(0, "1"),
            waits().asks(2, call("c", "null")),
        );
}

#[test]
fn join_all_takes_results_in_any_order() {
    run(&orchestrator(|ctx| async move {
        let results = join_all((0..3).map(|i| ctx.call_activity::<i32>("a", i))).await;
        results.into_iter().map(Result::unwrap).collect::<Vec<_>>()
    }))
    .deliver(
        at(1),
        started(),
        waits()
            .asks(0, call("a", "0"))
            .asks(1, call("a", "1"))
            .asks(2, call("a", "2")),
    )
    .deliver(at(2), history().completed(2, "12"), waits())
    .deliver(
        at(3),
        history().completed(0, "10").completed(1, "11"),
        completes(3, "[10,11,12]"),
    );
}

#[test]
fn ten_thousand_calls_are_joined() {
    const COUNT: i32 = 10_000;
    let all = || {
        (0..COUNT)
            .rev()
            .fold(history(), |new, id| new.completed(id, "1"))
    };
    let unordered = orchestrator(|ctx| async move {
        let mut calls: FuturesUnordered<_> = (0..COUNT)
            .map(|i| ctx.call_activity::<i64>("a", i))
            .collect();
        let mut sum = 0;
        while let Some(result) = calls.next().await {
            sum += result.unwrap();
        }
        sum
    });
    let joined = orchestrator(|ctx| async move {
        let calls = (0..COUNT).map(|i| ctx.call_activity::<i64>("a", i));
        let results = join_all(calls).await;
        results.into_iter().map(Result::unwrap).sum::<i64>()
    });
    for program in [unordered, joined] {
        let mut run = run(&program).without_replays();
        let first = run.episode(at(1), started().build());
        assert_eq!(first.actions.len(), 10_000);
        run.check_replay();
        run.deliver(at(2), all(), completes(COUNT, "10000"))
            .check_replay();
    }
}

#[test]
fn a_result_without_a_payload_is_null() {
    let result = TaskCompleted {
        task_scheduled_id: 0,
        result: None,
    };
    run(&orchestrator(|ctx| async move {
        ctx.call_activity::<Option<i32>>("a", ()).await.unwrap()
    }))
    .deliver(at(1), started(), waits().asks(0, call("a", "null")))
    .deliver(at(2), history().happened(result), completes(1, "null"));
}

#[test]
fn only_the_first_result_of_a_call_counts() {
    let failure = FailureDetails::new("Late", "late");
    run(&orchestrator(|ctx| async move {
        let [a, b] = ["a", "b"].map(|name| ctx.call_activity::<i32>(name, ()));
        let b = b.await.unwrap();
        (a.await.unwrap(), b)
    }))
    .deliver(
        at(1),
        started(),
        waits()
            .asks(0, call("a", "null"))
            .asks(1, call("b", "null")),
    )
    .deliver(
        at(2),
        history().completed(0, "1").completed(0, "2"),
        waits(),
    )
    .deliver(at(3), history().failed(0, &failure), waits())
    .deliver(at(4), history().completed(1, "3"), completes(2, "[1,3]"));
}

#[test]
fn a_failure_reaches_the_author_with_its_details() {
    let failure = FailureDetails {
        inner_failure: Some(Box::new(FailureDetails::new("Inner", "disk"))),
        ..FailureDetails::new("Outer", "busy")
    };
    let expected = failure.clone();
    run(&orchestrator(move |ctx| {
        let expected = expected.clone();
        async move {
            let error = ctx.call_activity::<i32>("a", ()).await.unwrap_err();
            assert!(matches!(&error, CallError::Failed { failure, .. } if **failure == expected));
            error.to_string()
        }
    }))
    .deliver(at(1), started(), waits().asks(0, call("a", "null")))
    .deliver(
        at(2),
        history().failed(0, &failure),
        completes(1, r#""`a` failed: busy: disk""#),
    );
}

#[test]
fn an_input_that_cannot_be_encoded_fails_the_call_and_asks_for_nothing() {
    run(&orchestrator(|ctx| async move {
        let bad = ctx.call_activity::<i32>("a", BTreeMap::from([((1, 2), 3)]));
        let good = ctx.call_activity::<i32>("b", ());
        let failure = bad.await.unwrap_err().into_failure();
        assert_eq!(failure.error_type, failure::kind::ENCODE);
        assert!(failure.is_non_retriable);
        (failure.error_message, good.await.unwrap())
    }))
    .deliver(at(1), started(), waits().asks(0, call("b", "null")))
    .deliver(
        at(2),
        history().completed(0, "1"),
        completes(
            1,
            r#"["the input of the activity cannot be encoded as JSON: key must be a string",1]"#,
        ),
    );
}

#[test]
fn a_recorded_result_that_does_not_decode_is_a_fault() {
    let program = orchestrator(|ctx| async move {
        let result = ctx.call_activity::<Vec<i32>>("a", ()).await;
        result.map_err(|error| error.to_string())
    });
    let fault = run(&program)
        .deliver(at(1), started(), waits().asks(0, call("a", "null")))
        .faults(at(2), history().completed(0, "[1,true]"));
    let what = "the recorded result of activity `a`";
    let message = "not of the type `alloc::vec::Vec<i32>`: at `[1]`: invalid type: boolean `true`, expected i32";
    assert_undecodable(&fault, what, message);
    let past = history()
        .episode(at(1))
        .started("E", None)
        .scheduled(0, "a", "null")
        .episode(at(2))
        .completed(0, "[1,true]");
    assert_eq!(replay(&program, past).unwrap_err(), fault);
}

#[test]
fn replay_compares_the_name_without_its_case_and_not_the_input() {
    let execution = replay(
        &sequence(),
        history()
            .episode(at(1))
            .started("E", None)
            .scheduled(0, "SAY", "\"Berlin\""),
    );
    let [open] = &*execution.unwrap().take_open_tasks() else {
        panic!("one activity is open");
    };
    assert_eq!(
        (open.id, &*open.name, open.input.as_deref()),
        (0, "SAY", Some("\"Berlin\""))
    );
}
