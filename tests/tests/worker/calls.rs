//! What callers say of calls, and what they do with several of them, through the whole worker.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use steadfast::prelude::*;
use steadfast::{OneOf2, RetryPolicy, SubOrchestratorByName, definitions};
use steadfast_tests::random::Random;

use crate::support::{Worker as _, World, entered, json, open, pass};

const SECOND: Duration = Duration::from_secs(1);

fn worlds() -> [World; 2] {
    [100, 0].map(|max_live_instances| World {
        max_live_instances,
        ..World::new()
    })
}

#[activity]
async fn doubled(numbers: Vec<f64>) -> Vec<f64> {
    numbers.into_iter().map(|number| number * 2.0).collect()
}

#[orchestrator]
async fn double(ctx: OrchestrationContext, numbers: Vec<f64>) -> Result<Vec<f64>, String> {
    Ok(ctx.call(doubled(numbers)).await?)
}

/// A parser of JSON that does not take this care reads three random floats in ten as a neighbour.
#[test]
fn a_float_that_was_stored_is_the_same_when_it_is_read() {
    let mut random = Random::seeded_by("STEADFAST_SEED");
    let numbers = (0..1_000).map(|_| f64::from_bits(random.below(u64::MAX)));
    let numbers: Vec<f64> = numbers
        .filter(|number| (number * 2.0).is_finite())
        .collect();
    for world in worlds() {
        let mut worker = world.worker(definitions![double, doubled]);
        let client = worker.client().clone();
        let handle = worker.wait(client.start(double(numbers.clone()).id("d")));
        let twice = worker.wait(handle.output());
        let expected: Vec<f64> = numbers.iter().map(|number| number * 2.0).collect();
        assert!(twice == expected);
    }
}

#[orchestrator]
async fn quorum(
    ctx: OrchestrationContext,
    gates: Vec<String>,
    n: usize,
) -> Result<Vec<String>, String> {
    let calls = gates.into_iter().map(|gate| ctx.call(pass(gate)));
    let first = ctx.first_n(n, calls).await;
    ctx.create_timer(SECOND).await;
    let gates = first
        .into_iter()
        .map(|(place, gate)| Ok(format!("{place}{}", gate?)));
    gates.collect()
}

#[test]
fn a_quorum_is_the_first_few_in_the_order_in_which_they_ended() {
    for (round, world) in worlds().into_iter().enumerate() {
        let mut worker = world.worker(definitions![quorum, pass]);
        let gate = |name: &str| format!("{name}-{round}");
        let client = worker.client().clone();
        let gates = ["a", "b", "c"].map(gate).to_vec();
        let handle = worker.wait(client.start(quorum(gates, 2).id("q")));
        for name in ["c", "a"] {
            worker.run_until_idle();
            open(&gate(name));
        }
        let expected = [format!("2{}", gate("c")), format!("0{}", gate("a"))];
        assert_eq!(worker.wait(handle.output()), expected);
        assert_eq!(entered(&gate("b")), 1);
    }
}

#[orchestrator]
async fn pass_unless_cancelled(ctx: OrchestrationContext, gate: String) -> Result<String, String> {
    let cancelled = ctx.wait_for_external_event_named::<String>("cancel");
    match ctx.race((ctx.call(pass(gate)), cancelled)).await {
        OneOf2::First(gate) => Ok(gate?),
        OneOf2::Second(reason) => Err(reason.map_err(|error| error.to_string())?),
    }
}

#[test]
fn an_activity_races_an_event() {
    for (round, world) in worlds().into_iter().enumerate() {
        let mut worker = world.worker(definitions![pass_unless_cancelled, pass]);
        let client = worker.client().clone();
        let [won, lost] = ["won", "lost"].map(|name| format!("{name}-{round}"));
        let passes = worker.wait(client.start(pass_unless_cancelled(won.clone()).id("won")));
        let cancelled = worker.wait(client.start(pass_unless_cancelled(lost.clone()).id("lost")));
        worker.run_until_idle();
        open(&won);
        assert_eq!(worker.wait(passes.output()), won);
        worker.wait(
            worker
                .instance("lost")
                .raise_event_named("cancel", &"too late"),
        );
        let end = worker.wait(cancelled.wait_for_completion());
        assert_eq!(end.failure.unwrap().error_message, "too late");
    }
}

#[orchestrator]
async fn a_few_at_a_time(
    ctx: OrchestrationContext,
    gate: String,
    count: usize,
    at_once: usize,
) -> Result<Vec<usize>, String> {
    let mut calls = (0..count).map(|_| ctx.call(pass(gate.clone())));
    let mut running = ctx.as_completed(calls.by_ref().take(at_once));
    let mut places = Vec::new();
    while let Some((place, passed)) = running.next().await {
        passed?;
        places.push(place);
        running.extend(calls.next());
    }
    Ok(places)
}

#[test]
fn a_fan_out_may_be_bounded() {
    for (round, world) in worlds().into_iter().enumerate() {
        let mut worker = world.worker(definitions![a_few_at_a_time, pass]);
        let client = worker.client().clone();
        let gate = format!("bounded-{round}");
        let handle = worker.wait(client.start(a_few_at_a_time(gate.clone(), 20, 3)));
        for ended in 0..20 {
            worker.run_until_idle();
            assert_eq!(entered(&gate), 20.min(ended + 3));
            open(&gate);
        }
        let mut places = worker.wait(handle.output());
        places.sort_unstable();
        assert_eq!(places, (0..20).collect::<Vec<_>>());
    }
}

#[orchestrator]
async fn forgetful(ctx: OrchestrationContext, gate: String) -> String {
    let child = ctx.call(long_lived(gate).id("orphan").tag("kind", "orphan"));
    let id = child.instance_id().to_string();
    child.detach();
    id
}

#[orchestrator]
async fn long_lived(ctx: OrchestrationContext, gate: String) -> Result<String, String> {
    Ok(ctx.call(pass(gate)).await?)
}

#[test]
fn a_detached_child_outlives_its_parent() {
    for (round, world) in worlds().into_iter().enumerate() {
        let mut worker = world.worker(definitions![forgetful, long_lived, pass]);
        let client = worker.client().clone();
        let gate = format!("orphan-{round}");
        let handle = worker.wait(client.start(forgetful(gate.clone())));
        assert_eq!(worker.wait(handle.output()), "orphan");
        let orphan = worker.status("orphan");
        assert_eq!(orphan.runtime_status, RuntimeStatus::Running);
        assert_eq!(orphan.tags["kind"], "orphan");
        open(&gate);
        assert_eq!(worker.status("orphan").output, json(gate));
    }
}

#[orchestrator(name = "calls_versioned")]
async fn without_version(ctx: OrchestrationContext) -> Option<String> {
    ctx.version().map(Into::into)
}

#[orchestrator(name = "calls_versioned", version = "1")]
async fn version_1(ctx: OrchestrationContext) -> Option<String> {
    ctx.version().map(Into::into)
}

#[orchestrator(name = "calls_versioned", version = "2")]
async fn version_2(ctx: OrchestrationContext) -> Option<String> {
    ctx.version().map(Into::into)
}

#[orchestrator]
async fn calls_all(ctx: OrchestrationContext) -> Result<Vec<Option<String>>, String> {
    let by_name = || SubOrchestratorByName::new("calls_versioned");
    let children = [
        ctx.call(by_name().version("1")),
        ctx.call(by_name().version("")),
        ctx.call(by_name()),
    ];
    let typed = (
        ctx.call(without_version()).await?,
        ctx.call(version_1()).await?,
        ctx.call(version_2()).await?,
    );
    let mut versions = vec![typed.0, typed.1, typed.2];
    versions.extend(ctx.try_join_all(children).await?);
    Ok(versions)
}

#[test]
fn a_typed_child_is_of_its_own_version_and_one_by_name_of_the_newest() {
    for world in worlds() {
        let definitions = definitions![calls_all, without_version, version_1, version_2];
        let mut worker = world.worker(definitions);
        let client = worker.client().clone();
        let handle = worker.wait(client.start(calls_all()));
        let [one, two] = ["1", "2"].map(|version| Some(version.to_owned()));
        assert_eq!(
            worker.wait(handle.output()),
            [None, one.clone(), two.clone(), one, None, two]
        );
        let typed = worker.wait(client.start(without_version()));
        assert_eq!(worker.wait(typed.output()), None);
    }
}

thread_local! {
    static ATTEMPTS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

#[derive(DurableError, Debug, PartialEq, thiserror::Error, Serialize, Deserialize)]
enum Trouble {
    #[error("try again")]
    Passing,
    #[error("give up")]
    Lasting,
}

#[activity]
async fn note(id: String, fails: usize) -> Result<usize, Trouble> {
    let so_far = ATTEMPTS.with_borrow_mut(|attempts| {
        attempts.push(id.clone());
        attempts.iter().filter(|other| **other == id).count()
    });
    match so_far {
        so_far if so_far <= fails => Err(Trouble::Passing),
        9 => Err(Trouble::Lasting),
        so_far => Ok(so_far),
    }
}

#[orchestrator]
async fn unreliable(
    ctx: OrchestrationContext,
    name: String,
    fails: usize,
) -> Result<usize, Trouble> {
    Ok(ctx.call(note(name, fails)).await?)
}

#[orchestrator]
async fn persistent(ctx: OrchestrationContext) -> Result<Vec<usize>, Trouble> {
    let policy = RetryPolicy::new(5, 10 * SECOND);
    let children = [
        ctx.call(unreliable("a".into(), 2).retry(policy.clone())),
        ctx.call(unreliable("b".into(), 3).id("same").retry(policy.clone())),
    ];
    let attempts = ctx.try_join_all(children).await?;
    // The condition ends it long before the policy would.
    let is_passing = |error: &CallError<Trouble>| error.returned() == Some(&Trouble::Passing);
    let call = note("c".into(), 8)
        .retry(RetryPolicy::new(100, SECOND))
        .retry_if(is_passing);
    match ctx.call(call).await {
        Err(CallError::Returned {
            error: Trouble::Lasting,
            ..
        }) => Ok(attempts),
        other => panic!("{other:?}"),
    }
}

#[test]
fn children_and_activities_are_tried_again_as_the_call_says() {
    for world in worlds() {
        ATTEMPTS.take();
        let mut worker = world.worker(definitions![persistent, unreliable, note]);
        let client = worker.client().clone();
        let began = worker.now();
        let handle = worker.wait(client.start(persistent()));
        assert_eq!(worker.wait(handle.output()), [3, 4]);
        // Three times ten seconds for the slower child, and eight times one for the activity.
        assert_eq!(worker.now().duration_since(began).as_secs(), 38);
        assert_eq!(ATTEMPTS.with_borrow(Vec::len), 3 + 4 + 9);
        assert_eq!(worker.status("same").output, json(4));
    }
}

thread_local! {
    static DRAWN: Cell<u32> = const { Cell::new(0) };
}

#[orchestrator]
async fn draws(ctx: OrchestrationContext) -> (u32, u32, bool) {
    #[steadfast::allow(statics, reason = "it is called in side effects only")]
    let draw = || {
        DRAWN.set(DRAWN.get() + 1);
        DRAWN.get()
    };
    let first = ctx.side_effect(draw);
    ctx.create_timer(SECOND).await;
    let second = ctx.side_effect(draw);
    ctx.create_timer(SECOND).await;
    (first, second, ctx.patched("new"))
}

#[test]
fn a_side_effect_happens_once_however_often_it_is_replayed() {
    for world in worlds() {
        DRAWN.set(0);
        let mut worker = world.worker(definitions![draws]);
        let client = worker.client().clone();
        let handle = worker.wait(client.start(draws().id("d")));
        worker.run_until_idle();
        drop(worker);
        let mut worker = world.worker(definitions![draws]);
        drop(handle);
        let handle = worker.instance("d");
        assert_eq!(
            worker.wait(handle.output_as::<(u32, u32, bool)>()),
            (1, 2, true)
        );
        assert_eq!(DRAWN.get(), 2);
    }
}
