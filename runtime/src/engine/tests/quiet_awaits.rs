//! What looks like awaiting something that is not durable, and is not: no alarm.

use std::pin::pin;
use std::time::Duration;

use futures_channel::{mpsc, oneshot};
use futures_util::future::{Either, FutureExt, join, join_all, ready, select};
use futures_util::stream::{self, FuturesUnordered};
use futures_util::{SinkExt, StreamExt, poll, select_biased};

use super::foreign_awaits::yields;
use super::*;
use crate::model::failure::FailureDetails;

/// Delivers results one by one in a mixed order and expects no alarm.
#[track_caller]
fn runs_with(calls: i32, program: &Program) {
    let mut run = run(program);
    if calls > 100 {
        run = run.without_replays();
    }
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

fn a_call(ctx: &OrchestrationContext) -> impl Future<Output = i32> + 'static {
    ctx.call_activity::<i32>("a", ()).map(Result::unwrap)
}

#[test]
fn all_of_any_number() {
    for calls in [1, 2, 29, 30, 31, 64, 1_000] {
        runs_with(
            calls,
            &orchestrator(move |ctx| async move {
                join_all((0..calls).map(|_| a_call(&ctx))).await.len()
            }),
        );
        runs_with(
            calls,
            &orchestrator(move |ctx| async move {
                ctx.join_all((0..calls).map(|_| a_call(&ctx))).await.len()
            }),
        );
        runs_with(
            calls,
            &orchestrator(move |ctx| async move {
                let calls: FuturesUnordered<_> = (0..calls)
                    .map(|_| {
                        let call = a_call(&ctx);
                        async move {
                            yields(3).await;
                            call.await;
                            yields(3).await;
                        }
                    })
                    .collect();
                calls.count().await
            }),
        );
    }
}

#[test]
fn joins() {
    runs_with(
        2,
        &orchestrator(|ctx| async move {
            let (a, b) = (a_call(&ctx), a_call(&ctx));
            tokio::join!(a, b, ready(()))
        }),
    );
    runs_with(
        2,
        &orchestrator(|ctx| async move {
            let (a, b) = (a_call(&ctx), a_call(&ctx));
            futures_util::join!(a, b, ready(()))
        }),
    );
}

/// The first call of two, and then the other one.
#[test]
fn races() {
    runs_with(
        2,
        &orchestrator(|ctx| async move {
            let (mut a, mut b) = (pin!(a_call(&ctx)), pin!(a_call(&ctx)));
            tokio::select! {
                biased;
                _ = &mut a => b.await,
                _ = &mut b => a.await,
            }
        }),
    );
    runs_with(
        2,
        &orchestrator(|ctx| async move {
            let (mut a, mut b) = (pin!(a_call(&ctx).fuse()), pin!(a_call(&ctx).fuse()));
            select_biased! {
                _ = &mut a => b.await,
                _ = &mut b => a.await,
            }
        }),
    );
    runs_with(
        2,
        &orchestrator(|ctx| async move {
            match select(pin!(a_call(&ctx)), pin!(a_call(&ctx))).await {
                Either::Left((_, other)) | Either::Right((_, other)) => other.await,
            }
        }),
    );
    runs_with(
        2,
        &orchestrator(|ctx| async move {
            let mut both = ctx.as_completed([a_call(&ctx), a_call(&ctx)]);
            let never = ctx.wait_for_external_event_named::<i32>("never");
            ctx.race((both.next(), never)).await;
            both.next().await
        }),
    );
}

#[test]
fn what_is_left_of_a_combinator() {
    runs_with(
        1,
        &orchestrator(|ctx| async move {
            // It keeps the orchestrator's waker, and awaits nothing.
            let mut none = ctx.as_completed(std::iter::empty::<std::future::Ready<()>>());
            assert!(none.next().await.is_none());
            let mut done = ctx.as_completed([ready(1)]);
            assert_eq!(done.next().await, Some((0, 1)));
            let result = a_call(&ctx).await;
            drop((none, done));
            result
        }),
    );
}

#[test]
fn futures_in_other_futures() {
    runs_with(
        2,
        &orchestrator(|ctx| async move {
            let shared = a_call(&ctx).boxed_local().shared();
            let other = async { Box::pin(a_call(&ctx)).await };
            join(shared.clone(), join(shared, other)).await
        }),
    );
    runs_with(
        2,
        &orchestrator(|ctx| async move {
            let calls = stream::iter([a_call(&ctx), a_call(&ctx)]);
            calls.buffered(2).collect::<Vec<_>>().await
        }),
    );
    runs_with(
        2,
        &orchestrator(|ctx| async move {
            let (mut a, b) = (pin!(a_call(&ctx)), a_call(&ctx));
            assert!(poll!(&mut a).is_pending());
            b.await + a.await
        }),
    );
}

type Half = LocalBoxFuture<'static, ()>;

/// Pairs of futures: the second is not ready before the first one is.
fn links() -> Vec<fn() -> [Half; 2]> {
    use tokio::sync;

    fn pair(send: impl Future + 'static, receive: impl Future + 'static) -> [Half; 2] {
        [
            send.map(drop).boxed_local(),
            receive.map(drop).boxed_local(),
        ]
    }

    vec![
        || {
            let (send, receive) = oneshot::channel();
            pair(async { send.send(1) }, receive)
        },
        || {
            let (mut send, receive) = mpsc::channel(0);
            pair(
                async move {
                    for i in 0..100 {
                        send.send(i).await.unwrap();
                    }
                },
                receive.count(),
            )
        },
        || {
            let (send, receive) = mpsc::unbounded();
            pair(async move { send.unbounded_send(1) }, receive.into_future())
        },
        || {
            let mutex = Arc::new(futures_util::lock::Mutex::new(()));
            let guard = Arc::clone(&mutex).try_lock_owned().unwrap();
            pair(async { drop(guard) }, mutex.lock_owned())
        },
        || {
            let (send, receive) = sync::oneshot::channel();
            pair(async { send.send(1) }, receive)
        },
        || {
            let (send, mut receive) = sync::mpsc::channel(1);
            pair(
                async move {
                    for i in 0..100 {
                        send.send(i).await.unwrap();
                    }
                },
                async move { while receive.recv().await.is_some() {} },
            )
        },
        || {
            let (send, mut receive) = sync::mpsc::unbounded_channel();
            pair(
                async move { send.send(1) },
                async move { receive.recv().await },
            )
        },
        || {
            let notify = Arc::new(sync::Notify::new());
            let notified = Arc::clone(&notify).notified_owned();
            pair(async move { notify.notify_one() }, notified)
        },
        || {
            let mutex = Arc::new(sync::Mutex::new(()));
            let guard = Arc::clone(&mutex).try_lock_owned().unwrap();
            pair(async { drop(guard) }, mutex.lock_owned())
        },
        || {
            let semaphore = Arc::new(sync::Semaphore::new(0));
            let acquired = Arc::clone(&semaphore).acquire_owned();
            pair(async move { semaphore.add_permits(1) }, acquired)
        },
        || {
            let (send, mut receive) = sync::watch::channel(0);
            pair(async move { send.send(1) }, async move {
                receive.changed().await
            })
        },
        || {
            let (send, mut receive) = sync::broadcast::channel(1);
            pair(
                async move { send.send(1) },
                async move { receive.recv().await },
            )
        },
    ]
}

/// Two branches of an orchestrator: one sends after a call, the other receives before it awaits one.
fn branches(
    ctx: &OrchestrationContext,
    link: fn() -> [Half; 2],
) -> [LocalBoxFuture<'static, i32>; 2] {
    let [send, receive] = link();
    let (before, after) = (a_call(ctx), a_call(ctx));
    [
        Box::pin(async move {
            let result = before.await;
            send.await;
            result
        }),
        Box::pin(async move {
            receive.await;
            after.await
        }),
    ]
}

#[test]
fn channels_between_the_branches_of_an_orchestrator() {
    for link in links() {
        let with = |run: fn([LocalBoxFuture<'static, i32>; 2]) -> LocalBoxFuture<'static, i32>| {
            runs_with(2, &orchestrator(move |ctx| run(branches(&ctx, link))));
        };
        with(|[sends, receives]| Box::pin(async { futures_util::join!(receives, sends).0 }));
        with(|[sends, receives]| Box::pin(async { tokio::join!(sends, receives).0 }));
        with(|branches| Box::pin(async { join_all(branches).await[0] }));
        with(|branches| {
            let mut branches: FuturesUnordered<_> = branches.into_iter().collect();
            Box::pin(async move { branches.next().await.unwrap() + branches.next().await.unwrap() })
        });
        with(|[mut sends, mut receives]| {
            Box::pin(async move {
                tokio::select! {
                    biased;
                    received = &mut receives => received,
                    _ = &mut sends => receives.await,
                }
            })
        });
        with(|[sends, receives]| {
            Box::pin(async move {
                let (mut sends, mut receives) = (sends.fuse(), receives.fuse());
                select_biased! {
                    received = receives => received,
                    _ = sends => receives.await,
                }
            })
        });
    }
}

/// The branch that sends is in a combinator that polls it only when it was woken.
#[test]
fn a_channel_into_a_combinator_that_polls_what_was_woken() {
    for link in links() {
        runs_with(
            2,
            &orchestrator(move |ctx| {
                let [sends, receives] = branches(&ctx, link);
                let mut sending = ctx.as_completed([sends]);
                async move {
                    let late = async {
                        yields(2).await;
                        receives.await
                    };
                    join(sending.next(), late).await.1
                }
            }),
        );
    }
}

#[test]
fn a_timeout_and_what_it_limits() {
    let program = orchestrator(|ctx| async move {
        let limited = ctx.timeout(Duration::from_secs(5), async { a_call(&ctx).await });
        let result = limited.await.map_err(|late| FailureDetails::from(&late));
        ctx.wait_for_external_event_named::<i32>("go")
            .await
            .unwrap();
        result.unwrap_or(7)
    });
    run(&program)
        .deliver(
            at(1),
            started(),
            waits().asks(0, timer(at(6))).asks(1, call("a", "null")),
        )
        .deliver(at(6), history().timer_fired(0, at(6)), waits().withdraws(1))
        .deliver(at(7), history().raised("go", "1"), completes(2, "7"));
}
