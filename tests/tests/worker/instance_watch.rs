//! Watching all instances that match.

use std::cell::Cell;
use std::future::Future as _;
use std::pin::pin;
use std::task::{Context, Waker};

use steadfast::prelude::*;
use steadfast::store::memory::MemoryStore;
use steadfast::testing::SingleThreaded;
use steadfast::{InstanceEvent, InstanceFilter, InstanceWatch, StartByName, definitions};

use crate::support::{ShortWalks, Worker as _, World, at};

/// Publishes each number that it is told, and ends at 0.
#[orchestrator]
async fn follow(ctx: OrchestrationContext) -> Result<(), String> {
    loop {
        let told: u32 = ctx
            .wait_for_external_event_named("next")
            .await
            .map_err(|error| error.to_string())?;
        ctx.set_custom_status(told)
            .map_err(|error| error.to_string())?;
        if told == 0 {
            return Ok(());
        }
    }
}

thread_local! {
    static IS_REPAIRED: Cell<bool> = const { Cell::new(false) };
}

/// Succeeds when it is asked for the second time.
#[activity]
async fn try_once_more() -> Result<(), String> {
    match IS_REPAIRED.replace(true) {
        true => Ok(()),
        false => Err("not yet".to_owned()),
    }
}

#[orchestrator]
async fn repairs(ctx: OrchestrationContext) -> Result<(), String> {
    Ok(ctx.call(try_once_more()).await?)
}

fn worker() -> SingleThreaded {
    World::new().worker(definitions![follow, repairs, try_once_more])
}

fn start(worker: &mut SingleThreaded, id: &str) {
    start_with(worker, StartByName::new("follow").id(id));
}

fn start_with(worker: &mut SingleThreaded, start: StartByName) {
    let client = worker.client().clone();
    worker.wait(client.start_by_name(start));
    worker.run_until_idle();
}

fn tell(worker: &mut SingleThreaded, id: &str, number: u32) {
    let instance = worker.instance(id);
    worker.wait(instance.raise_event_named("next", &number));
    worker.run_until_idle();
}

fn running() -> InstanceFilter {
    InstanceFilter::new().runtime_status([RuntimeStatus::Running])
}

/// The next events, each in a few words.
fn next(worker: &mut SingleThreaded, watch: &mut InstanceWatch, count: usize) -> Vec<String> {
    let event = |event| match event {
        InstanceEvent::Reset => "reset".to_owned(),
        InstanceEvent::Complete => "complete".to_owned(),
        InstanceEvent::Left(id) => format!("{id} left"),
        InstanceEvent::Change(change) => {
            let status = change.custom_status.as_ref();
            let status = status.map_or("none", CustomStatus::as_json);
            let (id, runtime_status) = (&change.instance_id, change.runtime_status);
            match change.skipped {
                0 => format!("{id} {runtime_status} {status}"),
                skipped => format!("{id} {runtime_status} {status} behind {skipped}"),
            }
        }
        other => panic!("{other:?}"),
    };
    (0..count)
        .map(|_| event(worker.wait(watch.next())))
        .collect()
}

#[test]
fn those_that_match_are_told_and_then_what_becomes_of_them() {
    let mut worker = worker();
    start(&mut worker, "a");
    start(&mut worker, "b");
    tell(&mut worker, "b", 7);
    let mut watch = worker.client().watch_instances(running());
    assert_eq!(
        next(&mut worker, &mut watch, 4),
        ["reset", "a Running none", "b Running 7", "complete"]
    );
    start(&mut worker, "c");
    tell(&mut worker, "a", 1);
    tell(&mut worker, "a", 2);
    tell(&mut worker, "b", 0);
    tell(&mut worker, "c", 3);
    assert_eq!(
        next(&mut worker, &mut watch, 5),
        [
            "c Running none",
            "a Running 1",
            "a Running 2",
            "b left",
            "c Running 3"
        ]
    );
    assert_eq!(worker.client().open_watches(), 1);
    drop(watch);
    assert_eq!(worker.client().open_watches(), 0);
}

#[test]
fn what_happens_while_they_are_told_is_told_once_and_never_backwards() {
    let mut worker = worker();
    start(&mut worker, "a");
    start(&mut worker, "b");
    let mut watch = worker.client().watch_instances(InstanceFilter::new());
    assert_eq!(next(&mut worker, &mut watch, 1), ["reset"]);
    tell(&mut worker, "a", 1);
    tell(&mut worker, "a", 2);
    tell(&mut worker, "b", 0);
    // One page holds all of them: read when the first of it is asked for.
    assert_eq!(
        next(&mut worker, &mut watch, 3),
        ["a Running 2", "b Completed 0", "complete"]
    );
    tell(&mut worker, "a", 3);
    assert_eq!(next(&mut worker, &mut watch, 1), ["a Running 3"]);
    start(&mut worker, "b");
    assert_eq!(
        next(&mut worker, &mut watch, 2),
        ["b Pending none", "b Running none"]
    );
}

#[test]
fn only_what_meets_every_condition_is_told() {
    let mut worker = worker();
    let filter = InstanceFilter::new()
        .name("FOLLOW")
        .id_prefix("order-")
        .tag("customer", "7");
    let mut watch = worker.client().watch_instances(filter);
    assert_eq!(next(&mut worker, &mut watch, 2), ["reset", "complete"]);
    let tagged =
        |id: &str, customer: &str| StartByName::new("follow").id(id).tag("customer", customer);
    start_with(&mut worker, tagged("order-1", "8"));
    start_with(&mut worker, tagged("offer-2", "7"));
    start_with(&mut worker, StartByName::new("follow").id("order-3"));
    start_with(&mut worker, tagged("order-4", "7"));
    assert_eq!(
        next(&mut worker, &mut watch, 2),
        ["order-4 Pending none", "order-4 Running none"]
    );
}

#[test]
fn what_is_purged_or_replaced_has_left() {
    let mut worker = worker();
    let ended = InstanceFilter::new().runtime_status([RuntimeStatus::Completed]);
    let mut watch = worker.client().watch_instances(ended);
    assert_eq!(next(&mut worker, &mut watch, 2), ["reset", "complete"]);
    for id in ["a", "b", "c"] {
        start(&mut worker, id);
        tell(&mut worker, id, 0);
        let expected = [format!("{id} Completed 0")];
        assert_eq!(next(&mut worker, &mut watch, 1), expected);
    }
    let instance = worker.instance("a");
    worker.wait(instance.purge());
    start(&mut worker, "b");
    assert_eq!(next(&mut worker, &mut watch, 2), ["a left", "b left"]);
    let client = worker.client().clone();
    worker.wait(client.purge_where(InstanceFilter::new()));
    assert_eq!(next(&mut worker, &mut watch, 2), ["reset", "complete"]);
    // One that deletes nothing changes nothing.
    assert_eq!(worker.wait(client.purge_where(InstanceFilter::new())), 0);
    start(&mut worker, "d");
    tell(&mut worker, "d", 0);
    assert_eq!(next(&mut worker, &mut watch, 1), ["d Completed 0"]);
}

/// As long as nothing else is told of it.
#[test]
fn what_has_left_is_told_once() {
    let mut worker = worker();
    let some = [RuntimeStatus::Running, RuntimeStatus::Completed];
    let mut watch = worker
        .client()
        .watch_instances(InstanceFilter::new().runtime_status(some));
    assert_eq!(next(&mut worker, &mut watch, 2), ["reset", "complete"]);
    for _ in 0..2 {
        start(&mut worker, "a");
        let instance = worker.instance("a");
        worker.wait(instance.suspend(None));
        worker.wait(instance.terminate(None));
        assert_eq!(
            next(&mut worker, &mut watch, 2),
            ["a Running none", "a left"]
        );
    }
    // It is replaced before it runs, and then purged.
    let client = worker.client().clone();
    let later = StartByName::new("follow").id("a").start_at(at(1_000));
    worker.wait(client.start_by_name(later));
    let instance = worker.instance("a");
    worker.wait(instance.terminate(None));
    worker.wait(instance.purge());
    start(&mut worker, "b");
    tell(&mut worker, "b", 0);
    assert_eq!(
        next(&mut worker, &mut watch, 2),
        ["b Running none", "b Completed 0"]
    );
    // Once it was told anew, it may leave anew.
    start(&mut worker, "b");
    assert_eq!(
        next(&mut worker, &mut watch, 2),
        ["b left", "b Running none"]
    );
}

#[test]
fn a_reader_that_is_too_slow_begins_anew() {
    let mut worker = worker();
    start(&mut worker, "a");
    start(&mut worker, "b");
    let mut watch = worker.client().watch_instances(running());
    next(&mut worker, &mut watch, 4);
    tell(&mut worker, "b", 0);
    for number in 0..4_096 {
        tell(&mut worker, "a", 1 + number % 2);
    }
    tell(&mut worker, "a", 3);
    assert_eq!(
        next(&mut worker, &mut watch, 3),
        ["reset", "a Running 3", "complete"]
    );
    tell(&mut worker, "a", 4);
    assert_eq!(next(&mut worker, &mut watch, 1), ["a Running 4"]);
}

#[test]
fn what_the_store_had_is_not_followed_by_what_was_before() {
    let mut worker = worker();
    start_with(&mut worker, StartByName::new("repairs").id("a"));
    let mut watch = worker.client().watch_instances(InstanceFilter::new());
    assert_eq!(
        next(&mut worker, &mut watch, 3),
        ["reset", "a Failed none", "complete"]
    );
    let instance = worker.instance("a");
    worker.wait(instance.rewind(None));
    worker.run_until_idle();
    start(&mut worker, "b");
    let told = next(&mut worker, &mut watch, 2);
    assert!(told[0].starts_with("a Completed none"), "{told:?}");
    assert_eq!(told[1], "b Pending none");
}

#[test]
fn a_replacement_that_does_not_match_is_told_also_without_a_status_to_match() {
    let mut worker = worker();
    let filter = InstanceFilter::new().tag("customer", "7");
    let mut watch = worker.client().watch_instances(filter);
    assert_eq!(next(&mut worker, &mut watch, 2), ["reset", "complete"]);
    let tagged = StartByName::new("follow").id("a").tag("customer", "7");
    start_with(&mut worker, tagged);
    tell(&mut worker, "a", 0);
    assert_eq!(
        next(&mut worker, &mut watch, 3),
        ["a Pending none", "a Running none", "a Completed 0"]
    );
    start(&mut worker, "a");
    assert_eq!(next(&mut worker, &mut watch, 1), ["a left"]);
}

#[test]
fn of_those_that_ended_nothing_is_kept() {
    let world = World::new();
    let mut worker = world.worker(definitions![follow]);
    for id in ["a", "b", "c"] {
        start(&mut worker, id);
    }
    tell(&mut worker, "a", 0);
    let listed = |worker: &mut SingleThreaded| {
        let mut watch = worker.client().watch_instances(InstanceFilter::new());
        next(worker, &mut watch, 5);
        watch
    };
    // It has just ended, and something older of it may not have been told yet.
    let mut watch = listed(&mut worker);
    assert!(format!("{watch:?}").contains("shown: 3"), "{watch:?}");
    world.clock.set(at(60));
    tell(&mut worker, "b", 0);
    next(&mut worker, &mut watch, 1);
    assert!(format!("{watch:?}").contains("shown: 1"), "{watch:?}");
    world.clock.set(at(120));
    let watch = listed(&mut worker);
    assert!(format!("{watch:?}").contains("shown: 1"), "{watch:?}");
}

#[test]
fn a_list_comes_to_its_end_however_much_happens_meanwhile() {
    const COUNT: usize = 250;
    let mut worker = worker();
    let ids: Vec<_> = (0..COUNT).map(|number| format!("i-{number:03}")).collect();
    for id in &ids {
        start(&mut worker, id);
    }
    let mut watch = worker.client().watch_instances(running());
    assert_eq!(next(&mut worker, &mut watch, 1), ["reset"]);
    // More than is kept for listeners, of instances that were told, are read already, and are not.
    let mut told = Vec::new();
    for round in 0..COUNT {
        for number in 0..20 {
            tell(&mut worker, &ids[(round * 7 + number * 13) % COUNT], 1);
        }
        told.extend(next(&mut worker, &mut watch, 1));
    }
    for (id, told) in ids.iter().zip(&told) {
        assert!(told.starts_with(&format!("{id} Running")), "{told}");
    }
    assert_eq!(next(&mut worker, &mut watch, 1), ["complete"]);
    tell(&mut worker, "i-000", 2);
    let mut last = String::new();
    while last != "i-000 Running 2" {
        last = next(&mut worker, &mut watch, 1).remove(0);
        assert_ne!(last, "reset");
    }
}

#[test]
fn what_is_read_and_not_told_yet_is_told_as_it_is() {
    let mut worker = worker();
    for id in ["a", "b", "c", "d", "e"] {
        start(&mut worker, id);
    }
    let mut watch = worker.client().watch_instances(running());
    assert_eq!(
        next(&mut worker, &mut watch, 2),
        ["reset", "a Running none"]
    );
    tell(&mut worker, "b", 5);
    tell(&mut worker, "c", 0);
    tell(&mut worker, "a", 6);
    tell(&mut worker, "a", 7);
    // One that was told has ended, and so has one that was not: another takes the place of each.
    tell(&mut worker, "a", 0);
    start(&mut worker, "a");
    tell(&mut worker, "e", 0);
    start(&mut worker, "e");
    assert_eq!(
        next(&mut worker, &mut watch, 6),
        [
            "a left",
            "b Running 5",
            "d Running none",
            "complete",
            "a Running none",
            "e Running none"
        ]
    );
}

#[test]
fn what_took_the_place_of_one_that_was_told_is_told_behind_it() {
    let mut worker = worker();
    for id in ["a", "b", "c"] {
        start(&mut worker, id);
        tell(&mut worker, id, 0);
    }
    let ended = InstanceFilter::new().runtime_status([RuntimeStatus::Completed]);
    let mut watch = worker.client().watch_instances(ended);
    assert_eq!(next(&mut worker, &mut watch, 2), ["reset", "a Completed 0"]);
    for id in ["a", "b"] {
        start(&mut worker, id);
    }
    assert_eq!(
        next(&mut worker, &mut watch, 3),
        ["a left", "c Completed 0", "complete"]
    );
    tell(&mut worker, "a", 0);
    assert_eq!(next(&mut worker, &mut watch, 1), ["a Completed 0"]);
}

#[test]
fn what_the_store_has_before_it_is_told_is_told_once() {
    let mut worker = worker();
    start(&mut worker, "a");
    let instance = worker.instance("a");
    let mut telling = pin!(instance.raise_event_named("next", &0));
    let mut context = Context::from_waker(Waker::noop());
    while !worker.wait(instance.status()).is_terminal() {
        let _ = telling.as_mut().poll(&mut context);
        assert!(worker.step());
    }
    let mut watch = worker.client().watch_instances(InstanceFilter::new());
    assert_eq!(
        next(&mut worker, &mut watch, 3),
        ["reset", "a Completed 0", "complete"]
    );
    worker.run_until_idle();
    start(&mut worker, "b");
    assert_eq!(next(&mut worker, &mut watch, 1), ["b Pending none"]);
}

#[test]
fn one_that_left_does_not_leave_again_when_it_is_purged() {
    let mut worker = worker();
    start(&mut worker, "a");
    let mut watch = worker.client().watch_instances(running());
    next(&mut worker, &mut watch, 3);
    let instance = worker.instance("a");
    worker.wait(instance.terminate(None));
    worker.wait(instance.purge());
    start(&mut worker, "b");
    assert_eq!(
        next(&mut worker, &mut watch, 2),
        ["a left", "b Running none"]
    );
}

#[orchestrator]
async fn fill(_ctx: OrchestrationContext, length: usize) -> String {
    "x".repeat(length)
}

#[test]
fn large_outputs_displace_nothing() {
    let mut worker = World::new().worker(definitions![fill]);
    let ended = InstanceFilter::new().runtime_status([RuntimeStatus::Completed]);
    let mut watch = worker.client().watch_instances(ended);
    assert_eq!(next(&mut worker, &mut watch, 2), ["reset", "complete"]);
    let length = 200_000;
    for number in 0..100 {
        let start = StartByName::new("fill").input(length);
        start_with(&mut worker, start.id(format!("i-{number}")));
    }
    for number in 0..100 {
        let InstanceEvent::Change(change) = worker.wait(watch.next()) else {
            panic!("something was missed");
        };
        assert_eq!(change.instance_id.as_str(), format!("i-{number}"));
        assert_eq!(change.output.map(|output| output.len()), Some(length + 2));
    }
}

#[test]
fn a_list_goes_on_over_pages_on_which_nothing_matches() {
    let world = World::on(ShortWalks(MemoryStore::new(), 1));
    let mut worker = world.worker(definitions![follow]);
    for id in ["a", "b", "c", "d"] {
        start(&mut worker, id);
    }
    tell(&mut worker, "d", 0);
    let ended = InstanceFilter::new().runtime_status([RuntimeStatus::Completed]);
    let mut watch = worker.client().watch_instances(ended);
    assert_eq!(
        next(&mut worker, &mut watch, 3),
        ["reset", "d Completed 0", "complete"]
    );
}
