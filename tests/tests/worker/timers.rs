//! Durable timers on virtual time.

use std::time::Duration;

use steadfast::prelude::*;
use steadfast::{Timestamp, definitions};

use crate::support::{Worker as _, World, at, json};

const MONTH: Duration = Duration::from_secs(30 * 24 * 60 * 60);

#[orchestrator]
async fn sleep(ctx: OrchestrationContext, seconds: u64) -> Timestamp {
    ctx.create_timer(Duration::from_secs(seconds)).await;
    ctx.current_utc_datetime()
}

#[orchestrator]
async fn sleep_until(ctx: OrchestrationContext, time: Timestamp) -> Timestamp {
    ctx.create_timer(time).await;
    ctx.current_utc_datetime()
}

#[test]
fn a_month_passes_in_no_time_and_the_timer_is_exact() {
    let mut worker = World::new().worker(definitions![sleep]);
    let client = worker.client().clone();
    let sleeper = worker.wait(client.start(sleep(MONTH.as_secs())));
    assert_eq!(worker.wait(sleeper.output()), at(0) + MONTH);
}

#[test]
fn timers_survive_restarts_and_fire_in_order_of_time() {
    for max_live_instances in [0, 100] {
        let world = World {
            max_live_instances,
            ..World::new()
        };
        let mut worker = world.worker(definitions![sleep]);
        let client = worker.client().clone();
        for seconds in [50, 10, 40, 20, 30] {
            worker.wait(client.start(sleep(seconds).id(seconds.to_string())));
        }
        worker.run_until_idle();
        drop(worker);
        let mut worker = world.worker(definitions![sleep]);
        for seconds in [10, 20, 30, 40, 50] {
            assert_eq!(
                worker.status(&seconds.to_string()).runtime_status,
                RuntimeStatus::Running
            );
            assert!(worker.advance());
            assert_eq!(worker.now(), at(seconds));
            assert_eq!(
                worker.status(&seconds.to_string()).output,
                json(at(seconds))
            );
        }
        assert!(!worker.advance());
    }
}

#[test]
fn a_time_in_the_past_is_due_at_once_and_a_clock_that_goes_back_is_never_seen() {
    let world = World::new();
    let mut worker = world.worker(definitions![sleep_until, sleep]);
    let client = worker.client().clone();
    let past = worker.wait(client.start(sleep_until(at(-5))));
    assert_eq!(worker.wait(past.output()), at(0));

    let sleeper = worker.wait(client.start(sleep(10)));
    worker.run_until_idle();
    world.clock.set(at(-1_000));
    assert_eq!(worker.wait(sleeper.output()), at(10));
}

#[test]
fn a_timer_that_was_due_before_the_clock_went_back_fires_later() {
    let world = World::new();
    let mut worker = world.worker(definitions![sleep]);
    let client = worker.client().clone();
    worker.wait(client.start(sleep(10).id("a")));
    worker.run_until_idle();
    world.clock.set(at(10));
    // This step finds that the timer is due; the next one would deliver it.
    assert!(worker.step());
    world.clock.set(at(9));
    assert_eq!(worker.status("a").runtime_status, RuntimeStatus::Running);
    world.clock.set(at(10));
    assert_eq!(worker.status("a").output, json(at(10)));
}

#[test]
fn more_timers_than_the_index_reads_at_once() {
    let mut worker = World::new().worker(definitions![sleep]);
    let client = worker.client().clone();
    let sleepers: Vec<_> = (0..2_500)
        .map(|n| worker.wait(client.start(sleep(n % 7 + 1))))
        .collect();
    for sleeper in sleepers {
        assert!(worker.wait(sleeper.output()) > at(0));
    }
}
