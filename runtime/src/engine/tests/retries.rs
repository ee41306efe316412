//! Calls that are tried again.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use futures_util::future::{join_all, select};
use jiff::SignedDuration;

use super::*;
use crate::engine::Operation;
use crate::model::history::TaskScheduled;
use crate::model::retry::RetryPolicy;

const SECOND: Duration = Duration::from_secs(1);

/// Three attempts, after 10 and 20 seconds.
fn policy() -> RetryPolicy {
    RetryPolicy::new(3, 10 * SECOND).backoff_coefficient(2.0)
}

const POLICY: &str = r#"{"max_attempts":3,"first_interval":10000000,"backoff_coefficient":2.0}"#;

fn options(policy: RetryPolicy) -> TaskOptions {
    TaskOptions {
        retry: Some(policy),
        ..TaskOptions::default()
    }
}

fn calls(ctx: &ExecutionHandle) -> Operation {
    ctx.schedule_task("a", json("1"), options(policy()))
}

fn one_call() -> Program {
    with_handle(|ctx| async move { told(calls(&ctx).await) })
}

/// The n-th attempt of a call whose first one is the action of this id.
fn attempt(number: u32, first: i32) -> OrchestratorActionKind {
    attempt_under(POLICY, number, first)
}

fn attempt_under(policy: &str, number: u32, first: i32) -> OrchestratorActionKind {
    let (number_tag, first) = (number.to_string(), first.to_string());
    let mut tags = vec![("steadfast.retry", policy)];
    if number > 1 {
        tags.extend([
            ("steadfast.attempt", &*number_tag),
            ("steadfast.first", &first),
        ]);
    }
    tagged_call("a", "1", &tags)
}

fn final_failure() -> FailureDetails {
    FailureDetails {
        is_non_retriable: true,
        ..lost()
    }
}

/// The first attempt fails at 2, the second begins at 12.
fn second_attempt(program: &Program) -> Run {
    run(program)
        .deliver(at(1), started(), waits().asks(0, attempt(1, 0)))
        .deliver(
            at(2),
            history().failed(0, &lost()),
            waits().asks(1, timer(at(12))),
        )
        .deliver(
            at(12),
            history().timer_fired(1, at(12)),
            waits().asks(2, attempt(2, 0)),
        )
}

#[test]
fn a_failed_call_is_tried_again_until_it_succeeds() {
    second_attempt(&one_call()).deliver(at(13), history().completed(2, "7"), completes(3, "\"7\""));
}

#[test]
fn the_last_failure_is_the_result() {
    let run = second_attempt(&one_call())
        .deliver(
            at(13),
            history().failed(2, &lost()),
            waits().asks(3, timer(at(33))),
        )
        .deliver(
            at(40),
            history().timer_fired(3, at(33)),
            waits().asks(4, attempt(3, 0)),
        );
    assert_eq!(run.open, BTreeSet::from([4]));
    let last = FailureDetails::new("Other", "still lost");
    run.deliver(
        at(41),
        history().failed(4, &last),
        completes(5, "\"Other: still lost\""),
    );
}

#[test]
fn all_of_it_may_come_in_one_batch_of_events() {
    run(&one_call()).deliver(
        at(1),
        started().failed(0, &lost()).timer_fired(1, at(11)),
        waits()
            .asks(0, attempt(1, 0))
            .asks(1, timer(at(11)))
            .asks(2, attempt(2, 0)),
    );
}

#[test]
fn a_failure_that_is_known_to_be_final_is_not_tried_again() {
    run(&one_call())
        .deliver(at(1), started(), waits().asks(0, attempt(1, 0)))
        .deliver(
            at(2),
            history().failed(0, &final_failure()),
            completes(1, "\"Lost: lost\""),
        );
}

#[test]
fn results_of_attempts_that_are_over_count_for_nothing() {
    second_attempt(&one_call())
        .deliver(
            at(13),
            history()
                .completed(0, "6")
                .failed(0, &lost())
                .timer_fired(1, at(12)),
            waits(),
        )
        .deliver(
            at(14),
            history().failed(2, &lost()),
            waits().asks(3, timer(at(34))),
        )
        .deliver(at(15), history().completed(2, "6"), waits())
        .deliver(
            at(34),
            history().timer_fired(3, at(34)),
            waits().asks(4, attempt(3, 0)),
        )
        .deliver(at(35), history().completed(4, "7"), completes(5, "\"7\""));
}

#[test]
fn a_result_of_another_kind_differs_from_history() {
    let failed = || {
        run(&one_call())
            .deliver(at(1), started(), waits().asks(0, attempt(1, 0)))
            .deliver(
                at(2),
                history().failed(0, &lost()),
                waits().asks(1, timer(at(12))),
            )
    };
    let fault = failed().faults(at(3), history().completed(1, "1"));
    assert!(matches!(
        fault,
        Fault::NonDeterminism(error)
            if error.event_id == 1 && error.expected == "an activity that has ended"
                && error.found == "a timer"
    ));
    let fault = second_attempt(&one_call()).faults(at(13), history().timer_fired(2, at(13)));
    assert!(matches!(
        fault,
        Fault::NonDeterminism(error) if error.event_id == 2 && error.found == "an activity"
    ));
}

#[test]
fn a_detached_call_is_tried_again_and_polls_nobody() {
    let polls = Rc::new(Cell::new(0));
    let counted = Rc::clone(&polls);
    let program = with_handle(move |ctx| {
        let polls = Rc::clone(&counted);
        async move {
            calls(&ctx).detach();
            let mut wait = ctx.wait_for_external_event("go");
            std::future::poll_fn(|cx| {
                polls.set(polls.get() + 1);
                std::pin::Pin::new(&mut wait).poll(cx)
            })
            .await
        }
    });
    let run = second_attempt(&program).without_replays();
    polls.set(0);
    run.deliver(
        at(13),
        history().failed(2, &lost()).timer_fired(3, at(33)),
        waits().asks(3, timer(at(33))).asks(4, attempt(3, 0)),
    )
    .deliver(at(34), history().failed(4, &lost()), waits())
    .deliver(at(35), history().raised("go", "1"), completes(5, "\"1\""));
    assert_eq!(polls.get(), 1);
}

#[test]
fn a_call_that_is_not_polled_is_tried_again() {
    let program = with_handle(|ctx| async move {
        let call = calls(&ctx);
        ctx.wait_for_external_event("go").await;
        told(call.await)
    });
    second_attempt(&program)
        .deliver(at(13), history().completed(2, "7"), waits())
        .deliver(at(14), history().raised("go", "1"), completes(3, "\"7\""));
}

fn drops_on_go(last: bool) -> Program {
    with_handle(move |ctx| async move {
        let call = calls(&ctx);
        drop(select(call, ctx.wait_for_external_event("go")).await);
        if last {
            ctx.wait_for_external_event("go").await;
        }
    })
}

#[test]
fn a_call_that_is_dropped_between_two_attempts_takes_its_timer_along() {
    for last in [true, false] {
        let run = run(&drops_on_go(last))
            .deliver(at(1), started(), waits().asks(0, attempt(1, 0)))
            .deliver(
                at(2),
                history().failed(0, &lost()),
                waits().asks(1, timer(at(12))),
            );
        assert_eq!(run.live.next_timer(), Some(at(12)));
        let expected = if last { waits() } else { completes(2, "null") };
        let run = run.deliver(at(3), history().raised("go", "1"), expected);
        assert_eq!(run.live.next_timer(), None);
        if last {
            run.deliver(at(12), history().timer_fired(1, at(12)), waits())
                .deliver(at(13), history().raised("go", "1"), completes(2, "null"));
        }
    }
}

#[test]
fn a_call_that_is_dropped_during_a_later_attempt_withdraws_that() {
    second_attempt(&drops_on_go(true))
        .deliver(at(13), history().raised("go", "1"), waits().withdraws(2))
        .deliver(at(14), history().failed(2, &lost()), waits());
}

#[test]
fn no_attempt_begins_after_the_total_time() {
    let program = |total| {
        let policy = policy().total_time(total);
        with_handle(move |ctx| {
            let policy = policy.clone();
            async move {
                told(
                    ctx.schedule_task("a", json("1"), options(policy.clone()))
                        .await,
                )
            }
        })
    };
    let fails_at_2 = |total| {
        let mut run = run(&program(total));
        run.episode(at(1), started().build());
        run.episode(at(2), history().failed(0, &lost()).build())
    };
    assert_eq!(fails_at_2(11 * SECOND).actions[0].kind, timer(at(12)));
    assert!(fails_at_2(10 * SECOND).ended.is_some());
}

#[test]
fn the_author_decides_which_failures_are_tried_again() {
    let program = with_handle(|ctx| async move {
        let options = TaskOptions {
            retry_if: Some(Rc::new(|failure| failure.error_type == "Lost")),
            ..options(policy())
        };
        told(ctx.schedule_task("a", json("1"), options).await)
    });
    second_attempt(&program).deliver(
        at(13),
        history().failed(2, &FailureDetails::new("Other", "other")),
        completes(3, "\"Other: other\""),
    );
    run(&program)
        .deliver(at(1), started(), waits().asks(0, attempt(1, 0)))
        .deliver(
            at(2),
            history().failed(0, &final_failure()),
            completes(1, "\"Lost: lost\""),
        );
}

/// Uses the context wherever it runs or is dropped.
struct UsesContext(ExecutionHandle);

impl UsesContext {
    fn use_it(&self) {
        drop(self.0.schedule_task("x", json("1"), TaskOptions::default()));
        self.0.create_timer(at(1)).detach();
        let _ = (self.0.now(), self.0.patched("p"));
    }
}

impl Drop for UsesContext {
    fn drop(&mut self) {
        self.use_it();
    }
}

#[test]
fn the_decision_may_use_the_context_and_asks_for_nothing() {
    let program = with_handle(|ctx| async move {
        let uses = |ctx: &ExecutionHandle| {
            let guard = UsesContext(ctx.clone());
            let again: crate::engine::RetryIf = Rc::new(move |_| {
                guard.use_it();
                true
            });
            Some(again)
        };
        let with = |retry_if| TaskOptions {
            retry_if,
            ..options(policy())
        };
        let call = ctx.schedule_task("a", json("1"), with(uses(&ctx)));
        // Closures that are not needed, or no longer.
        drop(ctx.schedule_task("a", json("1"), with(uses(&ctx))));
        let unused = TaskOptions {
            retry: None,
            ..with(uses(&ctx))
        };
        ctx.schedule_task("a", json("1"), unused).detach();
        let refused = ctx.schedule_task("a", Err(lost()), with(uses(&ctx)));
        assert!(refused.await.is_err());
        ctx.schedule_task("a", json("1"), with(uses(&ctx))).detach();
        told(call.await)
    });
    let mut run = run(&program);
    run.episode(at(1), started().build());
    let episode = run.episode(at(2), history().failed(0, &lost()).build());
    assert_eq!(episode.actions.last().unwrap().kind, timer(at(12)));
    let end = history().timer_fired(episode.actions[0].id, at(12)).build();
    let episode = run.episode(at(12), end);
    let last = episode.actions[0].id;
    let episode = run.episode(at(13), history().completed(last, "7").build());
    assert!(episode.ended.is_some());
    assert_eq!(run.foreign_wakes(), 0);
}

#[test]
fn a_decision_that_panics_is_a_panic_of_the_orchestrator() {
    let program = with_handle(|ctx| async move {
        let options = TaskOptions {
            retry_if: Some(Rc::new(|_| panic!("undecided"))),
            ..options(policy())
        };
        told(ctx.schedule_task("a", json("1"), options).await)
    });
    let failure = FailureDetails::new(crate::model::failure::kind::PANIC, "undecided");
    run(&program)
        .deliver(at(1), started(), waits().asks(0, attempt(1, 0)))
        .deliver(at(2), history().failed(0, &lost()), fails(1, &failure));
}

#[test]
fn what_decides_does_not_keep_an_execution_in_memory() {
    let alive = Rc::new(());
    let held = Rc::clone(&alive);
    let program = with_handle(move |ctx| {
        let held = Rc::clone(&held);
        async move {
            let (uses, held) = (ctx.clone(), Rc::clone(&held));
            let options = TaskOptions {
                retry_if: Some(Rc::new(move |_| {
                    let _held = &held;
                    uses.is_replaying()
                })),
                ..options(policy())
            };
            told(ctx.schedule_task("a", json("1"), options).await)
        }
    });
    let mut run = run(&program);
    run.episode(at(1), started().build());
    drop((run, program));
    assert_eq!(Rc::strong_count(&alive), 1);
}

#[test]
fn an_edited_policy_changes_nothing_for_a_call_that_was_made() {
    let other = RetryPolicy::new(1, SECOND);
    let edited = |policy: Option<RetryPolicy>| {
        with_handle(move |ctx| {
            let retry = policy.clone();
            async move {
                let options = TaskOptions {
                    retry,
                    ..TaskOptions::default()
                };
                told(ctx.schedule_task("a", json("2"), options).await)
            }
        })
    };
    let first = second_attempt(&one_call());
    for policy in [
        None,
        Some(other.clone()),
        Some(RetryPolicy::new(9, 7 * SECOND)),
    ] {
        let setup = Setup::new(&edited(policy));
        let mut execution = setup.replay(&first.history).unwrap();
        let mut new = history().failed(2, &lost()).all_at(at(13)).build();
        let episode = execution.deliver(at(13), &mut new).unwrap();
        let timers = waits().asks(3, timer(at(33)));
        assert_eq!(Expected::of(episode), timers);
        let mut new = history().timer_fired(3, at(33)).build();
        let episode = execution.deliver(at(33), &mut new).unwrap();
        // Also the input is the recorded one.
        assert_eq!(Expected::of(episode), waits().asks(4, attempt(3, 0)));
    }
    // And the other way round.
    let mut run = run(&edited(None));
    run.episode(at(1), started().build());
    let mut execution = Setup::new(&edited(Some(other)))
        .replay(&run.history)
        .unwrap();
    let mut new = history().failed(0, &lost()).build();
    assert!(execution.deliver(at(2), &mut new).unwrap().ended.is_some());
}

#[test]
fn a_recorded_policy_that_cannot_be_read_is_a_fault() {
    let past = history().episode(at(1)).started("E", None).confirmed(
        0,
        TaskScheduled {
            name: "a".into(),
            input: None,
            tags: tags_of(&[("steadfast.retry", "7")]),
        },
    );
    assert!(matches!(
        replay(&one_call(), past),
        Err(Fault::Undecodable { what, .. }) if what.starts_with("the retry policy of action 0 at ")
    ));
}

#[test]
fn a_retry_that_history_does_not_have_differs_from_it() {
    let mut past = second_attempt(&one_call()).history;
    let retried = past.iter().position(|event| event.event_id == 1).unwrap();
    past.truncate(retried);
    let fault = Setup::new(&one_call()).replay(&past).unwrap_err();
    let Fault::NonDeterminism(error) = fault else {
        panic!("another fault: {fault}");
    };
    assert_eq!((error.event_id, &*error.found), (1, "a timer"));
    assert_eq!(error.location.unwrap().file(), file!());
}

#[test]
fn jitter_spreads_calls_and_is_the_same_on_replay() {
    let due: Rc<RefCell<Vec<_>>> = Rc::default();
    let program = with_handle(|ctx| async move {
        let policy = RetryPolicy::new(2, 100 * SECOND).jitter(0.5);
        let calls = (0..20).map(|_| ctx.schedule_task("a", json("1"), options(policy.clone())));
        join_all(calls).await.len()
    });
    let mut run = run(&program);
    run.episode(at(0), started().build());
    let failures = (0..20).fold(history(), |new, id| new.failed(id, &lost()));
    for action in run.episode(at(0), failures.build()).actions {
        let OrchestratorActionKind::CreateTimer { fire_at } = action.kind else {
            panic!("not a timer");
        };
        let interval = fire_at.duration_since(at(0));
        let range = SignedDuration::from_secs(50)..=SignedDuration::from_secs(100);
        assert!(range.contains(&interval), "{interval}");
        due.borrow_mut().push(fire_at);
    }
    let different: BTreeSet<_> = due.borrow().iter().copied().collect();
    assert!(different.len() > 15);
    run.check_replay();
}

#[test]
fn fields_out_of_bounds_are_brought_into_them() {
    let program = with_handle(|ctx| async move {
        let wild = RetryPolicy {
            jitter: f64::NAN,
            backoff_coefficient: -1.0,
            ..RetryPolicy::new(0, SECOND)
        };
        told(ctx.schedule_task("a", json("1"), options(wild)).await)
    });
    let tame = r#"{"max_attempts":1,"first_interval":1000000}"#;
    run(&program)
        .deliver(at(1), started(), waits().asks(0, attempt_under(tame, 1, 0)))
        .deliver(
            at(2),
            history().failed(0, &lost()),
            completes(1, "\"Lost: lost\""),
        );
}

#[test]
fn each_attempt_carries_its_timeout() {
    let program = with_handle(|ctx| async move {
        let options = TaskOptions {
            timeout: Some(30 * SECOND),
            tags: tags_of(&[("colour", "red")]),
            ..options(RetryPolicy::new(2, SECOND))
        };
        told(ctx.schedule_task("a", json("1"), options).await)
    });
    let all = [
        (
            "steadfast.retry",
            r#"{"max_attempts":2,"first_interval":1000000}"#,
        ),
        ("steadfast.timeout", "30000000"),
        ("colour", "red"),
        ("steadfast.attempt", "2"),
        ("steadfast.first", "0"),
    ];
    run(&program)
        .deliver(
            at(1),
            started(),
            waits().asks(0, tagged_call("a", "1", &all[..3])),
        )
        .deliver(
            at(2),
            history().failed(0, &lost()).timer_fired(1, at(3)),
            waits()
                .asks(1, timer(at(3)))
                .asks(2, tagged_call("a", "1", &all)),
        );
}
