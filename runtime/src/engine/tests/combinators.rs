//! Waiting for several things at once: decided by history, losers withdrawn, at a cost that does not grow with their number.

use std::cell::Cell;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use super::*;
use crate::context::{ActivityCall, OneOf2, OneOf3};

type Called = ActivityCall<i32, Infallible>;

/// Calls `a`, `b` and `c`.
fn calls(ctx: &OrchestrationContext) -> impl Iterator<Item = Called> + use<'_> {
    ["a", "b", "c"]
        .iter()
        .map(|name| ctx.call_activity(name, ()))
}

/// The episode in which [`calls`] is called.
fn called() -> Expected {
    waits()
        .asks(0, call("a", "null"))
        .asks(1, call("b", "null"))
        .asks(2, call("c", "null"))
}

fn lost() -> FailureDetails {
    FailureDetails::new("Other", "lost")
}

#[test]
fn all_results_are_in_the_order_of_the_futures() {
    let program = orchestrator(|ctx| async move {
        let results = ctx.join_all(calls(&ctx)).await;
        results.into_iter().map(Result::ok).collect::<Vec<_>>()
    });
    run(&program)
        .deliver(at(1), started(), called())
        .deliver(
            at(2),
            history().completed(2, "3").failed(0, &lost()),
            waits(),
        )
        .deliver(
            at(3),
            history().completed(1, "2"),
            completes(3, "[null,2,3]"),
        );
}

#[test]
fn nothing_to_wait_for_is_ready_at_once() {
    let program = orchestrator(|ctx| async move {
        let none = std::iter::empty::<Called>;
        let all = ctx.join_all(none()).await.len();
        let tried = ctx.try_join_all(none()).await.unwrap().len();
        let first = ctx.first_n(0, calls(&ctx)).await.len();
        let streamed = ctx.as_completed(none()).next().await.is_none();
        ctx.create_timer(at(9)).await;
        (all, tried, first, streamed)
    });
    run(&program)
        .deliver(
            at(1),
            started(),
            called()
                .asks(3, timer(at(9)))
                .withdraws(2)
                .withdraws(1)
                .withdraws(0),
        )
        .deliver(
            at(9),
            history().timer_fired(3, at(9)),
            completes(4, "[0,0,0,true]"),
        );
}

#[test]
fn the_first_failure_in_history_ends_the_attempt_and_withdraws_the_others() {
    let program = orchestrator(|ctx| async move {
        let results = ctx.try_join_all(calls(&ctx)).await;
        ctx.create_timer(at(9)).await;
        results.map_err(|error| error.into_failure().error_message)
    });
    let begin = || run(&program).deliver(at(1), started(), called());
    // It counts, though the first of the futures is still open.
    begin()
        .deliver(at(2), history().completed(1, "2"), waits())
        .deliver(
            at(3),
            history().failed(2, &lost()),
            waits().asks(3, timer(at(9))).withdraws(0),
        )
        .deliver(
            at(9),
            history().completed(0, "1").timer_fired(3, at(9)),
            completes(4, r#"{"Err":"lost"}"#),
        );
    begin()
        .deliver(
            at(2),
            history()
                .completed(2, "3")
                .completed(1, "2")
                .completed(0, "1"),
            waits().asks(3, timer(at(9))),
        )
        .deliver(
            at(9),
            history().timer_fired(3, at(9)),
            completes(4, r#"{"Ok":[1,2,3]}"#),
        );
}

#[test]
fn the_first_wins_also_within_one_batch() {
    let program = orchestrator(|ctx| async move {
        let (place, result) = ctx.first(calls(&ctx)).await;
        let timer = ctx.create_timer(at(9));
        timer.await;
        (place, result.unwrap())
    });
    let begin = || run(&program).deliver(at(1), started(), called());
    begin()
        .deliver(
            at(2),
            history().completed(1, "2").completed(0, "1"),
            waits().asks(3, timer(at(9))).withdraws(2).withdraws(0),
        )
        .deliver(
            at(9),
            history().timer_fired(3, at(9)),
            completes(4, "[1,2]"),
        );
    // On the way out, the losers are withdrawn too: they had been awaited.
    run(&orchestrator(|ctx| async move {
        ctx.first(calls(&ctx)).await.0
    }))
    .deliver(at(1), started(), called())
    .deliver(
        at(2),
        history().completed(2, "3"),
        completes(3, "2").withdraws(1).withdraws(0),
    );
}

#[test]
fn the_first_few_are_in_the_order_of_history() {
    let program = orchestrator(|ctx| async move {
        let first = ctx.first_n(2, calls(&ctx)).await;
        ctx.create_timer(at(9)).await;
        first
            .into_iter()
            .map(|(place, result)| (place, result.unwrap()))
            .collect::<Vec<_>>()
    });
    let begin = || run(&program).deliver(at(1), started(), called());
    begin()
        .deliver(at(2), history().completed(2, "3"), waits())
        .deliver(
            at(3),
            history().completed(0, "1").completed(1, "2"),
            waits().asks(3, timer(at(9))).withdraws(1),
        )
        .deliver(
            at(9),
            history().timer_fired(3, at(9)),
            completes(4, "[[2,3],[0,1]]"),
        );
}

#[test]
fn too_few_futures_are_a_mistake_that_is_told() {
    let of = |message: &str| fails(3, &FailureDetails::new("steadfast.Panic", message));
    run(&orchestrator(|ctx| async move {
        ctx.first_n(4, calls(&ctx)).await.len()
    }))
    .deliver(
        at(1),
        started(),
        Expected {
            actions: [
                called().actions,
                of("the first 4 of 3 futures are never there").actions,
            ]
            .concat(),
            ..of("the first 4 of 3 futures are never there")
        },
    );
    run(&orchestrator(|ctx| async move {
        ctx.first(std::iter::empty::<Called>()).await.0
    }))
    .deliver(
        at(1),
        started(),
        fails(
            0,
            &FailureDetails::new("steadfast.Panic", "the first of no futures is never there"),
        ),
    );
}

#[test]
fn results_come_one_by_one_and_more_may_be_added() {
    let program = orchestrator(|ctx| async move {
        let mut running = ctx.as_completed(calls(&ctx).take(2));
        let mut order = Vec::new();
        while let Some((place, result)) = running.next().await {
            order.push((place, result.unwrap(), running.len()));
            if order.len() == 1 {
                running.push(ctx.call_activity("d", ()));
            }
        }
        order
    });
    run(&program)
        .deliver(
            at(1),
            started(),
            waits()
                .asks(0, call("a", "null"))
                .asks(1, call("b", "null")),
        )
        .deliver(
            at(2),
            history().completed(1, "2"),
            waits().asks(2, call("d", "null")),
        )
        .deliver(
            at(3),
            history().completed(2, "4").completed(0, "1"),
            completes(3, "[[1,2,1],[2,4,1],[0,1,0]]"),
        );
}

#[test]
fn a_race_of_different_things() {
    let program = orchestrator(|ctx| async move {
        let call = ctx.call_activity::<i32>("a", ());
        let event = ctx.wait_for_external_event_named::<i32>("go");
        let winner = match ctx.race((call, event, ctx.create_timer(at(9)))).await {
            OneOf3::First(result) => result.unwrap(),
            OneOf3::Second(event) => -event.unwrap(),
            OneOf3::Third(()) => 0,
        };
        let left = ctx
            .wait_for_external_event_named::<i32>("go")
            .await
            .unwrap();
        (winner, left)
    });
    let begin = || {
        run(&program).deliver(
            at(1),
            started(),
            waits().asks(0, call("a", "null")).asks(1, timer(at(9))),
        )
    };
    // The event comes too late for the race, and is kept.
    begin().deliver(
        at(2),
        history().completed(0, "7").raised("go", "5"),
        completes(2, "[7,5]"),
    );
    begin()
        .deliver(
            at(2),
            history().raised("go", "5").completed(0, "7"),
            waits().withdraws(0),
        )
        .deliver(at(3), history().raised("go", "6"), completes(2, "[-5,6]"));
    let run = begin().deliver(
        at(9),
        history().timer_fired(1, at(9)).raised("go", "5"),
        completes(2, "[0,5]").withdraws(0),
    );
    assert_eq!(run.live.next_timer(), None);
}

#[test]
fn of_two_that_are_ready_the_one_that_stands_first_wins() {
    let program = orchestrator(|ctx| async move {
        let pair = || {
            (
                ctx.wait_for_external_event_named::<i32>("a"),
                ctx.wait_for_external_event_named::<i32>("b"),
            )
        };
        ctx.create_timer(at(9)).await;
        let first = matches!(ctx.race(pair()).await, OneOf2::First(_));
        // The loser gave its event back.
        (first, matches!(ctx.race(pair()).await, OneOf2::Second(_)))
    });
    run(&program)
        .deliver(at(1), started(), waits().asks(0, timer(at(9))))
        .deliver(
            at(9),
            history()
                .raised("b", "1")
                .raised("a", "2")
                .timer_fired(0, at(9)),
            completes(1, "[true,true]"),
        );
}

#[test]
fn a_deadline_is_a_durable_timer() {
    let program = orchestrator(|ctx| async move {
        let call = ctx.timeout(Duration::from_secs(9), ctx.call_activity::<i32>("a", ()));
        let result = call.await;
        ctx.wait_for_external_event_named::<()>("end")
            .await
            .unwrap();
        result
            .map(Result::unwrap)
            .map_err(|error| error.to_string())
    });
    let begin = || {
        run(&program).deliver(
            at(1),
            started(),
            waits().asks(0, call("a", "null")).asks(1, timer(at(10))),
        )
    };
    let run = begin().deliver(
        at(2),
        history().completed(0, "7").timer_fired(1, at(10)),
        waits(),
    );
    assert_eq!(run.live.next_timer(), None);
    run.deliver(
        at(3),
        history().raised("end", "null"),
        completes(2, r#"{"Ok":7}"#),
    );
    begin()
        .deliver(
            at(10),
            history().timer_fired(1, at(10)).completed(0, "7"),
            waits().withdraws(0),
        )
        .deliver(
            at(11),
            history().raised("end", "null"),
            completes(2, &format!(r#"{{"Err":"timed out at {}"}}"#, at(10))),
        );
}

#[test]
fn a_wait_with_a_deadline_leaves_late_events_to_the_next_wait() {
    let program = orchestrator(|ctx| async move {
        let wait = || ctx.wait_for_external_event_named::<i32>("go");
        let first = wait().timeout(at(5)).await.is_err();
        (first, wait().timeout(at(50)).await.unwrap().unwrap())
    });
    run(&program)
        .deliver(at(1), started(), waits().asks(0, timer(at(5))))
        .deliver(
            at(6),
            history().timer_fired(0, at(5)).raised("go", "7"),
            waits().asks(1, timer(at(50))).completes(2, "[true,7]"),
        );
}

thread_local! {
    static POLLS: Cell<usize> = const { Cell::new(0) };
}

/// Counts how often it is polled.
struct Counted(Called);

impl Future for Counted {
    type Output = i32;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<i32> {
        POLLS.set(POLLS.get() + 1);
        Pin::new(&mut self.0).poll(cx).map(Result::unwrap)
    }
}

#[test]
fn an_event_polls_one_of_ten_thousand() {
    const MANY: usize = 10_000;
    let counted = |ctx: &OrchestrationContext| {
        let ctx = ctx.clone();
        (0..MANY).map(move |_| Counted(ctx.call_activity("a", ())))
    };
    let programs = [
        orchestrator(move |ctx| async move { ctx.join_all(counted(&ctx)).await.len() }),
        orchestrator(move |ctx| async move {
            let each = counted(&ctx).map(|call| async { Ok::<_, ()>(call.await) });
            ctx.try_join_all(each).await.unwrap().len()
        }),
        orchestrator(move |ctx| async move { ctx.first_n(MANY, counted(&ctx)).await.len() }),
        orchestrator(move |ctx| async move {
            let mut running = ctx.as_completed(counted(&ctx));
            let all = async move {
                let mut count = 0;
                while running.next().await.is_some() {
                    count += 1;
                }
                count
            };
            ctx.timeout(at(1_000_000), all).await.unwrap()
        }),
    ];
    for program in programs {
        POLLS.set(0);
        let mut run = run(&program).without_replays();
        run.episode(at(1), started().build());
        assert_eq!(POLLS.get(), MANY, "the first poll of each");
        // From the last to the first, one episode each, then many in one.
        for id in (MANY / 2..MANY).rev() {
            let before = POLLS.get();
            run.episode(at(2), history().completed(id as i32, "1").build());
            assert_eq!(POLLS.get(), before + 1, "event {id}");
        }
        let rest = (0..MANY / 2).fold(history(), |events, id| events.completed(id as i32, "1"));
        let last = run.episode(at(3), rest.build());
        assert_eq!(POLLS.get(), 2 * MANY);
        assert_eq!(last.ended.unwrap().result.as_deref(), Some("10000"));
        run.check_replay();
    }
}
