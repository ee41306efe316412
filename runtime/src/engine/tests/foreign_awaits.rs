//! Awaiting what is not durable; and what looks like it and is not.

use std::future::{pending, poll_fn};
use std::task::Poll;
use std::thread;
use std::time::Duration;

use futures_channel::{mpsc, oneshot};
use futures_util::StreamExt;
use futures_util::future::{join, join_all, ready};
use futures_util::stream::FuturesUnordered;

use super::*;

#[track_caller]
fn assert_foreign(fault: &Fault, words: &str) {
    assert!(
        matches!(fault, Fault::ForeignAwait(why) if why.contains(words)),
        "{fault}"
    );
}

#[test]
fn to_wait_while_nothing_durable_is_open_is_a_fault() {
    let words = "no durable operation is open";
    let at_once = orchestrator(|_| pending::<()>());
    assert_foreign(&run(&at_once).faults(at(1), started()), words);
    let later = orchestrator(|ctx| async move {
        ctx.call_activity::<i32>("a", ()).await.unwrap();
        pending::<()>().await;
    });
    let fault = run(&later)
        .deliver(at(1), started(), waits().asks(0, call("a", "null")))
        .faults(at(2), history().completed(0, "1"));
    assert_foreign(&fault, words);
    let detached = orchestrator(|ctx| async move {
        ctx.call_activity::<i32>("a", ()).detach();
        pending::<()>().await;
    });
    assert_foreign(&run(&detached).faults(at(1), started()), words);
    let past = history().episode(at(1)).started("E", None);
    assert_foreign(&replay(&at_once, past).unwrap_err(), words);
}

#[test]
fn a_future_that_is_polled_after_its_end_is_found() {
    let program = orchestrator(|ctx| async move {
        let mut call = ctx.call_activity::<i32>("a", ());
        (&mut call).await.unwrap();
        call.await.unwrap()
    });
    let fault = run(&program)
        .deliver(at(1), started(), waits().asks(0, call("a", "null")))
        .faults(at(2), history().completed(0, "1"));
    assert_foreign(&fault, "no durable operation is open");
}

#[test]
fn a_timer_of_tokio_is_a_fault() {
    #[expect(clippy::disallowed_methods, reason = "this is what must be found")]
    async fn sleep() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let fault = run(&orchestrator(|_| sleep())).faults(at(1), started());
    assert_foreign(&fault, "belongs into an activity");
    let program = orchestrator(|_| async { drop(tokio::spawn(async {})) });
    assert_foreign(
        &run(&program).faults(at(1), started()),
        "no reactor running",
    );
}

/// Waits for an event, and for what a thread sends.
fn waits_for_a_thread(sent: &'static std::sync::Mutex<Option<oneshot::Sender<i32>>>) -> Program {
    orchestrator(move |ctx| async move {
        let (send, receive) = oneshot::channel();
        *sent.lock().unwrap() = Some(send);
        let event = ctx.wait_for_external_event_named::<i32>("go");
        join(event, receive).await.1.unwrap()
    })
}

#[test]
fn a_wake_from_another_thread_or_between_episodes_is_reported() {
    static SENT: std::sync::Mutex<Option<oneshot::Sender<i32>>> = std::sync::Mutex::new(None);
    let run = run(&waits_for_a_thread(&SENT)).without_replays();
    let run = run.deliver(at(1), started(), waits());
    assert_eq!(run.foreign_wakes(), 0);
    SENT.lock().unwrap().take().unwrap().send(1).unwrap();
    assert_eq!(run.foreign_wakes(), 1);

    static OTHER: std::sync::Mutex<Option<oneshot::Sender<i32>>> = std::sync::Mutex::new(None);
    let run = Setup::new(&waits_for_a_thread(&OTHER))
        .run()
        .without_replays();
    let run = run.deliver(at(1), started(), waits());
    thread::spawn(|| OTHER.lock().unwrap().take().unwrap().send(1).unwrap())
        .join()
        .unwrap();
    assert_eq!(run.foreign_wakes(), 1);
}

#[test]
fn a_future_that_wakes_itself_for_ever_is_a_fault() {
    let forever = orchestrator(|ctx| async move {
        ctx.call_activity::<i32>("a", ()).await.unwrap();
        poll_fn(|cx| {
            cx.waker().wake_by_ref();
            Poll::<()>::Pending
        })
        .await;
    });
    let fault = run(&forever)
        .deliver(at(1), started(), waits().asks(0, call("a", "null")))
        .faults(at(2), history().completed(0, "1"));
    assert_eq!(fault, Fault::PollBound);
}

/// Gives way so many times.
async fn yields(times: usize) {
    let mut left = times;
    poll_fn(|cx| {
        if left == 0 {
            return Poll::Ready(());
        }
        left -= 1;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

#[test]
fn a_future_that_wakes_itself_for_a_while_is_none() {
    run(&orchestrator(|ctx| async move {
        yields(9_000).await;
        ctx.call_activity::<i32>("a", ()).await.unwrap();
        yields(9_000).await;
    }))
    .deliver(at(1), started(), waits().asks(0, call("a", "null")))
    .deliver(at(2), history().completed(0, "1"), completes(1, "null"));
}

/// Delivers results one by one in a mixed order and expects no alarm.
#[track_caller]
fn runs_with(calls: i32, program: &Program) {
    let mut run = run(program);
    run.replays = calls < 100;
    let first = run.episode(at(1), started().build());
    assert_eq!(first.actions.len(), calls as usize);
    let ids = (0..calls).map(|i| (i * 7 + 3) % calls);
    for id in ids {
        assert!(run.live.ended().is_none());
        run.episode(at(2), history().completed(id, "1").build());
    }
    assert_eq!(run.live.ended().unwrap().status, RuntimeStatus::Completed);
    assert_eq!(run.foreign_wakes(), 0);
}

#[test]
fn combinators_raise_no_alarm() {
    for calls in [1, 2, 29, 31, 64, 1_000] {
        runs_with(
            calls,
            &orchestrator(move |ctx| async move {
                join_all((0..calls).map(|i| ctx.call_activity::<i32>("a", i)))
                    .await
                    .len()
            }),
        );
        runs_with(
            calls,
            &orchestrator(move |ctx| async move {
                let calls: FuturesUnordered<_> = (0..calls)
                    .map(|i| {
                        let call = ctx.call_activity::<i32>("a", i);
                        async move {
                            yields(3).await;
                            call.await.unwrap();
                            yields(3).await;
                        }
                    })
                    .collect();
                calls.count().await
            }),
        );
    }
    runs_with(
        2,
        &orchestrator(|ctx| async move {
            let [a, b] = [(); 2].map(|()| ctx.call_activity::<i32>("a", ()));
            let (a, b, ()) = tokio::join!(a, b, ready(()));
            (a.unwrap(), b.unwrap())
        }),
    );
}

#[test]
fn channels_between_the_branches_of_an_orchestrator_raise_no_alarm() {
    runs_with(
        2,
        &orchestrator(|ctx| async move {
            let [a, b] = [(); 2].map(|()| ctx.call_activity::<i32>("a", ()));
            let (send, receive) = oneshot::channel();
            let (mut many, mut received) = mpsc::channel(0);
            let sends = async move {
                send.send(a.await.unwrap()).unwrap();
                for i in 0..100 {
                    poll_fn(|cx| many.poll_ready(cx)).await.unwrap();
                    many.start_send(i).unwrap();
                }
            };
            let receives = async move {
                let one: i32 = receive.await.unwrap();
                let mut sum = one + b.await.unwrap();
                while let Some(i) = received.next().await {
                    sum += i;
                }
                sum
            };
            join(receives, sends).await.0
        }),
    );
}
