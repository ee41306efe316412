//! Whose result, request or creation it is, when several executions had the same id.

use futures_util::future::join3;
use steadfast::prelude::*;
use steadfast::testing::CommitFault;
use steadfast::{ClientError, InstanceStatus, definitions};

use crate::support::{Worker as _, World, call_pass, entered, open, pass, wait_for_go};

/// It ends with the event, while its call still runs.
#[orchestrator]
async fn leave_open(ctx: OrchestrationContext, gate: String) -> Result<(), String> {
    ctx.call(pass(gate)).detach();
    let end: Result<(), _> = ctx.wait_for_external_event_named("end").await;
    end.map_err(|error| error.to_string())
}

fn assert_waits(status: &InstanceStatus) {
    assert_eq!(
        (status.runtime_status, &status.output, &status.stalled),
        (RuntimeStatus::Running, &None, &None)
    );
}

#[test]
fn the_result_of_an_ended_execution_is_not_its_successors() {
    let mut worker = World::new().worker(definitions![leave_open, call_pass, pass]);
    let client = worker.client().clone();
    let ended = worker.wait(client.start(leave_open("old".into()).id("a")));
    worker.wait(ended.raise_event_named("end", &()));
    worker.wait(ended.wait_for_completion());
    let successor = worker.wait(client.start(call_pass("new".into()).id("a")));
    worker.run_until_idle();

    open("old");
    assert_waits(&worker.status("a"));
    open("new");
    assert_eq!(worker.wait(successor.output()), "new");
}

#[test]
fn the_result_of_a_replaced_execution_is_not_its_successors() {
    for max_live_instances in [0, 100] {
        let world = World {
            max_live_instances,
            ..World::new()
        };
        let mut worker = world.worker(definitions![call_pass, pass]);
        let client = worker.client().clone();
        worker.wait(client.start(call_pass("old".into()).id("a")));
        worker.run_until_idle();
        let start = call_pass("new".into()).id("a");
        let successor = worker.wait(client.start(start.on_existing(OnExisting::ReplaceAny)));
        worker.run_until_idle();

        open("old");
        assert_waits(&worker.status("a"));
        open("new");
        assert_eq!(worker.wait(successor.output()), "new");
    }
}

#[test]
fn a_replacement_whose_acknowledgement_is_lost_runs() {
    let (fault, world) = World::breakable();
    let mut worker = world.worker(definitions![wait_for_go, call_pass, pass]);
    let client = worker.client().clone();
    worker.wait(client.start(wait_for_go().id("a")));
    worker.run_until_idle();

    *fault.lock().unwrap() = Some(CommitFault::Unacknowledged);
    let start = call_pass("new".into()).id("a");
    let answer = worker.block_on(client.start(start.on_existing(OnExisting::ReplaceAny)));
    assert!(matches!(answer, Err(ClientError::Store(_))));
    worker.settle();
    let status = worker.status("a");
    assert_eq!(status.name, "call_pass");
    assert_waits(&status);
    assert_eq!(entered("new"), 1);
}

#[test]
fn an_event_behind_the_end_of_a_replaced_instance_is_answered_as_the_one_before_it() {
    let world = World {
        max_live_instances: 0,
        ..World::new()
    };
    let mut worker = world.worker(definitions![wait_for_go]);
    let client = worker.client().clone();
    let instance = worker.wait(client.start(wait_for_go().id("a")));
    worker.run_until_idle();

    // One episode gets both events, and its commit comes behind the replacement.
    let replace = wait_for_go().id("a").on_existing(OnExisting::ReplaceAny);
    let (end, behind, replaced) = worker.block_on(join3(
        instance.raise_event_named("go", "end"),
        instance.raise_event_named("go", "behind"),
        client.start(replace),
    ));
    replaced.unwrap();
    for raised in [end, behind] {
        assert!(
            matches!(raised, Err(ClientError::NotFound { .. })),
            "{raised:?}"
        );
    }
}
