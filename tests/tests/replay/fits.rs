//! Histories that the code fits, in every state that an instance can be in.

use std::time::Duration;

use steadfast::definitions;
use steadfast::prelude::*;
use steadfast::testing::replay;

use crate::support::{World, child, count, everything, history, pack, send, ship, weigh};

/// One that failed until it was repaired; the activity decides by a global of the test's thread.
mod rewound {
    use std::cell::Cell;

    use super::*;

    thread_local! {
        pub(super) static BROKEN: Cell<bool> = const { Cell::new(true) };
    }

    #[activity]
    pub(super) async fn ask() -> Result<u32, String> {
        if BROKEN.get() {
            return Err("nobody is there".into());
        }
        Ok(7)
    }

    #[orchestrator]
    pub(super) async fn asking(ctx: OrchestrationContext) -> Result<u32, String> {
        ctx.set_custom_status("asking")
            .map_err(|error| error.to_string())?;
        let answer = ctx.call(ask()).await;
        ctx.set_custom_status("asked")
            .map_err(|error| error.to_string())?;
        Ok(answer?)
    }
}

#[test]
fn a_completed_one_with_a_child_a_timer_and_recorded_values() {
    let world = World::new();
    let mut worker = world.worker(definitions![everything, child, pack]);
    let client = worker.client().clone();
    let handle = worker
        .block_on(client.start(everything(7).id("all")))
        .unwrap();
    let output = worker.block_on(handle.output()).unwrap();
    assert_eq!(output, "parcel 7 7");
    let whole = history(&mut worker, "all");
    assert_eq!(whole.runtime_status, RuntimeStatus::Completed);
    replay(&whole).against(definitions![everything]);
    replay(&whole).in_full().against(definitions![everything]);

    let child_id = format!("{}:0000", whole.execution_id);
    let of_child = history(&mut worker, &child_id);
    assert_eq!(of_child.name, "child");
    replay(&of_child).in_full().against(definitions![child]);
}

#[test]
fn each_generation_of_one_that_continues_as_new() {
    let world = World::new();
    let mut worker = world.worker(definitions![count]);
    let client = worker.client().clone();
    let handle = worker.block_on(client.start(count(1).id("count"))).unwrap();
    for generation in 1..=3 {
        let waiting = history(&mut worker, "count");
        let first = &waiting.episodes[0];
        // From the second on, it begins with the custom status of the one before.
        assert_eq!(first.custom_status.is_some(), generation > 1);
        replay(&waiting).in_full().against(definitions![count]);
        worker
            .block_on(handle.raise_event_named("next", &true))
            .unwrap();
    }
    let ended = history(&mut worker, "count");
    assert_eq!(ended.runtime_status, RuntimeStatus::Completed);
    replay(&ended).in_full().against(definitions![count]);
}

#[test]
fn a_failed_one_and_the_same_one_rewound() {
    let world = World::new();
    let mut worker = world.worker(definitions![rewound::asking, rewound::ask]);
    let client = worker.client().clone();
    let handle = worker
        .block_on(client.start(rewound::asking().id("asking")))
        .unwrap();
    let failed = history(&mut worker, "asking");
    assert_eq!(failed.runtime_status, RuntimeStatus::Failed);
    replay(&failed).against(definitions![rewound::asking]);

    for ends in [RuntimeStatus::Failed, RuntimeStatus::Completed] {
        rewound::BROKEN.set(ends == RuntimeStatus::Failed);
        worker.block_on(handle.rewind(Some("again"))).unwrap();
        let rewound = history(&mut worker, "asking");
        assert_eq!(rewound.runtime_status, ends);
        replay(&rewound).against(definitions![rewound::asking]);
    }
}

#[test]
fn one_that_waits_is_suspended_and_goes_on() {
    let world = World::new();
    let mut worker = world.worker(definitions![ship::first, pack, send]);
    let client = worker.client().clone();
    let handle = worker
        .block_on(client.start(ship::first(7).id("order")))
        .unwrap();
    let waiting = history(&mut worker, "order");
    worker.block_on(handle.suspend(Some("lunch"))).unwrap();
    worker
        .block_on(handle.raise_event_named("address", "here"))
        .unwrap();
    let suspended = history(&mut worker, "order");
    assert_eq!(suspended.runtime_status, RuntimeStatus::Suspended);
    assert_eq!(suspended.inbox.len(), 1);
    worker.block_on(handle.resume(None)).unwrap();
    let completed = history(&mut worker, "order");
    assert_eq!(completed.runtime_status, RuntimeStatus::Completed);
    for history in [waiting, suspended, completed] {
        replay(&history)
            .in_full()
            .against(definitions![ship::first]);
    }
}

#[test]
fn one_that_has_not_begun_runs_nothing_and_its_input_is_read() {
    let world = World::new();
    let mut worker = world.worker(definitions![ship::first, pack, send]);
    let client = worker.client().clone();
    let later = ship::first(7).id("order").start_at(Duration::from_secs(60));
    worker.block_on(client.start(later)).unwrap();
    let pending = history(&mut worker, "order");
    assert_eq!(pending.runtime_status, RuntimeStatus::Pending);
    replay(&pending).against(definitions![ship::first]);
    let error = replay(&pending)
        .try_against(definitions![ship::retyped])
        .unwrap_err();
    assert!(
        error.message.contains("the input cannot be decoded"),
        "{error}"
    );
}

#[test]
fn one_that_was_terminated_is_replayed_up_to_there() {
    let world = World::new();
    let mut worker = world.worker(definitions![ship::first, pack, send]);
    let client = worker.client().clone();
    let begun = worker
        .block_on(client.start(ship::first(7).id("begun")))
        .unwrap();
    let later = ship::first(7).id("later").start_at(Duration::from_secs(60));
    let later = worker.block_on(client.start(later)).unwrap();
    worker.run_until_idle();
    worker.block_on(begun.terminate(Some("no"))).unwrap();
    worker.block_on(later.terminate(Some("no"))).unwrap();
    for id in ["begun", "later"] {
        let terminated = history(&mut worker, id);
        assert_eq!(terminated.runtime_status, RuntimeStatus::Terminated);
        replay(&terminated).against(definitions![ship::first]);
    }
    let begun = history(&mut worker, "begun");
    let error = replay(&begun).try_against(definitions![ship::weighing]);
    assert!(error.is_err(), "what it did before is compared");
}

#[test]
fn one_that_is_set_aside_fits_the_code_that_it_was_made_by() {
    let world = World::new();
    let mut worker = world.worker(definitions![ship::first, pack, send]);
    let client = worker.client().clone();
    worker
        .block_on(client.start(ship::first(7).id("order")))
        .unwrap();
    worker.run_until_idle();
    drop(worker);
    let mut worker = world.worker(definitions![ship::weighing, weigh, send]);
    let handle = worker.client().instance("order").unwrap();
    worker
        .block_on(handle.raise_event_named("address", "here"))
        .unwrap();
    worker.run_until_idle();
    let status = worker.block_on(handle.status()).unwrap();
    assert!(status.stalled.is_some());
    let aside = history(&mut worker, "order");
    replay(&aside).against(definitions![ship::first]);
    assert!(
        replay(&aside)
            .try_against(definitions![ship::weighing])
            .is_err()
    );
}

#[test]
fn a_patch_lets_old_histories_be() {
    let world = World::new();
    let mut worker = world.worker(definitions![ship::first, pack, send]);
    let client = worker.client().clone();
    worker
        .block_on(client.start(ship::first(7).id("order")))
        .unwrap();
    let old = history(&mut worker, "order");
    replay(&old).against(definitions![ship::patched]);
}
