//! Futures that are dropped while they are pending.

use std::future::{pending, ready};
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{Either, join, select};

use super::*;
use crate::model::failure;

fn loser_is_dropped_before(last: bool) -> Program {
    orchestrator(move |ctx| async move {
        let loser = ctx.call_activity::<i32>("loser", ());
        let winner = ctx.call_activity::<i32>("winner", ());
        drop(select(loser, winner).await);
        if last {
            ctx.call_activity::<i32>("last", ()).await.unwrap();
        }
    })
}

fn asks_loser_and_winner() -> Expected {
    waits()
        .asks(0, call("loser", "null"))
        .asks(1, call("winner", "null"))
}

#[test]
fn a_call_that_was_awaited_and_is_dropped_is_withdrawn() {
    run(&loser_is_dropped_before(true))
        .deliver(at(1), started(), asks_loser_and_winner())
        .deliver(
            at(2),
            history().completed(1, "1"),
            waits().asks(2, call("last", "null")).withdraws(0),
        )
        .deliver(at(3), history().completed(0, "1"), waits())
        .deliver(
            at(4),
            history().failed(0, &FailureDetails::new("Late", "late")),
            waits(),
        )
        .deliver(at(5), history().completed(2, "1"), completes(3, "null"));
}

#[test]
fn a_call_that_was_awaited_and_is_dropped_as_the_orchestrator_returns_is_withdrawn() {
    run(&loser_is_dropped_before(false))
        .deliver(at(1), started(), asks_loser_and_winner())
        .deliver(
            at(2),
            history().completed(1, "1"),
            completes(2, "null").withdraws(0),
        );
}

#[test]
fn a_call_that_was_never_awaited_is_withdrawn_where_it_is_dropped() {
    run(&orchestrator(|ctx| async move {
        let unused = ctx.call_activity::<i32>("unused", ());
        ctx.call_activity::<i32>("a", ()).await.unwrap();
        drop(unused);
        ctx.call_activity::<i32>("b", ()).await.unwrap()
    }))
    .deliver(
        at(1),
        started(),
        waits()
            .asks(0, call("unused", "null"))
            .asks(1, call("a", "null")),
    )
    .deliver(
        at(2),
        history().completed(1, "1"),
        waits().asks(2, call("b", "null")).withdraws(0),
    )
    .deliver(at(3), history().completed(2, "2"), completes(3, "2"));
}

#[test]
fn a_call_that_is_still_not_awaited_as_the_orchestrator_returns_goes_on() {
    let run = run(&orchestrator(|ctx| async move {
        let _unused = ctx.call_activity::<i32>("unused", ());
        ctx.call_activity::<i32>("a", ()).await.unwrap()
    }))
    .deliver(
        at(1),
        started(),
        waits()
            .asks(0, call("unused", "null"))
            .asks(1, call("a", "null")),
    )
    .deliver(at(2), history().completed(1, "1"), completes(2, "1"));
    assert!(run.open.contains(&0));
}

#[test]
fn a_call_is_scheduled_and_dropped_in_the_same_episode() {
    let run = run(&orchestrator(|ctx| async move {
        drop(ctx.call_activity::<i32>("unused", ()));
        let polled = ctx.call_activity::<i32>("polled", ());
        drop(select(polled, ready(())).await);
        drop(ctx.create_timer(Duration::from_secs(1)));
        ctx.call_activity::<i32>("a", ()).await.unwrap()
    }))
    .deliver(
        at(1),
        started(),
        waits()
            .asks(0, call("unused", "null"))
            .asks(1, call("polled", "null"))
            .asks(2, timer(at(2)))
            .asks(3, call("a", "null"))
            .withdraws(0)
            .withdraws(1),
    );
    assert_eq!(run.live.next_timer(), None);
    run.deliver(
        at(2),
        history().completed(0, "1").timer_fired(2, at(2)),
        waits(),
    )
    .deliver(at(3), history().completed(3, "3"), completes(4, "3"));
}

#[test]
fn a_detached_call_goes_on() {
    let run = run(&orchestrator(|ctx| async move {
        ctx.call_activity::<i32>("a", ()).detach();
        let polled = ctx.call_activity::<i32>("b", ());
        let Either::Left(((), polled)) = select(ready(()), polled).await else {
            unreachable!("the first is ready");
        };
        polled.detach();
        let late = ctx.call_activity::<i32>("c", ());
        ctx.wait_for_external_event_named::<i32>("go")
            .await
            .unwrap();
        late.detach();
        ctx.wait_for_external_event_named::<i32>("go")
            .await
            .unwrap()
    }))
    .deliver(
        at(1),
        started(),
        waits()
            .asks(0, call("a", "null"))
            .asks(1, call("b", "null"))
            .asks(2, call("c", "null")),
    )
    .deliver(
        at(2),
        history().completed(0, "1").completed(2, "1"),
        waits(),
    )
    .deliver(at(3), history().raised("go", "1"), waits())
    .deliver(at(4), history().raised("go", "2"), completes(3, "2"));
    assert_eq!(run.open, BTreeSet::from([1]));
}

#[test]
fn a_result_that_nobody_takes_is_not_withdrawn() {
    run(&orchestrator(|ctx| async move {
        let unused = ctx.call_activity::<i32>("unused", ());
        ctx.wait_for_external_event_named::<i32>("go")
            .await
            .unwrap();
        drop(unused);
        ctx.wait_for_external_event_named::<i32>("go")
            .await
            .unwrap()
    }))
    .deliver(at(1), started(), waits().asks(0, call("unused", "null")))
    .deliver(at(2), history().completed(0, "1"), waits())
    .deliver(at(3), history().raised("go", "1"), waits())
    .deliver(at(4), history().raised("go", "2"), completes(1, "2"));
}

#[test]
fn unwinding_withdraws_nothing() {
    let run = run(&orchestrator(|ctx| async move {
        let open = ctx.call_activity::<i32>("open", ());
        let failing = async {
            ctx.call_activity::<i32>("a", ()).await.unwrap();
            drop(ctx.call_activity::<i32>("b", ()));
            panic!("lost");
        };
        join(open, failing).await;
    }))
    .deliver(
        at(1),
        started(),
        waits()
            .asks(0, call("open", "null"))
            .asks(1, call("a", "null")),
    )
    .deliver(
        at(2),
        history().completed(1, "1"),
        waits()
            .asks(2, call("b", "null"))
            .fails(3, &FailureDetails::new(failure::kind::PANIC, "lost")),
    );
    assert_eq!(run.open, BTreeSet::from([0, 2]));
}

#[test]
fn what_a_caught_panic_drops_is_dropped() {
    let program = orchestrator(|ctx| async move {
        let failing = async {
            let _call = ctx.call_activity::<i32>("a", ());
            let _timer = ctx.create_timer(Duration::from_secs(9));
            let _wait = ctx.wait_for_external_event_named::<i32>("go");
            if ctx.wait_for_external_event_named::<bool>("panic").await == Ok(true) {
                panic!("caught");
            }
            pending::<()>().await;
        };
        AssertUnwindSafe(failing).catch_unwind().await.unwrap_err();
        ctx.wait_for_external_event_named::<i32>("go")
            .await
            .unwrap()
    });
    let run = run(&program)
        .deliver(
            at(1),
            started(),
            waits().asks(0, call("a", "null")).asks(1, timer(at(10))),
        )
        .deliver(
            at(2),
            history().raised("panic", "true"),
            waits().withdraws(0),
        );
    assert_eq!(run.live.next_timer(), None);
    run.deliver(at(3), history().raised("go", "5"), completes(2, "5"));
}

#[test]
fn eviction_withdraws_nothing() {
    let mut run =
        run(&loser_is_dropped_before(true)).deliver(at(1), started(), asks_loser_and_winner());
    run.live = run.setup.replay(&run.history).unwrap();
    run.check_replay();
    run.deliver(
        at(2),
        history().completed(1, "1"),
        waits().asks(2, call("last", "null")).withdraws(0),
    );
}
