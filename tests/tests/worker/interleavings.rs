//! Operations that come at a bad moment: between the executions of an instance that continues as new, while it is suspended, set
//! aside or failed, beside children that end meanwhile.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use steadfast::prelude::*;
use steadfast::testing::CommitFault;
use steadfast::{ClientError, definitions};

use crate::support::{Worker as _, World, at, call_pass, entered, json, open, pass, wait_for_go};

thread_local! {
    static FOREIGN: Cell<bool> = const { Cell::new(false) };
    static RUNS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
    static BROKEN: Cell<bool> = const { Cell::new(false) };
}

#[orchestrator]
async fn looper(ctx: OrchestrationContext, left: u32) -> Result<String, String> {
    if left > 0 {
        return ctx.continue_as_new(looper(left - 1)).await;
    }
    let go = ctx.wait_for_external_event_named("go").await;
    go.map_err(|error| error.to_string())
}

#[orchestrator]
async fn sender(ctx: OrchestrationContext) -> Result<(), String> {
    ctx.send_event_named("loop", "go", "sent")
        .map_err(|error| error.to_string())
}

/// A message that an orchestrator sends to one that is continuing as new.
#[test]
fn mail_for_an_instance_that_continues_as_new_is_not_lost() {
    let mut lost = Vec::new();
    for steps in 0..60 {
        let mut worker = World::new().worker(definitions![looper, sender]);
        let client = worker.client().clone();
        worker.wait(client.start(looper(20).id("loop")));
        let sending = client.start(sender().id("sender"));
        for _ in 0..steps {
            worker.step();
        }
        worker.wait(sending);
        worker.settle();
        assert_eq!(
            worker.status("sender").runtime_status,
            RuntimeStatus::Completed
        );
        let status = worker.status("loop");
        if status.runtime_status != RuntimeStatus::Completed {
            lost.push((steps, status.runtime_status));
        }
    }
    assert!(lost.is_empty(), "{lost:?}");
}

#[orchestrator]
async fn keeper(ctx: OrchestrationContext) -> Result<String, String> {
    Ok(ctx.call(looper(20).id("loop")).await?)
}

#[test]
fn a_recursive_termination_reaches_a_child_that_continues_as_new() {
    let mut lost = Vec::new();
    for steps in 0..80 {
        let mut worker = World::new().worker(definitions![looper, keeper]);
        let client = worker.client().clone();
        let handle = worker.wait(client.start(keeper().id("keeper")));
        for _ in 0..steps {
            worker.step();
        }
        worker.wait(handle.terminate_recursive(None));
        worker.settle();
        let child = worker.instance("loop");
        let Some(child) = worker.wait(child.try_status()) else {
            continue;
        };
        if child.runtime_status != RuntimeStatus::Terminated {
            lost.push((steps, child.runtime_status));
        }
    }
    assert!(lost.is_empty(), "{lost:?}");
}

#[orchestrator]
async fn foreign_at_first(ctx: OrchestrationContext, _x: u32) -> Result<String, String> {
    if FOREIGN.get() {
        std::future::pending::<()>().await;
    }
    let go = ctx.wait_for_external_event_named("go").await;
    go.map_err(|error| error.to_string())
}

#[test]
fn an_instance_set_aside_in_its_first_episode_begins_once() {
    FOREIGN.set(true);
    let world = World::new();
    let mut worker = world.worker(definitions![foreign_at_first]);
    let client = worker.client().clone();
    let handle = worker.wait(client.start(foreign_at_first(1).id("a")));
    assert!(worker.status("a").stalled.is_some());
    FOREIGN.set(false);
    drop(worker);
    let mut worker = world.worker(definitions![foreign_at_first]);
    let status = worker.status("a");
    assert_eq!(status.stalled, None);
    let handle = {
        drop(handle);
        worker.instance("a")
    };
    worker.wait(handle.raise_event_named("go", "x"));
    assert_eq!(worker.status("a").output, json("x"));
    let names: Vec<_> = worker
        .wait(handle.history())
        .iter()
        .map(|event| event.kind.name())
        .collect();
    assert_eq!(
        names
            .iter()
            .filter(|name| **name == "ExecutionStarted")
            .count(),
        1,
        "{names:?}"
    );
}

#[orchestrator]
async fn collect(ctx: OrchestrationContext, round: u32) -> Result<Vec<u32>, String> {
    if round == 0 {
        let _: u32 = ctx
            .wait_for_external_event_named("n")
            .await
            .map_err(|error| error.to_string())?;
        return ctx.continue_as_new(collect(1)).await;
    }
    if FOREIGN.get() {
        std::future::pending::<()>().await;
    }
    let mut all = Vec::new();
    for _ in 0..3 {
        all.push(
            ctx.wait_for_external_event_named("n")
                .await
                .map_err(|error| error.to_string())?,
        );
    }
    Ok(all)
}

#[test]
fn carried_events_of_a_stalled_execution_are_not_doubled() {
    FOREIGN.set(true);
    let world = World::new();
    let mut worker = world.worker(definitions![collect]);
    let client = worker.client().clone();
    let handle = worker.wait(client.start(collect(0).id("a")));
    worker.run_until_idle();
    let raised = [1, 2].map(|n| {
        let handle = handle.clone();
        async move { handle.raise_event_named("n", &n).await }
    });
    for answer in worker.block_on(futures_util::future::join_all(raised)) {
        answer.unwrap();
    }
    assert!(worker.status("a").stalled.is_some());
    FOREIGN.set(false);
    worker.wait(handle.retry());
    worker.run_until_idle();
    worker.wait(handle.raise_event_named("n", &3));
    worker.run_until_idle();
    // Two more, in case that they are awaited.
    worker.wait(handle.raise_event_named("n", &4));
    assert_eq!(worker.status("a").output, json([2, 3, 4]));
}

#[orchestrator]
async fn pass_then_go(ctx: OrchestrationContext, gate: String) -> Result<String, String> {
    let passed = ctx.call(pass(gate)).await?;
    let go: String = ctx
        .wait_for_external_event_named("go")
        .await
        .map_err(|error| error.to_string())?;
    Ok(passed + &go)
}

#[test]
fn a_result_for_a_suspended_instance_survives_an_unacknowledged_commit() {
    for fault_kind in [CommitFault::Lost, CommitFault::Unacknowledged] {
        let (fault, world) = World::breakable();
        let mut worker = world.worker(definitions![pass_then_go, pass]);
        let client = worker.client().clone();
        let handle = worker.wait(client.start(pass_then_go("g".into()).id("a")));
        worker.run_until_idle();
        worker.wait(handle.suspend(None));
        worker.run_until_idle();
        *fault.lock().unwrap() = Some(fault_kind);
        open("g");
        worker.settle();
        worker.wait(handle.resume(None));
        worker.settle();
        let status = worker.status("a");
        assert_eq!(status.stalled, None);
        worker.wait(handle.raise_event_named("go", "x"));
        assert_eq!(worker.status("a").output, json("gx"));
        let names: Vec<_> = worker
            .wait(handle.history())
            .iter()
            .map(|event| event.kind.name())
            .collect();
        assert_eq!(
            names
                .iter()
                .filter(|name| **name == "TaskCompleted")
                .count(),
            1,
            "{names:?}"
        );
    }
}

#[activity]
async fn report_and_fail(ctx: ActivityContext) -> Result<u32, String> {
    ctx.heartbeat(&7).map_err(|error| error.to_string())?;
    Err("no".into())
}

#[orchestrator]
async fn fail_then_go(ctx: OrchestrationContext) -> Result<String, String> {
    let _ = ctx.call(report_and_fail()).await;
    let go = ctx.wait_for_external_event_named("go").await;
    go.map_err(|error| error.to_string())
}

#[test]
fn progress_of_an_activity_that_has_failed_is_gone() {
    for max_live_instances in [100, 0] {
        let world = World {
            max_live_instances,
            ..World::new()
        };
        let mut worker = world.worker(definitions![fail_then_go, report_and_fail]);
        let client = worker.client().clone();
        worker.wait(client.start(fail_then_go().id("a")));
        worker.settle();
        assert_eq!(worker.status("a").progress, [], "{max_live_instances}");
    }
}

#[test]
fn an_import_that_was_not_acknowledged_goes_on() {
    let mut here = World::new().worker(definitions![call_pass, pass]);
    let client = here.client().clone();
    let handle = here.wait(client.start(call_pass("import".into()).id("a")));
    here.run_until_idle();
    let exported = here.wait(handle.export());
    let before = entered("import");
    let (fault, world) = World::breakable();
    let mut there = world.worker(definitions![call_pass, pass]);
    let client = there.client().clone();
    *fault.lock().unwrap() = Some(CommitFault::Unacknowledged);
    assert!(there.block_on(client.import(&exported)).is_err());
    there.settle();
    // The client tries again, as it must.
    there.block_on(client.import(&exported)).unwrap();
    there.settle();
    assert_eq!(entered("import"), before + 1);
}

#[activity]
async fn work(name: String) -> Result<String, String> {
    RUNS.with_borrow_mut(|runs| runs.push(name.clone()));
    if BROKEN.get() && name == "main" {
        return Err("broken".into());
    }
    Ok(name)
}

#[orchestrator]
async fn leaf(ctx: OrchestrationContext) -> Result<String, String> {
    ctx.call(work("before".into())).await?;
    Ok(ctx.call(work("main".into())).await?)
}

#[orchestrator]
async fn root(ctx: OrchestrationContext) -> Result<String, String> {
    Ok(ctx.call(leaf().id("leaf")).await?)
}

#[test]
fn a_child_that_was_rewound_by_itself_does_not_run_again_with_its_parent() {
    BROKEN.set(true);
    let mut worker = World::new().worker(definitions![root, leaf, work]);
    let client = worker.client().clone();
    let handle = worker.wait(client.start(root().id("root")));
    worker.settle();
    assert_eq!(worker.status("root").runtime_status, RuntimeStatus::Failed);
    BROKEN.set(false);
    let child = worker.instance("leaf");
    worker.wait(child.rewind(None));
    worker.settle();
    assert_eq!(
        worker.status("leaf").runtime_status,
        RuntimeStatus::Completed
    );
    RUNS.take();
    worker.wait(handle.rewind(None));
    worker.settle();
    assert_eq!(worker.status("root").output, json("main"));
    assert_eq!(RUNS.take(), Vec::<String>::new());
}

#[orchestrator]
async fn tolerant(ctx: OrchestrationContext) -> Result<String, String> {
    let _ = ctx.call(leaf().id("leaf")).await;
    let go = ctx.wait_for_external_event_named("go").await;
    go.map_err(|error| error.to_string())
}

#[test]
fn a_child_rewound_by_itself_does_not_disturb_its_running_parent() {
    BROKEN.set(true);
    for max_live_instances in [100, 0] {
        let world = World {
            max_live_instances,
            ..World::new()
        };
        let mut worker = world.worker(definitions![tolerant, leaf, work]);
        let client = worker.client().clone();
        let handle = worker.wait(client.start(tolerant().id("root")));
        worker.settle();
        BROKEN.set(false);
        let child = worker.instance("leaf");
        worker.wait(child.rewind(None));
        worker.settle();
        assert_eq!(
            worker.status("leaf").runtime_status,
            RuntimeStatus::Completed
        );
        assert_eq!(worker.status("root").stalled, None);
        drop(worker);
        let mut worker = world.worker(definitions![tolerant, leaf, work]);
        let handle = {
            drop(handle);
            worker.instance("root")
        };
        worker.wait(handle.raise_event_named("go", "x"));
        assert_eq!(worker.status("root").output, json("x"));
        BROKEN.set(true);
    }
}

#[orchestrator]
async fn twins(ctx: OrchestrationContext, n: u32) -> Result<u32, String> {
    let calls = (0..n).map(|_| ctx.call(passing_child("twin".into())));
    Ok(ctx.join_all(calls).await.len() as u32)
}

#[orchestrator]
async fn passing_child(ctx: OrchestrationContext, _gate: String) -> Result<u32, String> {
    ctx.create_timer(Duration::from_secs(60)).await;
    Ok(1)
}

#[test]
fn a_suspended_parent_of_many_takes_their_mail() {
    for max_live_instances in [0, 10_000] {
        let world = World {
            max_live_instances,
            ..World::new()
        };
        let mut worker = world.worker(definitions![twins, passing_child]);
        let client = worker.client().clone();
        let handle = worker.wait(client.start(twins(4_000).id("p")));
        worker.run_until_idle();
        worker.wait(handle.suspend(None));
        worker.settle();
        worker.wait(handle.resume(None));
        worker.settle();
        assert_eq!(worker.status("p").output, json(4_000));
    }
}

#[test]
fn an_export_of_a_suspended_instance_keeps_its_events() {
    let mut here = World::new().worker(definitions![wait_for_go]);
    let client = here.client().clone();
    let handle = here.wait(client.start(wait_for_go().id("a")));
    here.run_until_idle();
    here.wait(handle.suspend(None));
    here.wait(handle.raise_event_named("go", "x"));
    let exported = here.wait(handle.export());
    let mut there = World::new().worker(definitions![wait_for_go]);
    let client = there.client().clone();
    let moved = there.block_on(client.import(&exported)).unwrap();
    there.wait(moved.resume(None));
    assert_eq!(there.status("a").output, json("x"));
}

#[orchestrator]
async fn long_timer(ctx: OrchestrationContext) -> u32 {
    let timer = ctx.create_timer(Duration::MAX);
    let _ = ctx.timeout(Duration::MAX, timer).await;
    1
}

#[orchestrator]
async fn long_retry(ctx: OrchestrationContext) -> Result<String, String> {
    let policy = steadfast::RetryPolicy::new(1_000_000, Duration::MAX).backoff_coefficient(1e300);
    Ok(ctx.call(work("main".into()).retry(policy)).await?)
}

#[test]
fn endless_times_do_not_panic() {
    BROKEN.set(true);
    let mut worker = World::new().worker(definitions![long_timer, long_retry, work, wait_for_go]);
    let client = worker.client().clone();
    worker.wait(client.start(long_timer().id("a")));
    worker.wait(client.start(long_retry().id("b")));
    println!(
        "{:?}",
        worker
            .block_on(client.start(wait_for_go().id("c").start_at(Duration::MAX)))
            .map(|_| ())
    );
    worker.run_until_idle();
    for id in ["a", "b"] {
        println!("{:?}", worker.status(id));
    }
}

// ---- interleavings in every way

#[orchestrator]
async fn round_robin(ctx: OrchestrationContext, round: u32, sum: u64) -> Result<u64, String> {
    let add: u64 = ctx
        .wait_for_external_event_named("add")
        .await
        .map_err(|error| error.to_string())?;
    let child = ctx.call(adder(add)).await?;
    let sum = sum + child;
    if round == 3 {
        return Ok(sum);
    }
    ctx.continue_as_new(round_robin(round + 1, sum)).await
}

#[orchestrator]
async fn adder(ctx: OrchestrationContext, n: u64) -> Result<u64, String> {
    ctx.call(work(format!("n{n}"))).await?;
    Ok(n)
}

#[orchestrator]
async fn feeder(ctx: OrchestrationContext) -> Result<(), String> {
    for n in [1u64, 10, 100, 1000] {
        ctx.send_event_named("rr", "add", &n)?;
        ctx.call(work(format!("f{n}"))).await?;
    }
    Ok(())
}

#[test]
fn continue_as_new_with_children_events_and_suspension_in_every_way() {
    crate::everyway::Scenario {
        definitions: || definitions![round_robin, adder, feeder, work],
        ask: |worker| {
            BROKEN.set(false);
            let client = worker.client().clone();
            let handle = crate::everyway::insist(worker, async || {
                client
                    .start(round_robin(0, 0).id("rr").on_existing(OnExisting::Attach))
                    .await
            });
            crate::everyway::insist(worker, async || {
                client
                    .start(feeder().id("feeder").on_existing(OnExisting::Attach))
                    .await
            });
            loop {
                match worker.block_on(handle.suspend(None)) {
                    Ok(()) | Err(ClientError::AlreadyEnded { .. }) => break,
                    Err(ClientError::Store(_)) => {}
                    Err(error) => panic!("{error}"),
                }
            }
            loop {
                match worker.block_on(handle.resume(None)) {
                    Ok(()) | Err(ClientError::AlreadyEnded { .. }) => break,
                    Err(ClientError::Store(_)) => {}
                    Err(error) => panic!("{error}"),
                }
            }
        },
        finish: |worker| {
            worker.settle();
            let end = worker.status("rr");
            assert_eq!(end.output, json(1111), "{end:?}");
            for _ in 0..1 {
                RUNS.take();
            }
        },
    }
    .in_every_way();
}

#[orchestrator]
async fn many(ctx: OrchestrationContext) -> Result<Vec<String>, String> {
    let calls = ["g1", "g2"].map(|gate| ctx.call(call_pass(gate.into()).id(format!("c-{gate}"))));
    let mut all = Vec::new();
    for end in ctx.join_all(calls).await {
        all.push(end.map_err(|error| error.to_string())?);
    }
    Ok(all)
}

#[test]
fn children_end_while_their_parent_is_suspended_in_every_way() {
    crate::everyway::Scenario {
        definitions: || definitions![many, call_pass, pass],
        ask: |worker| {
            let client = worker.client().clone();
            let handle = crate::everyway::insist(worker, async || {
                client
                    .start(many().id("m").on_existing(OnExisting::Attach))
                    .await
            });
            loop {
                match worker.block_on(handle.suspend(None)) {
                    Ok(()) | Err(ClientError::AlreadyEnded { .. }) => break,
                    Err(ClientError::Store(_)) => {}
                    Err(error) => panic!("{error}"),
                }
            }
            for gate in ["g1", "g2"] {
                open(gate);
            }
        },
        finish: |worker| {
            for gate in ["g1", "g2"] {
                open(gate);
            }
            worker.settle();
            let handle = worker.instance("m");
            loop {
                match worker.block_on(handle.resume(None)) {
                    Ok(()) | Err(ClientError::AlreadyEnded { .. }) => break,
                    Err(ClientError::Store(_)) => {}
                    Err(error) => panic!("{error}"),
                }
            }
            worker.settle();
            let end = worker.status("m");
            assert_eq!(end.output, json(["g1", "g2"]), "{end:?}");
        },
    }
    .in_every_way();
}

#[orchestrator]
async fn never_waits(ctx: OrchestrationContext) -> Result<(), String> {
    let go = ctx.wait_for_external_event_named::<()>("go").await;
    go.map_err(|error| error.to_string())
}

#[test]
fn a_delayed_start_with_events_suspended_over_its_time() {
    for max_live_instances in [100, 0] {
        let world = World {
            max_live_instances,
            ..World::new()
        };
        let mut worker = world.worker(definitions![event_twice]);
        let client = worker.client().clone();
        let handle =
            worker.wait(client.start(event_twice().id("a").start_at(Duration::from_secs(60))));
        worker.wait(handle.raise_event_named("e", &1));
        worker.wait(handle.suspend(None));
        worker.wait(handle.raise_event_named("e", &2));
        worker.settle();
        world.clock.set(at(100));
        worker.settle();
        drop(worker);
        let mut worker = world.worker(definitions![event_twice]);
        worker.settle();
        let handle = {
            drop(handle);
            worker.instance("a")
        };
        worker.wait(handle.resume(None));
        worker.settle();
        assert_eq!(worker.status("a").output, json([1, 2]));
    }
}

#[orchestrator]
async fn event_twice(ctx: OrchestrationContext) -> Result<Vec<u32>, String> {
    let mut all = Vec::new();
    for _ in 0..2 {
        all.push(
            ctx.wait_for_external_event_named("e")
                .await
                .map_err(|error| error.to_string())?,
        );
    }
    Ok(all)
}

#[orchestrator]
async fn child_beside_failure(ctx: OrchestrationContext) -> Result<String, String> {
    let child = ctx.call(call_pass("beside".into()).id("c"));
    let own = ctx.call(work("main".into())).await?;
    Ok(own + &child.await?)
}

#[test]
fn a_child_that_ended_while_its_parent_was_failed_answers_after_a_rewind() {
    BROKEN.set(true);
    let mut worker = World::new().worker(definitions![child_beside_failure, call_pass, pass, work]);
    let client = worker.client().clone();
    let handle = worker.wait(client.start(child_beside_failure().id("p")));
    worker.settle();
    assert_eq!(worker.status("p").runtime_status, RuntimeStatus::Failed);
    assert_eq!(worker.status("c").runtime_status, RuntimeStatus::Running);
    open("beside");
    worker.settle();
    assert_eq!(worker.status("c").runtime_status, RuntimeStatus::Completed);
    BROKEN.set(false);
    worker.wait(handle.rewind(None));
    worker.settle();
    let status = worker.status("p");
    assert_eq!(status.output, json("mainbeside"), "{status:?}");
}

#[orchestrator]
async fn child_joined_with_failure(ctx: OrchestrationContext) -> Result<String, String> {
    let child = async {
        ctx.call(call_pass("joined".into()).id("c"))
            .await
            .map_err(|error| error.to_string())
    };
    let own = async {
        ctx.call(work("main".into()))
            .await
            .map_err(|error| error.to_string())
    };
    let (child, own) = futures_util::future::try_join(child, own).await?;
    Ok(own + &child)
}

#[test]
fn a_child_that_was_withdrawn_by_a_failure_runs_again_after_a_rewind() {
    BROKEN.set(true);
    let mut worker = World::new().worker(definitions![
        child_joined_with_failure,
        call_pass,
        pass,
        work
    ]);
    let client = worker.client().clone();
    let handle = worker.wait(client.start(child_joined_with_failure().id("p")));
    worker.settle();
    assert_eq!(worker.status("p").runtime_status, RuntimeStatus::Failed);
    println!("child: {:?}", worker.status("c").runtime_status);
    BROKEN.set(false);
    worker.wait(handle.rewind(None));
    worker.settle();
    open("joined");
    open("joined");
    worker.settle();
    let status = worker.status("p");
    assert_eq!(status.output, json("mainjoined"), "{status:?}");
}

#[orchestrator]
async fn parent_of_go(ctx: OrchestrationContext) -> Result<String, String> {
    Ok(ctx.call(wait_for_go().id("c")).await?)
}

#[test]
fn a_child_that_its_parent_waits_for_is_not_replaced() {
    let mut worker = World::new().worker(definitions![parent_of_go, wait_for_go]);
    let client = worker.client().clone();
    worker.wait(client.start(parent_of_go().id("p")));
    worker.settle();
    let again = || wait_for_go().id("c").on_existing(OnExisting::ReplaceAny);
    assert!(matches!(
        worker.block_on(client.start(again())),
        Err(ClientError::AlreadyExists { .. })
    ));
    let c = worker.instance("c");
    worker.wait(c.raise_event_named("go", "x"));
    assert_eq!(worker.status("p").output, json("x"));
    worker.wait(client.start(again()));
}

#[test]
fn a_suspended_instance_does_not_buffer_without_a_limit() {
    let mut worker = World::new().worker(definitions![wait_for_go]);
    let client = worker.client().clone();
    let handle = worker.wait(client.start(wait_for_go().id("a")));
    worker.settle();
    worker.wait(handle.suspend(None));
    let mut refused = false;
    for n in 0..steadfast::limits::MAX_BUFFERED_EVENTS + 10 {
        refused |= worker.block_on(handle.raise_event_named("x", &n)).is_err();
    }
    assert!(refused);
}

#[orchestrator]
async fn heartbeat_held(ctx: OrchestrationContext) -> Result<String, String> {
    let _ = ctx.call(report_and_wait()).await;
    let go = ctx.wait_for_external_event_named("go").await;
    go.map_err(|error| error.to_string())
}

#[activity]
async fn report_and_wait(ctx: ActivityContext) -> Result<u32, String> {
    ctx.heartbeat(&1).map_err(|error| error.to_string())?;
    pass::run("held".into()).await;
    ctx.heartbeat(&2).map_err(|error| error.to_string())?;
    Ok(1)
}

#[test]
fn progress_of_an_activity_that_ended_while_suspended_is_gone() {
    for max_live_instances in [100, 0] {
        let world = World {
            max_live_instances,
            ..World::new()
        };
        let mut worker = world.worker(definitions![heartbeat_held, report_and_wait]);
        let client = worker.client().clone();
        let handle = worker.wait(client.start(heartbeat_held().id("a")));
        worker.run_until_idle();
        worker.wait(handle.suspend(None));
        open("held");
        worker.settle();
        worker.wait(handle.resume(None));
        worker.settle();
        assert_eq!(worker.status("a").progress, []);
    }
}

#[orchestrator]
async fn self_sender(ctx: OrchestrationContext, n: u32) -> Result<u32, String> {
    let me = ctx.instance_id().to_string();
    ctx.send_event_named(me, "self", &n)?;
    let got: u32 = ctx
        .wait_for_external_event_named("self")
        .await
        .map_err(|error| error.to_string())?;
    if n == 5 {
        return Ok(got);
    }
    ctx.continue_as_new(self_sender(n + 1)).await
}

#[test]
fn one_that_sends_to_itself_in_every_way() {
    crate::everyway::Scenario {
        definitions: || definitions![self_sender],
        ask: |worker| {
            let client = worker.client().clone();
            crate::everyway::insist(worker, async || {
                client
                    .start(self_sender(0).id("s").on_existing(OnExisting::Attach))
                    .await
            });
        },
        finish: |worker| {
            worker.settle();
            assert_eq!(worker.status("s").output, json(5));
        },
    }
    .in_every_way();
}

#[test]
fn recursive_termination_in_every_way() {
    crate::everyway::Scenario {
        definitions: || definitions![many, call_pass, pass],
        ask: |worker| {
            let client = worker.client().clone();
            let handle = crate::everyway::insist(worker, async || {
                client
                    .start(many().id("m").on_existing(OnExisting::Attach))
                    .await
            });
            loop {
                match worker.block_on(handle.terminate_recursive(None)) {
                    Ok(()) | Err(ClientError::AlreadyEnded { .. }) => break,
                    Err(ClientError::Store(_)) => {}
                    Err(error) => panic!("{error}"),
                }
            }
        },
        finish: |worker| {
            worker.settle();
            for id in ["m", "c-g1", "c-g2"] {
                let instance = worker.instance(id);
                worker.run_until_idle();
                if let Some(status) = worker.wait(instance.try_status()) {
                    assert_eq!(status.runtime_status, RuntimeStatus::Terminated, "{id}");
                }
            }
        },
    }
    .in_every_way();
}

#[test]
fn an_import_whose_answer_was_lost_goes_on_by_itself() {
    let mut here = World::new().worker(definitions![call_pass, pass]);
    let client = here.client().clone();
    let handle = here.wait(client.start(call_pass("import2".into()).id("a")));
    here.run_until_idle();
    let exported = here.wait(handle.export());
    let before = entered("import2");
    let (fault, world) = World::breakable();
    let mut there = world.worker(definitions![call_pass, pass]);
    let client = there.client().clone();
    *fault.lock().unwrap() = Some(CommitFault::Unacknowledged);
    assert!(there.block_on(client.import(&exported)).is_err());
    there.settle();
    assert_eq!(entered("import2"), before + 1);
}

#[activity(retry(max_attempts = 2, first_interval = "0s"))]
async fn report_fail_again(ctx: ActivityContext) -> Result<Option<u32>, String> {
    let before: Option<u32> = ctx.last_heartbeat();
    if ctx.attempt() == 2 {
        return Ok(before);
    }
    ctx.heartbeat(&7).map_err(|error| error.to_string())?;
    Err("no".into())
}

#[orchestrator]
async fn retried(ctx: OrchestrationContext) -> Result<Option<u32>, String> {
    Ok(ctx.call(report_fail_again()).await?)
}

#[test]
fn the_next_attempt_is_told_what_the_one_before_reported() {
    for max_live_instances in [100, 0] {
        let world = World {
            max_live_instances,
            ..World::new()
        };
        let mut worker = world.worker(definitions![retried, report_fail_again]);
        let client = worker.client().clone();
        worker.wait(client.start(retried().id("a")));
        worker.settle();
        assert_eq!(worker.status("a").output, json(7), "{max_live_instances}");
    }
}

#[activity]
async fn report_in_steps(ctx: ActivityContext) -> Result<u32, String> {
    for report in 1..=2 {
        pass::run(format!("report {report}")).await;
        ctx.heartbeat(&report).map_err(|error| error.to_string())?;
    }
    pass::run("end of reports".into()).await;
    Ok(2)
}

#[orchestrator]
async fn call_report_in_steps(ctx: OrchestrationContext) -> Result<u32, String> {
    Ok(ctx.call(report_in_steps()).await?)
}

#[test]
fn a_report_that_comes_with_the_end_of_a_pause_is_seen_and_so_are_those_behind_it() {
    let world = World {
        max_live_instances: 0,
        ..World::new()
    };
    let mut worker = world.worker(definitions![call_report_in_steps, report_in_steps]);
    let client = worker.client().clone();
    let handle = worker.wait(client.start(call_report_in_steps().id("a")));
    worker.run_until_idle();
    worker.wait(handle.suspend(None));
    worker.run_until_idle();
    open("report 1");
    // This step lets the activity report; the next ones would take the report.
    assert!(worker.step());
    worker.wait(handle.resume(None));
    for report in 1..=2 {
        worker.settle();
        let progress = worker.status("a").progress;
        let [progress] = &progress[..] else {
            panic!("no report {report}")
        };
        assert_eq!(progress.details, report.to_string());
        open("report 2");
    }
}

#[activity]
async fn fail_while_broken() -> Result<String, String> {
    pass::run("main".into()).await;
    if BROKEN.get() {
        Err("broken".into())
    } else {
        Ok("main".into())
    }
}

/// Takes no notice when nobody waits for it any more.
#[activity]
async fn stubborn() -> Result<String, String> {
    let run = RUNS.with_borrow_mut(|runs| {
        runs.push("stubborn".into());
        runs.len()
    });
    Ok(pass::run(format!("stubborn {run}")).await)
}

#[orchestrator]
async fn failure_beside_stubborn(ctx: OrchestrationContext) -> Result<String, String> {
    let (main, beside) =
        futures_util::future::try_join(ctx.call(fail_while_broken()), ctx.call(stubborn())).await?;
    Ok(main + &beside)
}

#[test]
fn what_a_withdrawn_activity_returns_is_not_taken_when_it_runs_again_after_a_rewind() {
    RUNS.take();
    BROKEN.set(true);
    let mut worker = World::new().worker(definitions![
        failure_beside_stubborn,
        fail_while_broken,
        stubborn
    ]);
    let client = worker.client().clone();
    let handle = worker.wait(client.start(failure_beside_stubborn().id("a")));
    worker.run_until_idle();
    open("main");
    assert_eq!(worker.status("a").runtime_status, RuntimeStatus::Failed);
    BROKEN.set(false);
    worker.wait(handle.rewind(None));
    worker.run_until_idle();
    assert_eq!(RUNS.with_borrow(Vec::len), 2);
    open("stubborn 1");
    assert_eq!(worker.status("a").runtime_status, RuntimeStatus::Running);
    open("main");
    open("stubborn 2");
    assert_eq!(worker.status("a").output, json("mainstubborn 2"));
}
