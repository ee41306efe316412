//! Orchestrations made of others, and of executions that follow each other.

use std::cell::RefCell;
use std::time::Duration;

use steadfast::prelude::*;
use steadfast::testing::SingleThreaded;
use steadfast::{RetryPolicy, definitions};

use crate::everyway::{Scenario, insist};
use crate::support::{Worker as _, World, json, open, pass};

thread_local! {
    /// How often each activity began.
    static RUNS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

#[activity]
async fn price_of(item: String) -> Result<u32, String> {
    RUNS.with_borrow_mut(|runs| runs.push(item.clone()));
    if item == "unicorn" {
        return Err("there are no unicorns".into());
    }
    Ok(item.len() as u32)
}

/// A child that waits for its parent's permission.
#[orchestrator]
async fn offer(ctx: OrchestrationContext, item: String) -> Result<u32, String> {
    let price = ctx.call(price_of(item)).await?;
    let factor: u32 = ctx
        .wait_for_external_event_named("factor")
        .await
        .map_err(|error| error.to_string())?;
    let parent = ctx.parent().map(|parent| parent.instance_id.to_string());
    ctx.send_event_named(parent.unwrap_or_default(), "offered", &price)?;
    Ok(price * factor)
}

#[orchestrator]
async fn market(ctx: OrchestrationContext) -> Result<Vec<String>, String> {
    let apple = ctx.call(offer("apple".into()).id("apple-offer"));
    let pear = ctx.call(offer("pear".into()));
    let unicorn = ctx.call(offer("unicorn".into()));
    for child in [apple.instance_id(), pear.instance_id()] {
        ctx.send_event_named(child.as_str(), "factor", &10)?;
    }
    let mut offered = 0;
    for _ in 0..2 {
        offered += ctx
            .wait_for_external_event_named::<u32>("offered")
            .await
            .map_err(|error| error.to_string())?;
    }
    let mut lines = vec![format!("offered {offered}")];
    for call in [apple, pear, unicorn] {
        lines.push(match call.await {
            Ok(price) => price.to_string(),
            Err(CallError::Returned { error, .. }) => error,
            Err(error) => return Err(error.to_string()),
        });
    }
    Ok(lines)
}

fn start_market(worker: &mut SingleThreaded) {
    let client = worker.client().clone();
    insist(worker, async || {
        client
            .start(market().id("market").on_existing(OnExisting::Attach))
            .await
    });
}

fn finish_market(worker: &mut SingleThreaded) {
    let instance = worker.instance("market");
    let end = worker.wait(instance.wait_for_completion());
    let lines = ["offered 9", "50", "40", "there are no unicorns"];
    assert_eq!(
        (end.output, end.runtime_status),
        (json(lines), RuntimeStatus::Completed)
    );
}

#[test]
fn children_answer_and_fail_and_talk_to_their_parent() {
    Scenario {
        definitions: || definitions![market, offer, price_of],
        ask: start_market,
        finish: finish_market,
    }
    .in_every_way();
}

#[orchestrator]
async fn sum_up(ctx: OrchestrationContext, sum: u64, seen: u32) -> Result<u64, String> {
    ctx.set_custom_status(sum)
        .map_err(|error| error.to_string())?;
    let mut sum = sum;
    for _ in 0..3 {
        sum += ctx
            .wait_for_external_event_named::<u64>("add")
            .await
            .map_err(|error| error.to_string())?;
    }
    if seen + 3 == 12 {
        return Ok(sum);
    }
    ctx.continue_as_new(sum_up(sum, seen + 3)).await
}

#[test]
fn an_aggregator_loses_no_event_and_its_history_stays_short() {
    for max_live_instances in [100, 0] {
        let world = World {
            max_live_instances,
            ..World::new()
        };
        let mut worker = world.worker(definitions![sum_up]);
        let client = worker.client().clone();
        let handle = worker.wait(client.start(sum_up(0, 0).id("sum")));
        let first = worker.status("sum");
        // They arrive in one batch, five, and one by one.
        for group in [&[1, 2, 3, 4, 5][..], &[6], &[7], &[8, 9, 10, 11, 12]] {
            let raised = group
                .iter()
                .map(|number: &u64| handle.raise_event_named("add", number));
            for answer in worker.block_on(futures_util::future::join_all(raised)) {
                answer.unwrap();
            }
        }
        assert_eq!(worker.wait(handle.output()), 78);
        let last = worker.status("sum");
        assert_ne!(last.execution_id, first.execution_id);
        assert_eq!(last.created_at, first.created_at);
        assert_eq!(last.custom_status.unwrap().as_json(), "45");
    }
}

#[test]
fn an_aggregator_survives_failing_commits() {
    Scenario {
        definitions: || definitions![count_down],
        ask: |worker| {
            let client = worker.client().clone();
            insist(worker, async || {
                client
                    .start(count_down(5, 0).id("count").on_existing(OnExisting::Attach))
                    .await
            });
        },
        finish: |worker| {
            let instance = worker.instance("count");
            let end = worker.wait(instance.wait_for_completion());
            assert_eq!(end.output, json(5));
        },
    }
    .in_every_way();
}

#[orchestrator]
async fn count_down(ctx: OrchestrationContext, from: u32, done: u32) -> u32 {
    if from == 0 {
        return done;
    }
    ctx.create_timer(Duration::from_secs(60)).await;
    ctx.continue_as_new(count_down(from - 1, done + 1)).await
}

#[orchestrator]
async fn grandchild(ctx: OrchestrationContext, gate: String) -> Result<String, String> {
    Ok(ctx.call(pass(gate)).await?)
}

#[orchestrator]
async fn child(ctx: OrchestrationContext, gate: String) -> Result<String, String> {
    Ok(ctx.call(grandchild(gate).id("grandchild")).await?)
}

#[orchestrator]
async fn race_a_child(ctx: OrchestrationContext) -> bool {
    let lost = ctx.timeout(
        Duration::from_secs(10),
        ctx.call(child("never".into()).id("child")),
    );
    lost.await.is_err()
}

#[test]
fn a_child_that_lost_a_race_is_terminated_with_its_own_children() {
    let mut worker = World::new().worker(definitions![race_a_child, child, grandchild, pass]);
    let client = worker.client().clone();
    let handle = worker.wait(client.start(race_a_child().id("racer")));
    assert!(worker.wait(handle.output()));
    worker.settle();
    for id in ["child", "grandchild"] {
        assert_eq!(worker.status(id).runtime_status, RuntimeStatus::Terminated);
    }
}

#[orchestrator]
async fn same_child_twice(ctx: OrchestrationContext) -> Vec<String> {
    let calls = ["a", "b"].map(|gate| ctx.call(child(gate.into()).id("only")));
    let ends = ctx.join_all(calls).await;
    let ends = ends.into_iter().map(|end| match end {
        Ok(gate) => gate,
        Err(error) => error.failure().error_type.clone(),
    });
    ends.collect()
}

#[test]
fn a_child_whose_id_is_taken_fails_its_call_and_not_the_other() {
    let mut worker = World::new().worker(definitions![same_child_twice, child, grandchild, pass]);
    let client = worker.client().clone();
    let handle = worker.wait(client.start(same_child_twice()));
    open("a");
    assert_eq!(
        worker.wait(handle.output()),
        ["a", "steadfast.AlreadyExists"]
    );
}

#[activity]
async fn flaky(times: u32, ctx_name: String) -> Result<u32, String> {
    let runs = RUNS.with_borrow_mut(|runs| {
        runs.push(ctx_name.clone());
        runs.iter().filter(|name| **name == ctx_name).count() as u32
    });
    if runs <= times {
        Err(format!("failure {runs}"))
    } else {
        Ok(runs)
    }
}

#[orchestrator]
async fn insistent(ctx: OrchestrationContext) -> Result<u32, String> {
    let policy = RetryPolicy::new(4, Duration::from_secs(10)).backoff_coefficient(2.0);
    Ok(ctx.call(flaky(3, "insistent".into()).retry(policy)).await?)
}

#[test]
fn a_failing_activity_is_tried_again_at_growing_intervals() {
    for max_live_instances in [100, 0] {
        RUNS.take();
        let world = World {
            max_live_instances,
            ..World::new()
        };
        let mut worker = world.worker(definitions![insistent, flaky]);
        let client = worker.client().clone();
        let handle = worker.wait(client.start(insistent().id("a")));
        let began = worker.status("a").created_at;
        assert_eq!(worker.wait(handle.output()), 4);
        let took = worker.status("a").last_updated_at.duration_since(began);
        assert_eq!(took.as_secs(), 10 + 20 + 40);
    }
}

#[orchestrator]
async fn parent_of_many(ctx: OrchestrationContext, children: u32) -> Result<u64, String> {
    let calls = (0..children).map(|number| ctx.call(double(number)));
    let mut sum = 0;
    for answer in ctx.join_all(calls).await {
        sum += u64::from(answer?);
    }
    Ok(sum)
}

#[orchestrator]
async fn double(_ctx: OrchestrationContext, number: u32) -> u32 {
    number * 2
}

#[test]
fn a_thousand_children_of_one_parent_all_answer() {
    let mut worker = World::new().worker(definitions![parent_of_many, double]);
    let client = worker.client().clone();
    let handle = worker.wait(client.start(parent_of_many(1_000).id("parent")));
    assert_eq!(worker.wait(handle.output()), 999_000);
}
