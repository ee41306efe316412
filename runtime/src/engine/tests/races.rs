//! Races: decided by the order of events in history, on replay as live.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::{Either, select, select_all};
use futures_util::stream::FuturesUnordered;

use super::*;
use crate::context::ActivityCall;

/// Which of two activities is first, in several ways to write that.
fn races() -> Vec<Program> {
    type Two = [ActivityCall<i32, std::convert::Infallible>; 2];
    fn race<F: Future<Output = i32> + 'static>(first: impl Fn(Two) -> F + 'static) -> Program {
        let first = Rc::new(first);
        orchestrator(move |ctx| {
            let first = Rc::clone(&first);
            async move {
                let calls = ["a", "b"].map(|name| ctx.call_activity::<i32>(name, ()));
                let winner = first(calls).await;
                (
                    winner,
                    ctx.call_activity::<i32>("last", winner).await.unwrap(),
                )
            }
        })
    }
    vec![
        race(async |[a, b]: Two| match select(a, b).await {
            Either::Left((result, _)) | Either::Right((result, _)) => result.unwrap(),
        }),
        race(async |[a, b]: Two| {
            tokio::select! {
                biased;
                result = b => result.unwrap(),
                result = a => result.unwrap(),
            }
        }),
        race(async |calls: Two| select_all(calls).await.0.unwrap()),
        race(async |calls: Two| {
            let mut calls: FuturesUnordered<_> = calls.into_iter().collect();
            calls.next().await.unwrap().unwrap()
        }),
        race(async |[mut a, mut b]: Two| {
            let both = poll_fn(|cx| match Pin::new(&mut a).poll(cx) {
                Poll::Pending => Pin::new(&mut b).poll(cx),
                ready => ready,
            });
            both.await.unwrap()
        }),
    ]
}

#[test]
fn the_first_event_wins_also_within_one_batch() {
    for program in races() {
        for (winner, loser) in [(0, 1), (1, 0)] {
            let (first, second) = (winner.to_string(), loser.to_string());
            let begin = || {
                run(&program).deliver(
                    at(1),
                    started(),
                    waits()
                        .asks(0, call("a", "null"))
                        .asks(1, call("b", "null")),
                )
            };
            let decided = || waits().asks(2, call("last", &first)).withdraws(loser);
            begin()
                .deliver(at(2), history().completed(winner, &first), decided())
                .deliver(at(3), history().completed(loser, &second), waits())
                .deliver(
                    at(4),
                    history().completed(2, "9"),
                    completes(3, &format!("[{winner},9]")),
                );
            // The result of the loser comes in the same batch.
            let both = history()
                .completed(winner, &first)
                .completed(loser, &second);
            begin().deliver(at(2), both, decided()).deliver(
                at(4),
                history().completed(2, "9"),
                completes(3, &format!("[{winner},9]")),
            );
        }
    }
}

#[test]
fn an_activity_races_a_timer() {
    let program = orchestrator(|ctx| async move {
        let call = ctx.call_activity::<i32>("a", ());
        let timer = ctx.create_timer(Duration::from_secs(10));
        tokio::select! {
            biased;
            result = call => result.ok(),
            () = timer => None,
        }
    });
    let begin = || {
        run(&program).deliver(
            at(1),
            started(),
            waits().asks(0, call("a", "null")).asks(1, timer(at(11))),
        )
    };
    let run = begin().deliver(at(2), history().completed(0, "7"), completes(2, "7"));
    assert_eq!(run.live.next_timer(), None);
    begin().deliver(
        at(11),
        history().timer_fired(1, at(11)).completed(0, "7"),
        completes(2, "null").withdraws(0).leaves(1),
    );
}

#[test]
fn the_end_leaves_the_events_after_it() {
    run(&orchestrator(|ctx| async move {
        ctx.wait_for_external_event_named::<i32>("go")
            .await
            .unwrap()
    }))
    .deliver(
        at(1),
        started()
            .raised("go", "1")
            .raised("go", "2")
            .raised("other", "3"),
        completes(0, "1").leaves(2),
    )
    .deliver(
        at(2),
        history().raised("go", "4"),
        waits_ended("1").leaves(1),
    );
}

/// What an execution gives that has returned this before.
fn waits_ended(result: &str) -> Expected {
    Expected {
        actions: Vec::new(),
        ..completes(0, result)
    }
}
