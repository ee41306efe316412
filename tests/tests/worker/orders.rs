//! The order in which a worker takes what can happen: its own, or one of many that threads and a slow disk might have.

use std::cell::RefCell;
use std::collections::BTreeSet;

use futures_util::future::{join_all, join3};
use steadfast::definitions;
use steadfast::prelude::*;
use steadfast::testing::Order;

use crate::support::{Worker as _, World, json};

thread_local! {
    /// The activities that ran, in order.
    static RAN: RefCell<Vec<u32>> = const { RefCell::new(Vec::new()) };
}

#[activity]
async fn note(number: u32) -> u32 {
    RAN.with_borrow_mut(|ran| ran.push(number));
    number
}

#[orchestrator]
async fn fan_out(ctx: OrchestrationContext, width: u32) -> Result<u32, String> {
    let calls = (0..width).map(|number| ctx.call(note(number)));
    let mut sum = 0;
    for number in ctx.join_all(calls).await {
        sum += number?;
    }
    Ok(sum)
}

#[orchestrator]
async fn first_of(ctx: OrchestrationContext) -> Result<String, String> {
    let go = ctx.wait_for_external_event_named("go").await;
    go.map_err(|error| error.to_string())
}

/// The order in which the activities ran, and that in which an instance took two events of different clients.
fn run(order: Order) -> (Vec<u32>, Option<String>) {
    let world = World {
        order,
        ..World::new()
    };
    let mut worker = world.worker(definitions![fan_out, first_of, note]);
    let client = worker.client().clone();
    worker.wait(client.start(fan_out(6).id("fan")));
    let first = worker.wait(client.start(first_of().id("first")));
    worker.wait(first.raise_event_named("go", "one"));
    worker.settle();
    assert_eq!(worker.status("fan").output, json(15));
    (RAN.take(), worker.status("first").output)
}

#[test]
fn a_seed_says_the_order_and_another_seed_another() {
    let mut orders = BTreeSet::new();
    for seed in 0..20 {
        let once = run(Order::Seeded(seed));
        assert_eq!(once, run(Order::Seeded(seed)), "seed {seed}");
        let mut sorted = once.0.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, [0, 1, 2, 3, 4, 5], "seed {seed}");
        assert_eq!(once.1, json("one"));
        orders.insert(once.0);
    }
    assert!(orders.len() > 10, "{orders:?}");
    assert_eq!(run(Order::Fixed).0, [0, 1, 2, 3, 4, 5]);
}

/// Two events of one client reach an instance in the order in which they were raised.
#[test]
fn what_one_client_says_to_an_instance_keeps_its_order() {
    for seed in 0..40 {
        let world = World {
            order: Order::Seeded(seed),
            ..World::new()
        };
        let mut worker = world.worker(definitions![first_of]);
        let client = worker.client().clone();
        let handle = worker.wait(client.start(first_of().id("a")));
        let raised = ["one", "two"].map(|text| {
            let handle = handle.clone();
            async move { handle.raise_event_named("go", text).await }
        });
        // The second may come when the instance has ended.
        worker.block_on(join_all(raised));
        assert_eq!(worker.status("a").output, json("one"), "seed {seed}");
    }
}

#[orchestrator]
async fn listen(ctx: OrchestrationContext) -> Result<(), String> {
    for _ in 0..4 {
        let go = ctx.wait_for_external_event_named("go").await;
        let go = go.map_err(|error| error.to_string())?;
        ctx.call(note(go)).await?;
    }
    Ok(())
}

/// Of two that replace each other the later one goes on, also when it was loaded before the creation of the first was told.
#[test]
fn what_was_replaced_before_it_was_told_of_does_not_begin() {
    for seed in 0..200 {
        let world = World {
            order: Order::Seeded(seed),
            ..World::new()
        };
        let mut worker = world.worker(definitions![listen, note]);
        let client = worker.client().clone();
        let start = || client.start(listen().id("a").on_existing(OnExisting::ReplaceAny));
        let handle = worker.instance("a");
        // Those that come too early find no instance.
        let raised = [0, 1, 2, 3]
            .each_ref()
            .map(|number| handle.raise_event_named("go", number));
        let (first, second, _) = worker.block_on(join3(start(), start(), join_all(raised)));
        assert!(first.is_ok() && second.is_ok(), "seed {seed}");
        worker.settle();
        drop(worker);
        let mut worker = world.worker(definitions![listen, note]);
        assert_eq!(worker.status("a").stalled, None, "seed {seed}");
    }
}
