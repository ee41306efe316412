//! Many operations at once: an event costs as much as it would with few.

use std::cell::Cell;
use std::pin::Pin;
use std::task::Context;
use std::task::Poll;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use super::*;
use crate::engine::Operation;
use crate::model::retry::RetryPolicy;

const COUNT: i32 = 10_000;

/// Counts how often the futures of operations are polled.
struct Counted(Operation, Rc<Cell<usize>>);

impl Future for Counted {
    type Output = Result<Option<String>, FailureDetails>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.1.set(self.1.get() + 1);
        Pin::new(&mut self.0).poll(cx)
    }
}

/// Waits for all of them, in the order in which they end. The first counter is of polls of operations, the second of polls of
/// the orchestrator.
fn waits_for_all(
    begin: impl Fn(&ExecutionHandle) -> Operation + 'static,
) -> (Program, [Rc<Cell<usize>>; 2]) {
    let counters = [Rc::new(Cell::new(0)), Rc::new(Cell::new(0))];
    let counted = counters.clone();
    let begin = Rc::new(begin);
    let program = with_handle(move |ctx| {
        let ([polls, own], begin) = (counted.clone(), Rc::clone(&begin));
        async move {
            let operations = (0..COUNT).map(|_| Counted(begin(&ctx), Rc::clone(&polls)));
            let mut operations: FuturesUnordered<_> = operations.collect();
            let mut ended = 0;
            std::future::poll_fn(|cx| {
                own.set(own.get() + 1);
                loop {
                    match operations.poll_next_unpin(cx) {
                        Poll::Ready(Some(_)) => ended += 1,
                        Poll::Ready(None) => return Poll::Ready(()),
                        Poll::Pending => return Poll::Pending,
                    }
                }
            })
            .await;
            ended
        }
    });
    (program, counters)
}

fn answers(answer: impl Fn(History, i32) -> History) -> Vec<Vec<HistoryEvent>> {
    // In an order that is not that of the calls.
    let ids = (0..COUNT).map(|i| i * 7 % COUNT);
    ids.map(|id| answer(history(), id).build()).collect()
}

#[test]
fn each_event_polls_the_one_operation_that_it_ends() {
    let child = |ctx: &ExecutionHandle| {
        ctx.create_sub_orchestration("C", json("1"), ChildOptions::default())
    };
    let task = |ctx: &ExecutionHandle| ctx.schedule_task("a", json("1"), TaskOptions::default());
    let timer = |ctx: &ExecutionHandle| ctx.create_timer(at(60));
    let (children, tasks, timers) = (
        answers(|new, id| new.child_completed(id, "1")),
        answers(|new, id| new.completed(id, "1")),
        answers(|new, id| new.timer_fired(id, at(60))),
    );
    for ((program, [polls, own]), events) in [
        (waits_for_all(child), children),
        (waits_for_all(task), tasks),
        (waits_for_all(timer), timers),
    ] {
        let mut run = run(&program).without_replays();
        run.episode(at(1), started().build());
        polls.set(0);
        own.set(0);
        let count = events.len();
        for new in events {
            run.live.deliver(at(2), &mut { new }).unwrap();
        }
        assert_eq!(run.live.ended().unwrap().result.as_deref(), Some("10000"));
        assert_eq!((polls.get(), own.get()), (count, count));
    }
}

#[test]
fn attempts_that_fail_poll_nothing() {
    let (program, [polls, own]) = waits_for_all(|ctx| {
        let options = TaskOptions {
            retry: Some(RetryPolicy::new(2, Duration::from_secs(5))),
            total_timeout: Some(Duration::from_secs(500)),
            ..TaskOptions::default()
        };
        ctx.schedule_task("a", json("1"), options)
    });
    let mut run = run(&program).without_replays();
    run.episode(at(1), started().build());
    polls.set(0);
    own.set(0);
    // Each call has a timer of its own behind it.
    let mut timers = Vec::new();
    for id in 0..COUNT {
        let new = history().failed(id * 2, &lost()).build();
        timers.push(run.episode(at(2), new).actions[0].id);
    }
    let mut attempts = Vec::new();
    for id in timers {
        let new = history().timer_fired(id, at(7)).build();
        attempts.push(run.episode(at(7), new).actions[0].id);
    }
    assert_eq!((polls.get(), own.get()), (0, 0));
    run.check_replay();
    polls.set(0);
    own.set(0);
    for id in attempts {
        run.episode(at(8), history().completed(id, "1").build());
    }
    assert_eq!(run.live.ended().unwrap().result.as_deref(), Some("10000"));
    assert_eq!((polls.get(), own.get()), (10_000, 10_000));
    assert_eq!(run.live.next_timer(), None);
}
