//! Failed executions that go on from before their failures.

use std::cell::Cell;
use std::time::Duration;

use futures_util::future::{join, join_all, select};

use super::*;
use crate::engine::{OpenChild, Operation};
use crate::model::retry::RetryPolicy;

const SECOND: Duration = Duration::from_secs(1);

fn calls(ctx: &ExecutionHandle, name: &str) -> Operation {
    ctx.schedule_task(name, json("1"), TaskOptions::default())
}

/// An orchestrator that fails with the failure of a call.
fn fallible<F>(function: impl Fn(ExecutionHandle) -> F + 'static) -> Program
where
    F: Future<Output = Result<Option<String>, FailureDetails>> + 'static,
{
    Rc::new(move |execution, _| {
        let output = function(execution);
        Ok(Box::pin(async move {
            output.await.map(Option::unwrap_or_default)
        }))
    })
}

/// One activity after the other.
fn sequence() -> Program {
    fallible(|ctx| async move {
        calls(&ctx, "a").await?;
        calls(&ctx, "b").await
    })
}

fn a_failed() -> Run {
    run(&sequence())
        .deliver(at(1), started(), waits().asks(0, call("a", "1")))
        .deliver(at(2), history().failed(0, &lost()), fails(1, &lost()))
}

/// A rewind that leaves the custom status empty.
fn rewound() -> Expected {
    waits().clears()
}

#[test]
fn what_failed_is_open_again_and_the_end_is_forgotten() {
    let run = a_failed().rewinds(at(9), rewound());
    assert_eq!(run.open, BTreeSet::from([0]));
    assert!(run.live.ended().is_none());
    run.deliver(
        at(10),
        history().completed(0, "7"),
        // Ids that were given to what is forgotten are not given again.
        waits().asks(2, call("b", "1")),
    )
    .deliver(at(11), history().completed(2, "8"), completes(3, "8"))
    .recorded(
        history()
            .episode(at(1))
            .started("E", None)
            .scheduled(0, "a", "1")
            .episode(at(2))
            .failed(0, &lost())
            .confirmed(
                1,
                crate::model::history::ExecutionCompleted {
                    status: RuntimeStatus::Failed,
                    result: None,
                    failure: Some(lost()),
                },
            )
            .episode(at(9))
            .happened(ExecutionRewound {
                reason: Some("\"again\"".into()),
            })
            .episode(at(10))
            .completed(0, "7")
            .scheduled(2, "b", "1")
            .episode(at(11))
            .completed(2, "8")
            .ended(3, "8"),
    );
}

#[test]
fn an_execution_may_fail_and_be_rewound_again_and_again() {
    let run = a_failed()
        .rewinds(at(9), rewound())
        .deliver(at(10), history().failed(0, &lost()), fails(2, &lost()))
        .rewinds(at(19), rewound())
        .deliver(
            at(20),
            history().completed(0, "7"),
            waits().asks(3, call("b", "1")),
        )
        .deliver(at(21), history().failed(3, &lost()), fails(4, &lost()))
        .rewinds(at(29), rewound());
    assert_eq!(run.open, BTreeSet::from([3]));
    run.deliver(at(30), history().completed(3, "8"), completes(5, "8"));
}

#[test]
fn what_succeeded_stays_so() {
    let program = fallible(|ctx| async move {
        let all = join_all((0..4).map(|_| calls(&ctx, "a"))).await;
        let all: Result<Vec<_>, _> = all.into_iter().collect();
        Ok(Some(serde_json::to_string(&all?).unwrap()))
    });
    let asked = (0..4).fold(waits(), |asked, id| asked.asks(id, call("a", "1")));
    let run = run(&program)
        .deliver(at(1), started(), asked)
        .deliver(
            at(2),
            history()
                .failed(1, &lost())
                .completed(0, "0")
                .failed(3, &lost())
                .completed(2, "2"),
            fails(4, &lost()),
        )
        .rewinds(at(9), rewound());
    assert_eq!(run.open, BTreeSet::from([1, 3]));
    run.deliver(
        at(10),
        history().completed(3, "3").completed(1, "1"),
        completes(5, r#"["0","1","2","3"]"#),
    );
}

#[test]
fn what_followed_from_the_failure_is_forgotten_with_its_results() {
    let program = fallible(|ctx| async move {
        let result = calls(&ctx, "a").await;
        if result.is_err() {
            ctx.wait_for_external_event("go").await;
            calls(&ctx, "clean up").await?;
            calls(&ctx, "left open").detach();
            ctx.create_timer(at(99)).detach();
            return result;
        }
        ctx.wait_for_external_event("go").await;
        calls(&ctx, "b").await
    });
    let run = run(&program)
        .deliver(at(1), started(), waits().asks(0, call("a", "1")))
        .deliver(
            at(2),
            history().failed(0, &lost()).raised("go", "1"),
            waits().asks(1, call("clean up", "1")),
        )
        .deliver(
            at(3),
            history().completed(1, "7"),
            waits()
                .asks(2, call("left open", "1"))
                .asks(3, timer(at(99)))
                .fails(4, &lost()),
        )
        .rewinds(at(9), rewound());
    assert_eq!(run.open, BTreeSet::from([0]));
    assert_eq!(run.live.next_timer(), None);
    // The event that the forgotten path took is there again.
    assert_eq!(run.live.buffered_events(), 1);
    run.deliver(
        at(10),
        history()
            .completed(1, "late")
            .completed(2, "late")
            .timer_fired(3, at(99))
            .completed(0, "7"),
        waits().asks(5, call("b", "1")),
    )
    .deliver(at(11), history().completed(5, "8"), completes(6, "8"));
}

#[test]
fn what_runs_beside_the_failed_path_keeps_its_results_up_to_where_they_part() {
    let program = fallible(|ctx| async move {
        let failing = async {
            let result = calls(&ctx, "a").await;
            if result.is_err() {
                calls(&ctx, "clean up").await?;
            }
            result
        };
        let beside = async {
            calls(&ctx, "b").await?;
            calls(&ctx, "c").await
        };
        let (failing, beside) = join(failing, beside).await;
        failing.and(beside)
    });
    let run = run(&program)
        .deliver(
            at(1),
            started(),
            waits().asks(0, call("a", "1")).asks(1, call("b", "1")),
        )
        .deliver(
            at(2),
            history().completed(1, "7"),
            waits().asks(2, call("c", "1")),
        )
        .deliver(
            at(3),
            history().failed(0, &lost()),
            waits().asks(3, call("clean up", "1")),
        )
        .deliver(
            at(4),
            history().completed(3, "7").completed(2, "8"),
            fails(4, &lost()),
        )
        .rewinds(at(9), rewound());
    assert_eq!(run.open, BTreeSet::from([0]));
    run.deliver(at(10), history().completed(0, "7"), completes(5, "8"));
}

#[test]
fn what_the_code_asks_for_instead_is_confirmed_behind_the_rewind() {
    // As after a deploy: the fixed code goes on where the other one failed by itself.
    let fixed = Rc::new(Cell::new(false));
    let is_fixed = Rc::clone(&fixed);
    let program = fallible(move |ctx| {
        let is_fixed = Rc::clone(&is_fixed);
        async move {
            calls(&ctx, "a").await?;
            if !is_fixed.get() {
                return Err(lost());
            }
            ctx.patched("fixed");
            let side = ctx.side_value(|| Ok("5".into()))?;
            let call = ctx.schedule_task("b", json(&side), TaskOptions::default());
            drop(calls(&ctx, "dropped"));
            ctx.send_event(&instance("other"), "hello", json("1"))?;
            call.await
        }
    });
    let failed = || {
        run(&program)
            .deliver(at(1), started(), waits().asks(0, call("a", "1")))
            .deliver(at(2), history().completed(0, "7"), fails(1, &lost()))
    };
    // It fails again.
    failed()
        .rewinds(at(9), waits().clears().fails(2, &lost()))
        .deliver(
            at(10),
            history(),
            Expected {
                actions: vec![],
                ..fails(2, &lost())
            },
        )
        .rewinds(at(19), waits().clears().fails(3, &lost()));
    let failed = failed();
    fixed.set(true);
    let patch = OrchestratorActionKind::SendEvent {
        instance_id: instance("demo"),
        name: "steadfast.patch:fixed".into(),
        data: None,
    };
    let run = failed.rewinds(
        at(9),
        rewound()
            .asks(2, patch)
            .asks(3, send("demo", "steadfast.side", "5"))
            .asks(4, call("b", "5"))
            .asks(5, call("dropped", "1"))
            .asks(6, send("other", "hello", "1"))
            .withdraws(5),
    );
    assert_eq!(run.open, BTreeSet::from([4]));
    run.deliver(at(10), history().failed(4, &lost()), fails(7, &lost()))
        .rewinds(at(19), rewound())
        .deliver(at(20), history().completed(4, "8"), completes(8, "8"));
}

#[test]
fn an_action_of_another_input_or_time_belongs_to_the_other_path() {
    let input = Rc::new(Cell::new("1"));
    let current = Rc::clone(&input);
    let program = fallible(move |ctx| {
        let current = Rc::clone(&current);
        async move {
            let due = if current.get() == "1" { 50 } else { 60 };
            ctx.create_timer(at(due)).detach();
            let options = TaskOptions::default();
            ctx.schedule_task("a", json(current.get()), options).await
        }
    });
    let run = run(&program)
        .deliver(
            at(1),
            started(),
            waits().asks(0, timer(at(50))).asks(1, call("a", "1")),
        )
        .deliver(at(2), history().failed(1, &lost()), fails(2, &lost()));
    input.set("2");
    let run = run.rewinds(
        at(9),
        rewound().asks(3, timer(at(60))).asks(4, call("a", "2")),
    );
    assert_eq!(run.open, BTreeSet::from([4]));
    run.deliver(at(10), history().completed(1, "late"), waits())
        .deliver(at(11), history().completed(4, "7"), completes(5, "7"));
}

#[test]
fn sub_orchestrations_that_failed_are_to_be_rewound() {
    let program = fallible(|ctx| async move {
        let options = |id| ChildOptions {
            instance_id: Some(instance(id)),
            version: Some("2".into()),
            tags: tags_of(&[("colour", "red")]),
            ..ChildOptions::default()
        };
        let [a, b] =
            ["a", "b"].map(|id| ctx.create_sub_orchestration("Child", json("1"), options(id)));
        let (a, b) = join(a, b).await;
        a.and(b)
    });
    let mut run = run(&program);
    run.episode(at(1), started().build());
    let failed = history().child_failed(0, &lost()).child_completed(1, "7");
    run.episode(at(2), failed.build());
    assert!(run.live.ended().is_some());
    let episode = run.rewind(at(9));
    assert_eq!(
        episode.rewound_children,
        [OpenChild {
            id: 0,
            instance_id: instance("a"),
            name: "Child".into(),
            version: Some("2".into()),
            input: Some("1".into()),
            tags: tags_of(&[("colour", "red")]),
        }]
    );
    let mut run = run.deliver(
        at(10),
        history().child_failed(0, &lost()),
        fails(3, &lost()),
    );
    assert_eq!(run.rewind(at(19)).rewound_children.len(), 1);
    run.deliver(at(20), history().child_completed(0, "8"), completes(4, "7"));
}

/// Calls `a` with up to two attempts and a minute in all, and then `b`.
fn retries() -> Program {
    fallible(|ctx| async move {
        let options = TaskOptions {
            retry: Some(RetryPolicy::new(2, 5 * SECOND)),
            total_timeout: Some(60 * SECOND),
            ..TaskOptions::default()
        };
        ctx.schedule_task("a", json("1"), options).await?;
        calls(&ctx, "b").await
    })
}

fn attempt(number: u32) -> OrchestratorActionKind {
    let tags = [
        (
            "steadfast.retry",
            r#"{"max_attempts":2,"first_interval":5000000}"#,
        ),
        ("steadfast.total_timeout", "60000000"),
        ("steadfast.attempt", "2"),
        ("steadfast.first", "0"),
    ];
    tagged_call("a", "1", &tags[..if number == 1 { 2 } else { 4 }])
}

fn second_attempt() -> Run {
    run(&retries())
        .deliver(
            at(1),
            started(),
            waits().asks(0, attempt(1)).asks(1, timer(at(61))),
        )
        .deliver(
            at(2),
            history().failed(0, &lost()).timer_fired(2, at(7)),
            waits().asks(2, timer(at(7))).asks(3, attempt(2)),
        )
}

#[test]
fn a_call_that_was_tried_again_with_success_stays_so() {
    let run = second_attempt()
        .deliver(
            at(8),
            history().completed(3, "7"),
            waits().asks(4, call("b", "1")),
        )
        .deliver(at(9), history().failed(4, &lost()), fails(5, &lost()))
        .rewinds(at(100), rewound());
    assert_eq!(run.open, BTreeSet::from([4]));
    assert_eq!(run.live.next_timer(), None);
    run.deliver(at(101), history().completed(4, "8"), completes(6, "8"));
}

#[test]
fn a_call_that_had_used_up_its_attempts_has_all_of_them_again() {
    let run = second_attempt()
        .deliver(at(8), history().failed(3, &lost()), fails(4, &lost()))
        // The total timeout begins anew, too.
        .rewinds(at(100), rewound().asks(5, timer(at(160))));
    assert_eq!(run.open, BTreeSet::from([3]));
    assert_eq!(run.live.due_timers(Timestamp::MAX), [(at(160), 5)]);
    let again = |run: Run| {
        run.deliver(
            at(101),
            history().timer_fired(1, at(61)).failed(3, &lost()),
            waits().asks(6, timer(at(106))),
        )
        .deliver(
            at(106),
            history().timer_fired(6, at(106)),
            waits().asks(7, attempt(2)),
        )
    };
    again(run)
        .deliver(at(107), history().failed(7, &lost()), fails(8, &lost()))
        .rewinds(at(200), rewound().asks(9, timer(at(260))))
        .deliver(
            at(201),
            history().completed(7, "7"),
            waits().asks(10, call("b", "1")),
        );
}

#[test]
fn a_total_timeout_that_passed_is_forgotten() {
    let timeout = FailureDetails::new(
        crate::model::failure::kind::TIMEOUT,
        "the call of activity `a` took longer than 60s in total",
    );
    let run = second_attempt()
        .deliver(
            at(61),
            history().timer_fired(1, at(61)),
            waits().fails(4, &timeout).withdraws(3),
        )
        .rewinds(at(100), rewound().asks(5, timer(at(160))));
    // The attempt that was withdrawn runs again.
    assert_eq!(run.open, BTreeSet::from([3]));
    run.deliver(
        at(101),
        history().completed(3, "7"),
        waits().asks(6, call("b", "1")),
    );
}

#[test]
fn a_result_that_came_too_late_counts_after_all() {
    let program = fallible(|ctx| async move {
        let options = TaskOptions {
            total_timeout: Some(60 * SECOND),
            ..TaskOptions::default()
        };
        let result = ctx.schedule_task("a", json("1"), options).await;
        ctx.wait_for_external_event("go").await;
        result
    });
    let mut run = run(&program);
    run.episode(at(1), started().build());
    run.episode(at(61), history().timer_fired(1, at(61)).build());
    run.episode(at(62), history().completed(0, "7").build());
    run.episode(at(63), history().raised("go", "1").build());
    assert!(run.live.ended().unwrap().failure.is_some());
    let episode = run.rewind(at(100));
    assert_eq!(episode.ended.unwrap().result.as_deref(), Some("7"));
}

#[test]
fn what_the_rewound_path_no_longer_waits_for_is_withdrawn() {
    let program = fallible(|ctx| async move {
        let loser = calls(&ctx, "loser");
        let child = ctx.create_sub_orchestration(
            "C",
            json("1"),
            ChildOptions {
                instance_id: Some(instance("c")),
                ..ChildOptions::default()
            },
        );
        let both = Box::pin(join(loser, child));
        let a = calls(&ctx, "a");
        match select(both, a).await {
            futures_util::future::Either::Right((Ok(_), both)) => drop(both),
            futures_util::future::Either::Right((failed, _)) => return failed,
            futures_util::future::Either::Left(..) => unreachable!("they stay open"),
        }
        ctx.wait_for_external_event("go").await;
        Ok(None)
    });
    run(&program)
        .without_replays()
        .deliver(
            at(1),
            started(),
            waits()
                .asks(0, call("loser", "1"))
                .asks(1, child("c", "C", "1"))
                .asks(2, call("a", "1")),
        )
        .deliver(
            at(2),
            history().failed(2, &lost()),
            fails(3, &lost()).withdraws(0).withdraws_child(1, "c"),
        )
        // The child was ended on the way to the failure, and is waited for again.
        .rewinds(
            at(9),
            Expected {
                rewound_children: vec![1],
                ..rewound()
            },
        )
        .deliver(
            at(10),
            history().completed(2, "1"),
            waits().withdraws(0).withdraws_child(1, "c"),
        );
}

#[test]
fn the_custom_status_is_the_one_that_the_rewound_code_holds() {
    let program = outcome(|ctx| async move {
        ctx.set_custom_status("begun").unwrap();
        let result = ctx.call_activity::<i32>("a", ()).await;
        ctx.set_custom_status(result.is_ok()).unwrap();
        result
            .map(|number| number.to_string())
            .map_err(crate::CallError::into_failure)
    });
    run(&program)
        .deliver(
            at(1),
            started(),
            waits().asks(0, call("a", "null")).publishes("\"begun\""),
        )
        .deliver(
            at(2),
            history().failed(0, &lost()),
            fails(1, &lost()).publishes("false"),
        )
        .rewinds(at(9), waits().publishes("\"begun\""))
        .deliver(
            at(10),
            history().completed(0, "7"),
            completes(2, "7").publishes("true"),
        );
}

#[test]
fn guids_and_times_are_those_of_the_first_run() {
    let program = fallible(|ctx| async move {
        let (guid, now) = (ctx.new_guid(), ctx.now());
        calls(&ctx, "a").await?;
        Ok(Some(format!("{guid} {now}")))
    });
    let mut first = run(&program);
    first.episode(at(1), started().build());
    let expected = first.episode(at(2), history().completed(0, "1").build());
    let mut rewound = run(&program)
        .deliver(at(1), started(), waits().asks(0, call("a", "1")))
        .deliver(at(2), history().failed(0, &lost()), fails(1, &lost()))
        .rewinds(at(9), rewound());
    let episode = rewound.episode(at(10), history().completed(0, "1").build());
    assert_eq!(
        episode.ended.unwrap().result,
        expected.ended.unwrap().result
    );
}

#[test]
fn behind_the_last_rewind_code_that_differs_is_found() {
    let run = a_failed().rewinds(at(9), rewound()).deliver(
        at(10),
        history().completed(0, "7"),
        waits().asks(2, call("b", "1")),
    );
    let other = fallible(|ctx| async move {
        calls(&ctx, "a").await?;
        calls(&ctx, "c").await
    });
    let fault = Setup::new(&other).replay(&run.history).unwrap_err();
    let Fault::NonDeterminism(error) = fault else {
        panic!("another fault: {fault}");
    };
    assert_eq!(
        (error.event_id, &*error.expected, &*error.found),
        (2, "a call of activity `b`", "a call of activity `c`")
    );
    assert!(error.location.is_some());
}

#[test]
fn a_rewind_is_not_delivered() {
    let fault = run(&sequence())
        .deliver(at(1), started(), waits().asks(0, call("a", "1")))
        .faults(at(2), history().happened(ExecutionRewound { reason: None }));
    assert_eq!(
        fault,
        Fault::MalformedHistory("ExecutionRewound is not an event to deliver".into())
    );
}

#[test]
fn what_was_too_large_is_asked_for_again_when_nothing_followed_it() {
    let program = fallible(|ctx| async move {
        let options = TaskOptions::default();
        let handled = ctx.schedule_task("a", json("123456789"), options).await;
        assert!(handled.is_err() || ctx.history_length() > 9);
        calls(&ctx, "b").await?;
        ctx.side_value(|| Ok("123456789".into()))?;
        Ok(Some("1".into()))
    });
    let mut run = Setup::new(&program).max_payload_bytes(8).run();
    run.episode(at(1), started().build());
    let episode = run.episode(at(2), history().completed(1, "7").build());
    let failure = episode.ended.unwrap().failure.unwrap();
    assert_eq!(failure.error_type, "steadfast.PayloadTooLarge");
    run.setup = run.setup.max_payload_bytes(9);
    // The refusal that the code lived with stays, and with it the call behind it.
    let side = send("demo", "steadfast.side", "123456789");
    run.rewinds(at(9), rewound().asks(4, side).completes(5, "1"));
}
