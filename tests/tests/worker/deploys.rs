//! What a new version of a program finds: changed code, missing definitions, broken instances.

use std::cell::Cell;

use steadfast::prelude::*;
use steadfast::{Panics, SuspiciousAwaits, definitions};

use crate::support::{Worker as _, World, entered, json, open, pass, wait_for_go};

thread_local! {
    /// How many orchestrations of [`counted`] are in memory.
    static LIVE: Cell<usize> = const { Cell::new(0) };
}

#[activity]
async fn greet(name: String) -> String {
    format!("Hello {name}!")
}

#[activity]
async fn shout(name: String) -> String {
    name.to_uppercase()
}

/// The orchestrator `flow` as it was written at different times.
mod flow {
    use super::*;

    #[orchestrator(name = "flow")]
    pub(super) async fn first(ctx: OrchestrationContext) -> Result<String, String> {
        let name: String = ctx
            .wait_for_external_event_named("name")
            .await
            .map_err(|error| error.to_string())?;
        let greeting = ctx.call(greet(name)).await?;
        let _: bool = ctx
            .wait_for_external_event_named("end")
            .await
            .map_err(|error| error.to_string())?;
        Ok(greeting)
    }

    #[orchestrator(name = "flow")]
    pub(super) async fn changed(ctx: OrchestrationContext) -> Result<String, String> {
        let name: String = ctx
            .wait_for_external_event_named("name")
            .await
            .map_err(|error| error.to_string())?;
        let greeting = ctx.call(shout(name)).await?;
        let _: bool = ctx
            .wait_for_external_event_named("end")
            .await
            .map_err(|error| error.to_string())?;
        Ok(greeting)
    }
}

/// An instance of `flow` that waits for its second event, in a store without a worker.
fn waiting() -> World {
    let world = World::new();
    let mut worker = world.worker(definitions![flow::first, greet]);
    let client = worker.client().clone();
    let instance = worker.wait(client.start(flow::first().id("a")));
    worker.wait(instance.raise_event_named("name", "Ada"));
    assert_eq!(worker.status("a").runtime_status, RuntimeStatus::Running);
    drop(worker);
    world
}

#[test]
fn changed_code_sets_the_instance_aside_and_loses_no_event() {
    let world = waiting();
    let mut worker = world.worker(definitions![flow::changed, shout]);
    let instance = worker.instance("a");
    let mut watch = instance.watch_custom_status();
    let before = worker.wait(watch.next()).unwrap();
    assert_eq!(before.stalled, None);
    worker.wait(instance.raise_event_named("end", &true));
    let status = worker.status("a");
    assert_eq!(status.runtime_status, RuntimeStatus::Running);
    let told = worker.wait(watch.next()).unwrap();
    assert_eq!(
        (&told.stalled, told.cursor),
        (&status.stalled, before.cursor)
    );
    let stalled = status.stalled.unwrap();
    for part in ["`flow`", "event 0", "`greet`", "`shout`", "deploys.rs:"] {
        assert!(stalled.contains(part), "{stalled}");
    }
    drop(worker);

    let mut worker = world.worker(definitions![flow::first, greet]);
    let status = worker.status("a");
    assert_eq!((status.output, status.stalled), (json("Hello Ada!"), None));
}

#[test]
fn an_instance_that_is_set_aside_can_be_terminated() {
    let world = waiting();
    let mut worker = world.worker(definitions![flow::changed, shout]);
    let instance = worker.instance("a");
    worker.wait(instance.raise_event_named("end", &true));
    worker.wait(instance.terminate(Some("no longer needed")));
    let status = worker.status("a");
    assert_eq!(status.runtime_status, RuntimeStatus::Terminated);
    assert_eq!(
        (status.output, status.stalled),
        (json("no longer needed"), None)
    );
}

#[test]
fn a_missing_orchestrator_or_activity_waits_and_says_so() {
    let world = World::new();
    let mut worker = world.worker(definitions![flow::first]);
    let client = worker.client().clone();
    let instance = worker.wait(client.start(flow::first().id("a")));
    worker.wait(instance.raise_event_named("name", "Ada"));
    worker.wait(instance.raise_event_named("end", &true));
    let stalled = worker.status("a").stalled.unwrap();
    for part in [
        "activity `greet`, called at ",
        "deploys.rs:",
        " is not registered",
    ] {
        assert!(stalled.contains(part), "{stalled}");
    }
    drop(worker);

    let mut worker = world.worker(definitions![greet]);
    let stalled = worker.status("a").stalled.unwrap();
    assert!(
        stalled.contains("orchestrator `flow`: it is not registered"),
        "{stalled}"
    );
    drop(worker);

    let mut worker = world.worker(definitions![flow::first, greet]);
    assert_eq!(worker.status("a").output, json("Hello Ada!"));
}

#[orchestrator]
async fn explosive(ctx: OrchestrationContext) -> u32 {
    let fuse: Result<u32, _> = ctx.wait_for_external_event_named("fuse").await;
    fuse.map_or_else(
        |error| panic!("{error}"),
        |fuse| if fuse == 0 { panic!("boom") } else { fuse },
    )
}

#[test]
fn a_panic_fails_the_instance_or_sets_it_aside() {
    for panics in [Panics::Fail, Panics::SetAside] {
        let world = World {
            panics,
            ..World::new()
        };
        let mut worker = world.worker(definitions![explosive]);
        let client = worker.client().clone();
        let instance = worker.wait(client.start(explosive().id("a")));
        worker.wait(instance.raise_event_named("fuse", &0));
        let status = worker.status("a");
        match panics {
            Panics::Fail => {
                assert_eq!(status.runtime_status, RuntimeStatus::Failed);
                assert_eq!(status.failure.unwrap().error_message, "boom");
            }
            Panics::SetAside => {
                assert_eq!(status.runtime_status, RuntimeStatus::Running);
                assert!(status.stalled.unwrap().contains("boom"));
                worker.wait(instance.retry());
                assert!(worker.status("a").stalled.unwrap().contains("boom"));
            }
        }
    }
}

/// The orchestrator `repaired` before and after its repair.
mod repaired {
    use steadfast::prelude::{OrchestrationContext, orchestrator};

    use crate::support::pass;

    #[orchestrator(name = "repaired")]
    pub(super) async fn before(ctx: OrchestrationContext) -> Result<String, String> {
        #[steadfast::allow(dropped_call, reason = "it is open when the orchestrator panics")]
        let _call = ctx.call(pass("gate".into()));
        let _: Result<(), _> = ctx.wait_for_external_event_named("go").await;
        panic!("boom")
    }

    #[orchestrator(name = "repaired")]
    pub(super) async fn after(ctx: OrchestrationContext) -> Result<String, String> {
        let call = ctx.call(pass("gate".into()));
        let _: Result<(), _> = ctx.wait_for_external_event_named("go").await;
        Ok(call.await?)
    }
}

#[test]
fn an_activity_that_ended_while_its_instance_was_set_aside_does_not_run_again() {
    let world = World {
        panics: Panics::SetAside,
        ..World::new()
    };
    let mut worker = world.worker(definitions![repaired::before, pass]);
    let client = worker.client().clone();
    let instance = worker.wait(client.start(repaired::before().id("a")));
    worker.run_until_idle();
    worker.wait(instance.raise_event_named("go", &()));
    assert!(worker.status("a").stalled.unwrap().contains("boom"));
    open("gate");
    worker.run_until_idle();
    drop(worker);

    let mut worker = world.worker(definitions![repaired::after, pass]);
    assert_eq!(worker.status("a").output, json("gate"));
    assert_eq!(entered("gate"), 1);
}

#[orchestrator]
async fn publish_and_wait(ctx: OrchestrationContext) -> Result<(), String> {
    ctx.set_custom_status("one")
        .map_err(|error| error.to_string())?;
    let end: Result<(), _> = ctx.wait_for_external_event_named("end").await;
    end.map_err(|error| error.to_string())
}

#[test]
fn terminating_an_instance_that_is_not_served_keeps_its_last_status() {
    let world = World::new();
    let mut worker = world.worker(definitions![publish_and_wait]);
    let client = worker.client().clone();
    worker.wait(client.start(publish_and_wait().id("a")));
    worker.run_until_idle();
    drop(worker);

    let mut worker = world.worker(definitions![wait_for_go]);
    let instance = worker.instance("a");
    let mut watch = instance.watch_custom_status();
    worker.wait(watch.next());
    worker.wait(instance.terminate(None));
    let last = worker.wait(watch.next()).unwrap();
    assert_eq!(last.runtime_status, RuntimeStatus::Terminated);
    assert_eq!(last.custom_status.unwrap().as_json(), "\"one\"");
    assert_eq!(
        worker.status("a").custom_status.unwrap().as_json(),
        "\"one\""
    );
}

struct Counted;

impl Counted {
    fn new() -> Self {
        LIVE.set(LIVE.get() + 1);
        Self
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        LIVE.set(LIVE.get() - 1);
    }
}

#[orchestrator]
async fn counted(ctx: OrchestrationContext) -> Result<String, String> {
    let _counted = Counted::new();
    Ok(ctx.call(pass("gate".into())).await?)
}

#[test]
fn no_more_instances_than_allowed_stay_live_after_a_restart() {
    let world = World {
        max_live_instances: 1,
        ..World::new()
    };
    let mut worker = world.worker(definitions![counted]);
    let client = worker.client().clone();
    for id in 0..50 {
        worker.wait(client.start(counted().id(id.to_string())));
    }
    worker.run_until_idle();
    drop(worker);
    assert_eq!(LIVE.get(), 0);

    let mut worker = world.worker(definitions![counted, pass]);
    worker.settle();
    assert_eq!((entered("gate"), LIVE.get()), (50, 1));
}

#[orchestrator]
async fn foreign(ctx: OrchestrationContext) -> u32 {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    #[steadfast::allow(threads, reason = "this is what must be found")]
    std::thread::spawn(move || sender.send(7));
    #[steadfast::allow(dropped_call, reason = "something durable is open")]
    let _guard = ctx.create_timer(std::time::Duration::from_secs(3_600));
    receiver.await.unwrap_or(0)
}

#[test]
fn a_wake_from_another_thread_is_reported_by_name() {
    let world = World {
        suspicious_awaits: SuspiciousAwaits::Report,
        ..World::new()
    };
    let mut worker = world.worker(definitions![foreign]);
    let client = worker.client().clone();
    let instance = worker.wait(client.start(foreign().id("a")));
    let stalled = loop {
        let status = worker.wait(instance.status());
        match status.stalled {
            Some(stalled) => break stalled,
            // The value can be there before it is awaited; then nothing foreign was waited for.
            None if status.is_terminal() => return,
            None => {
                worker.run_until_idle();
                std::thread::yield_now();
            }
        }
    };
    for part in [
        "`foreign` at ",
        "deploys.rs:",
        "not durable",
        "another thread",
    ] {
        assert!(stalled.contains(part), "{stalled}");
    }
}
