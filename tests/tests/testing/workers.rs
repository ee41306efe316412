//! The worker of a hub: stores, restarts, deploys and dependencies.

use std::sync::{Arc, Mutex};

use steadfast::prelude::*;
use steadfast::store::memory::MemoryStore;
use steadfast::store::sqlite::SqliteStore;
use steadfast::testing::TestHub;
use steadfast::{Definition, Registered, Registration};

use crate::support::{DAY, HOUR, buy, charge, failure_of, hello_sequence, say_hello};

#[orchestrator]
async fn two_days(ctx: OrchestrationContext) -> Result<Vec<String>, String> {
    let first = ctx.call(say_hello("first".into())).await?;
    ctx.create_timer(DAY).await;
    let second = ctx.call(say_hello("second".into())).await?;
    Ok(vec![first, second])
}

#[test]
fn a_restart_loses_memory_and_nothing_else() {
    let hub = TestHub::new();
    let days = hub.start(two_days());
    hub.advance(HOUR);
    hub.restart();
    assert_eq!(days.output().unwrap(), ["Hello first!", "Hello second!"]);
    assert_eq!(hub.calls(say_hello), ["first", "second"]);
}

#[test]
fn what_ran_at_a_restart_runs_again() {
    let hub = TestHub::new();
    hub.mock(say_hello)
        .returns("slow".into())
        .after(HOUR)
        .returns("other".into());
    let hello = hub.start(hello_sequence(vec!["Tokyo".into()]));
    hub.run_until_idle();
    hub.restart();
    assert_eq!(
        hello.output().unwrap(),
        ["slow"],
        "the same attempt, the same answer"
    );
    let attempts = hub.attempts(say_hello);
    assert_eq!(attempts.len(), 2);
    assert_eq!((attempts[0].number, attempts[1].number), (1, 1));
    assert_eq!(attempts[0].ended, None);
    assert_eq!(hub.calls(say_hello), ["Tokyo"], "it is one call");
}

#[test]
fn a_file_outlives_the_hub() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hub.db");
    {
        let hub = TestHub::on(SqliteStore::open(&path).unwrap());
        let days = hub.start(two_days().id("days"));
        hub.advance(HOUR);
        assert!(!days.status().is_terminal());
    }
    let hub = TestHub::on(SqliteStore::open(&path).unwrap());
    let days = hub.orchestration::<two_days>("days");
    assert_eq!(days.output().unwrap().len(), 2);
    assert_eq!(hub.calls(say_hello), ["second"]);
}

#[test]
fn hubs_share_a_store_one_after_the_other() {
    let store = MemoryStore::new();
    let hub = TestHub::on(store.clone());
    hub.start(two_days().id("days"));
    hub.run_until_idle();
    drop(hub);
    let hub = TestHub::on(store);
    assert!(hub.orchestration::<two_days>("days").output().is_ok());
}

#[orchestrator(name = "two_days_v2")]
async fn two_days_deployed(ctx: OrchestrationContext) -> Result<Vec<String>, String> {
    let first = ctx.call(say_hello("first".into())).await?;
    ctx.create_timer(DAY).await;
    Ok(vec![first])
}

#[test]
fn a_deploy_is_a_restart_with_other_definitions() {
    let hub = TestHub::new();
    hub.definitions(steadfast::definitions![two_days, say_hello]);
    let days = hub.start(two_days());
    hub.advance(HOUR);
    // Two of the same name cannot be linked into one program.
    let deployed = Registration {
        name: two_days::NAME,
        ..two_days_deployed::REGISTRATION
    };
    hub.definitions([deployed, say_hello::REGISTRATION]);
    hub.restart();
    assert_eq!(days.output().unwrap(), ["Hello first!"]);
}

#[activity]
async fn note(notes: Dependency<Mutex<Vec<String>>>, text: String) {
    notes.lock().unwrap().push(text);
}

#[orchestrator]
async fn take_notes(ctx: OrchestrationContext) -> Result<(), String> {
    ctx.call(note("one".into())).await?;
    ctx.create_timer(DAY).await;
    Ok(ctx.call(note("two".into())).await?)
}

#[test]
fn dependencies_are_given_and_replaced() {
    type Notes = Mutex<Vec<String>>;
    let (first, second) = (Arc::new(Notes::default()), Arc::new(Notes::default()));
    let hub = TestHub::new();
    hub.shared_dependency(Arc::clone(&first));
    let notes = hub.start(take_notes());
    hub.run_until_idle();
    hub.shared_dependency(Arc::clone(&second));
    hub.restart();
    notes.output().unwrap();
    assert_eq!(*first.lock().unwrap(), ["one"]);
    assert_eq!(*second.lock().unwrap(), ["two"]);
}

#[test]
fn only_what_runs_for_real_needs_its_dependencies() {
    let hub = TestHub::new();
    let hello = hub.start(hello_sequence(vec!["Tokyo".into()]));
    hello.output().unwrap();
    let notes = hub.start(take_notes());
    let message = failure_of(|| drop(notes.output()));
    assert!(
        message.starts_with(
            "activity `note` of instance `take_notes-2` (attempt 1) takes a `Dependency<std::sync::"
        ),
        "{message}"
    );
    assert!(
        message.contains("give it one before it is first used, with `hub.dependency(..)`, or mock"),
        "{message}"
    );
    let hub = TestHub::new();
    hub.mock(note).returns(());
    hub.start(take_notes()).output().unwrap();
}

trait Clerk: Send + Sync {
    fn name(&self) -> String;
}

#[activity]
async fn ask_clerk(clerk: Dependency<dyn Clerk>) -> String {
    clerk.name()
}

#[orchestrator]
async fn who_is_there(ctx: OrchestrationContext) -> Result<String, String> {
    Ok(ctx.call(ask_clerk()).await?)
}

#[test]
fn how_a_trait_is_given_is_told() {
    struct Smith;

    impl Clerk for Smith {
        fn name(&self) -> String {
            "Smith".into()
        }
    }

    let hub = TestHub::new();
    let clerk = hub.start(who_is_there());
    let message = failure_of(|| drop(clerk.output()));
    assert!(
        message.contains("with `hub.shared_dependency::<dyn ")
            && message.contains("Clerk>(Arc::new(..))`, or mock"),
        "{message}"
    );
    hub.shared_dependency::<dyn Clerk>(Arc::new(Smith));
    hub.restart();
    assert_eq!(clerk.output().unwrap(), "Smith");
}

#[test]
fn an_orchestrator_may_be_replayed_for_every_event() {
    let hub = TestHub::new();
    hub.max_live_instances(0);
    let days = hub.start(two_days());
    assert_eq!(days.output().unwrap().len(), 2);
    assert_eq!(hub.start(buy("visa".into())).output().unwrap(), 4 * 995);
    assert_eq!(hub.calls(charge).len(), 1);
}

#[orchestrator]
async fn parent(ctx: OrchestrationContext) -> Result<Vec<String>, String> {
    Ok(ctx
        .call(hello_sequence(vec!["Oslo".into()]).id("child"))
        .await?)
}

#[test]
fn children_are_instances_of_the_hub() {
    let hub = TestHub::new();
    let parent = hub.start(parent());
    let child = hub.orchestration::<hello_sequence>("child");
    assert_eq!(child.output().unwrap(), ["Hello Oslo!"]);
    assert_eq!(
        child.custom_statuses(),
        [BoundedStr::<16>::truncated("Oslo")]
    );
    assert_eq!(parent.output().unwrap(), ["Hello Oslo!"]);
}
