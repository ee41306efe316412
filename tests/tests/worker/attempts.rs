//! Attempts of activities: retries, timeouts, cancellation, heartbeats.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use steadfast::prelude::*;
use steadfast::testing::{CommitFault, SingleThreaded};
use steadfast::{ActivityProgress, CancelReason, ClientError, WaitingFor, definitions};
use tokio::sync::Notify;

use crate::support::{Worker as _, World};

thread_local! {
    /// What the activity does next; it waits when there is nothing.
    static ORDERS: RefCell<VecDeque<Order>> = const { RefCell::new(VecDeque::new()) };
    static ORDERED: RefCell<Arc<Notify>> = RefCell::default();
    /// What the attempts saw when they began: their number, the most there may be, and what the one before reported.
    static BEGAN: RefCell<Vec<(u32, u32, Option<u32>)>> = const { RefCell::new(Vec::new()) };
    static CANCELLED: Cell<Option<CancelReason>> = const { Cell::new(None) };
}

#[derive(Clone, Copy, Debug)]
enum Order {
    Report(u32),
    Fail,
    Succeed,
    WaitForCancellation,
}

fn order(order: Order) {
    ORDERS.with_borrow_mut(|orders| orders.push_back(order));
    ORDERED.with_borrow(|ordered| ordered.notify_one());
}

#[activity(retry(max_attempts = 3, first_interval = "10s"), timeout = "1m")]
async fn obey(ctx: ActivityContext) -> Result<u32, String> {
    let began = (ctx.attempt(), ctx.max_attempts(), ctx.last_heartbeat());
    BEGAN.with_borrow_mut(|all| all.push(began));
    let mut last = 0;
    loop {
        match ORDERS.with_borrow_mut(VecDeque::pop_front) {
            Some(Order::Report(done)) => {
                ctx.heartbeat(&done).map_err(|error| error.to_string())?;
                last = done;
            }
            Some(Order::Fail) => return Err("ordered to fail".into()),
            Some(Order::Succeed) => return Ok(last),
            Some(Order::WaitForCancellation) => {
                CANCELLED.set(Some(ctx.cancelled().await));
                return Err("nobody hears this".into());
            }
            None => {
                let ordered = ORDERED.with_borrow(Arc::clone);
                ordered.notified().await;
            }
        }
    }
}

#[orchestrator]
async fn command(ctx: OrchestrationContext) -> Result<u32, String> {
    Ok(ctx.call(obey()).await?)
}

#[orchestrator]
async fn command_for_a_second(ctx: OrchestrationContext) -> Result<bool, String> {
    let call = ctx.call(obey());
    let timed_out = ctx.timeout(Duration::from_secs(1), call).await.is_err();
    ctx.create_timer(Duration::from_secs(1)).await;
    Ok(timed_out)
}

fn started(world: &World) -> SingleThreaded {
    let mut worker = world.worker(definitions![command, command_for_a_second, obey]);
    let client = worker.client().clone();
    let start = command().id("a").on_existing(OnExisting::Attach);
    worker.wait(client.start(start));
    worker.run_until_idle();
    worker
}

fn progress(worker: &mut SingleThreaded) -> Vec<(u32, String)> {
    let progress = worker.status("a").progress;
    let details = |report: ActivityProgress| (report.attempt, report.details);
    progress.into_iter().map(details).collect()
}

#[test]
fn progress_is_visible_while_it_runs_and_given_to_the_next_attempt() {
    for max_live_instances in [100, 0] {
        BEGAN.take();
        let world = World {
            max_live_instances,
            ..World::new()
        };
        let mut worker = started(&world);
        assert_eq!(progress(&mut worker), []);
        order(Order::Report(1));
        assert_eq!(progress(&mut worker), [(1, "1".into())]);
        let first = worker.status("a").cursor;
        // Two reports within a second are one commit, of the later one.
        order(Order::Report(2));
        order(Order::Report(3));
        assert_eq!(progress(&mut worker), [(1, "1".into())]);
        assert!(worker.advance());
        assert_eq!(progress(&mut worker), [(1, "3".into())]);
        assert_eq!(worker.status("a").cursor.sequence, first.sequence + 1);
        order(Order::Report(4));
        order(Order::Fail);
        worker.run_until_idle();
        order(Order::Succeed);
        let output = worker.instance("a");
        assert_eq!(worker.wait(output.output_as::<u32>()), 0);
        assert_eq!(BEGAN.take(), [(1, 3, None), (2, 3, Some(4))]);
        assert_eq!(progress(&mut worker), []);
    }
}

#[test]
fn a_watcher_is_pushed_the_progress() {
    let mut worker = started(&World::new());
    let handle = worker.instance("a");
    let mut watch = handle.watch_custom_status();
    worker.wait(watch.next());
    order(Order::Report(7));
    let seen = worker.wait(watch.next()).unwrap();
    assert_eq!(seen.progress[0].details, "7");
    order(Order::Succeed);
    let seen = worker.wait(watch.next()).unwrap();
    assert_eq!(
        (seen.runtime_status, seen.progress.len()),
        (RuntimeStatus::Completed, 0)
    );
}

#[test]
fn an_attempt_that_died_with_its_worker_goes_on_from_its_last_report() {
    BEGAN.take();
    let world = World::new();
    let mut worker = started(&world);
    order(Order::Report(5));
    assert_eq!(progress(&mut worker), [(1, "5".into())]);
    drop(worker);
    let mut worker = started(&world);
    assert_eq!(progress(&mut worker), [(1, "5".into())]);
    assert_eq!(BEGAN.take(), [(1, 3, None), (1, 3, Some(5))]);
    order(Order::Succeed);
    let handle = worker.instance("a");
    assert_eq!(worker.wait(handle.output_as::<u32>()), 0);
}

#[test]
fn an_attempt_has_its_time_and_is_cancelled_then() {
    BEGAN.take();
    let mut worker = started(&World::new());
    let began = worker.now();
    order(Order::WaitForCancellation);
    worker.settle();
    let end = worker.status("a");
    assert_eq!(CANCELLED.take(), Some(CancelReason::TimedOut));
    assert_eq!(end.runtime_status, RuntimeStatus::Failed);
    let failure = end.failure.unwrap();
    assert!(
        failure
            .error_message
            .contains("activity `obey` did not end within 60s"),
        "{failure}"
    );
    // Three attempts of a minute, and ten seconds between each two.
    let took = end.last_updated_at.duration_since(began);
    assert_eq!((took.as_secs(), BEGAN.take().len()), (200, 3));
}

#[test]
fn a_call_that_lost_its_race_is_cancelled_and_a_terminated_one_too() {
    let mut worker = started(&World::new());
    order(Order::WaitForCancellation);
    worker.run_until_idle();
    let handle = worker.instance("a");
    worker.wait(handle.terminate(None));
    worker.run_until_idle();
    assert_eq!(CANCELLED.take(), Some(CancelReason::Terminated));

    let client = worker.client().clone();
    let raced = worker.wait(client.start(command_for_a_second()));
    worker.run_until_idle();
    order(Order::WaitForCancellation);
    assert!(worker.wait(raced.output()));
    assert_eq!(CANCELLED.take(), Some(CancelReason::Withdrawn));
}

#[test]
fn a_rewind_gives_a_call_all_its_attempts_again() {
    let world = World::new();
    let mut worker = started(&world);
    (0..3).for_each(|_| order(Order::Fail));
    worker.settle();
    assert_eq!(worker.status("a").runtime_status, RuntimeStatus::Failed);
    BEGAN.take();
    let rewind = worker.instance("a");
    worker.wait(rewind.rewind(None));
    worker.run_until_idle();
    drop(worker);
    let mut worker = world.worker(definitions![command, obey]);
    worker.run_until_idle();
    let waiting = worker.instance("a");
    let waiting = worker.wait(waiting.waiting_on());
    let attempt = waiting.iter().map(|wait| match wait.kind {
        WaitingFor::Activity { attempt, .. } => attempt,
        _ => 0,
    });
    assert_eq!(attempt.collect::<Vec<_>>(), [1]);
    let orders = [Order::Fail, Order::Fail, Order::Report(7), Order::Succeed];
    orders.into_iter().for_each(order);
    worker.settle();
    assert_eq!(worker.status("a").output.as_deref(), Some("7"));
    let numbers = BEGAN.take().into_iter().map(|(number, ..)| number);
    // The first one also in the worker that is gone.
    assert_eq!(numbers.collect::<Vec<_>>(), [1, 1, 2, 3]);
}

/// What the store says counts, whatever became of the answer.
#[test]
fn what_was_ended_or_replaced_is_cancelled_also_without_an_acknowledgement() {
    let (fault, world) = World::breakable();
    let mut worker = started(&world);
    let client = worker.client().clone();
    let lose_the_next = || *fault.lock().unwrap() = Some(CommitFault::Unacknowledged);
    order(Order::WaitForCancellation);
    worker.run_until_idle();
    lose_the_next();
    let ended = worker.block_on(worker.instance("a").terminate(None));
    assert!(matches!(ended, Err(ClientError::Store(_))), "{ended:?}");
    while CANCELLED.get().is_none() && (worker.step() || worker.advance()) {}
    assert_eq!(CANCELLED.take(), Some(CancelReason::Terminated));

    worker.wait(client.start(command().id("b")));
    order(Order::WaitForCancellation);
    worker.run_until_idle();
    lose_the_next();
    let start = command().id("b").on_existing(OnExisting::ReplaceAny);
    let replaced = worker.block_on(client.start(start));
    assert!(matches!(replaced, Err(ClientError::Store(_))));
    while CANCELLED.get().is_none() && (worker.step() || worker.advance()) {}
    assert_eq!(CANCELLED.take(), Some(CancelReason::Replaced));
}

#[activity]
async fn big(size: usize) -> String {
    "x".repeat(size)
}

#[orchestrator]
async fn carry(ctx: OrchestrationContext, size: usize) -> Result<String, String> {
    match ctx.call(big(size)).await {
        Ok(text) => Ok(text),
        Err(error) => Ok(format!("{}: {error}", error.failure().error_type)),
    }
}

#[test]
fn a_result_over_the_limit_fails_the_activity_with_size_and_limit() {
    let world = World {
        max_payload_bytes: 200,
        ..World::new()
    };
    let mut worker = world.worker(definitions![carry, big]);
    let client = worker.client().clone();
    let fits = worker.wait(client.start(carry(198)));
    assert_eq!(worker.wait(fits.output()).len(), 198);
    let large = worker.wait(client.start(carry(199)));
    let end = worker.wait(large.wait_for_completion());
    let output = end.output.unwrap();
    let told = "the result of activity `big` has 201 bytes of JSON; at most 200 are allowed";
    assert!(
        output.contains("steadfast.PayloadTooLarge") && output.contains(told),
        "{output}"
    );
}
