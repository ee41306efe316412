//! A test that cannot go on says why.

use std::time::Duration;

use steadfast::prelude::*;
use steadfast::testing::TestHub;

use crate::support::{Approved, HOUR, failure_of, hello_sequence, say_hello};

#[orchestrator]
async fn wait_for_approval(ctx: OrchestrationContext) -> Result<bool, String> {
    let approved = ctx.wait_for_external_event::<Approved>().await;
    Ok(approved.map_err(|error| error.to_string())?.0)
}

#[test]
fn nothing_can_happen_any_more() {
    let hub = TestHub::new();
    let _other = hub.start(wait_for_approval().id("other"));
    let approval = hub.start(wait_for_approval().id("mine"));
    let message = failure_of(|| drop(approval.output()));
    assert!(
        message
            .starts_with("`mine` cannot end: nothing can happen any more\nat 2026-01-01T00:00:00Z"),
        "{message}"
    );
    for id in ["mine", "other"] {
        let expected = format!(
            "\n  `{id}` (`wait_for_approval`) is Running\n    waits for the event `Approved`, asked for at "
        );
        assert!(message.contains(&expected), "{message}");
    }
    assert!(message.contains("testing/errors.rs:"), "{message}");
}

#[test]
fn a_mock_that_never_returns_is_named() {
    let hub = TestHub::new();
    hub.mock(say_hello).never_returns();
    let hello = hub.start(hello_sequence(vec!["Tokyo".into()]));
    let message = failure_of(|| drop(hello.output()));
    assert!(
        message.contains("waits for the activity `say_hello` (attempt 1 of 1), whose mock never returns, asked for at"),
        "{message}"
    );
}

#[test]
fn a_mock_without_an_answer_is_named() {
    let hub = TestHub::new();
    let _mock = hub.mock(say_hello);
    let hello = hub.start(hello_sequence(vec!["Tokyo".into()]));
    let message = failure_of(|| drop(hello.output()));
    assert!(
        message.starts_with(
            "the mock of activity `say_hello` of instance `hello_sequence-1` (attempt 1): it has no answer: write"
        ),
        "{message}"
    );
}

#[test]
fn a_mock_that_is_asked_too_often_is_named() {
    let hub = TestHub::new();
    hub.mock(say_hello).with(|city| city).times(2);
    let cities = ["Tokyo", "Seattle", "London"];
    let hello = hub.start(hello_sequence(cities.map(str::to_owned).to_vec()));
    let message = failure_of(|| drop(hello.output()));
    assert!(
        message.contains("it has no answer left, after 2: add one"),
        "{message}"
    );
}

#[test]
fn what_is_said_of_no_answer_is_refused() {
    let hub = TestHub::new();
    let message = failure_of(|| drop(hub.mock(say_hello).times(2)));
    assert_eq!(message, "`times` is about the answer in front of it");
    let message = failure_of(|| drop(hub.mock(say_hello).after(HOUR)));
    assert_eq!(message, "`after` is about the answer in front of it");
}

#[orchestrator]
async fn call_stranger(ctx: OrchestrationContext) -> Result<String, String> {
    let stranger = ctx.call_activity::<String>("Stranger", 1);
    // Whoever waits for the end would wait in vain, and see the timer only.
    match ctx.timeout(HOUR, stranger).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Ok("nobody".into()),
    }
}

#[test]
fn an_activity_that_nobody_has_is_named() {
    let hub = TestHub::new();
    let stranger = hub.start(call_stranger());
    let message = failure_of(|| drop(stranger.output()));
    assert!(
        message.starts_with(
            "`call_stranger-1` (`call_stranger`) does not advance: activity `Stranger`, called at"
        ),
        "{message}"
    );
    assert!(
        message.contains("is not registered in this program"),
        "{message}"
    );
}

#[test]
fn it_is_told_when_a_name_comes_too_late() {
    let hub = TestHub::new();
    let _stranger = hub.start(call_stranger());
    let message = failure_of(|| drop(hub.mock_by_name("Stranger").returns("me")));
    assert_eq!(
        message,
        "this program has no activity `Stranger`, and the worker runs already: mock it before the hub is first used"
    );
}

#[orchestrator]
async fn not_deterministic(ctx: OrchestrationContext) -> Result<String, String> {
    Ok(ctx.call(say_hello(once())).await?)
}

fn once() -> String {
    use std::sync::atomic::{AtomicU32, Ordering};
    static CALLS: AtomicU32 = AtomicU32::new(0);
    CALLS.fetch_add(1, Ordering::Relaxed).to_string()
}

#[test]
fn code_that_is_not_deterministic_is_found_in_each_test() {
    let hub = TestHub::new();
    let wrong = hub.start(not_deterministic());
    let message = failure_of(|| drop(wrong.output()));
    assert!(
        message.starts_with("`not_deterministic-1` (`not_deterministic`) does not advance: "),
        "{message}"
    );
    assert!(hub.calls(say_hello).is_empty());
    let status = wrong.status();
    assert!(status.stalled.is_some());
    // It is in nobody's way.
    let other = hub.start(hello_sequence(vec!["Tokyo".into()]));
    assert_eq!(other.output().unwrap(), ["Hello Tokyo!"]);
}

#[orchestrator]
async fn call_wrong(ctx: OrchestrationContext) -> Result<String, String> {
    let child = ctx.call(not_deterministic().id("child"));
    match ctx.timeout(HOUR, child).await {
        Ok(output) => Ok(output?),
        Err(_) => Ok("late".into()),
    }
}

#[test]
fn a_child_that_is_set_aside_is_named() {
    let hub = TestHub::new();
    let parent = hub.start(call_wrong());
    let message = failure_of(|| drop(parent.output()));
    assert!(
        message.starts_with("`child` (`not_deterministic`) does not advance: "),
        "{message}"
    );
}

#[activity]
async fn doze() {
    #[allow(clippy::disallowed_methods, reason = "that is what is wrong with it")]
    tokio::time::sleep(Duration::from_secs(1)).await;
}

#[orchestrator]
async fn call_doze(ctx: OrchestrationContext) -> Result<(), String> {
    Ok(ctx.call(doze()).await?)
}

#[test]
fn an_activity_that_needs_a_runtime_is_named() {
    let hub = TestHub::new();
    let doze = hub.start(call_doze());
    let message = failure_of(|| drop(doze.output()));
    assert!(
        message.starts_with(
            "activity `doze` of instance `call_doze-1` (attempt 1) uses a timer, socket or task of an async runtime, and a hub has none"
        ),
        "{message}"
    );
}

#[tokio::test]
async fn an_activity_that_waits_for_a_runtime_is_named() {
    let hub = TestHub::new();
    let doze = hub.start(call_doze());
    let message = failure_of(|| drop(doze.output()));
    assert!(
        message.contains("waits for the activity `doze` (attempt 1 of 1), which runs for real and waits for something that is not of the hub"),
        "{message}"
    );
}

#[orchestrator]
async fn endless(ctx: OrchestrationContext) {
    ctx.create_timer(HOUR).await;
    ctx.continue_as_new(endless()).await
}

#[test]
fn what_never_ends_is_told() {
    let hub = TestHub::new();
    let endless = hub.start(endless());
    let message = failure_of(|| drop(endless.output()));
    assert!(
        message.starts_with(
            "it has not come to an end after 50000 steps of the worker\n  `endless-1` has had "
        ),
        "{message}"
    );
    assert!(
        message.contains("\nwhat goes on for ever is watched with `hub.advance(..)`")
            && message.contains("hub.max_steps(..)"),
        "{message}"
    );
    assert!(message.contains("waits for a timer, until 20"), "{message}");
}

#[test]
fn a_request_that_is_refused_is_told() {
    let hub = TestHub::new();
    let hello = hub.start(hello_sequence(Vec::new()));
    hello.output().unwrap();
    let message = failure_of(|| hello.raise_event_named("Go", &1));
    assert!(
        message.starts_with("the event `Go` is refused: instance `hello_sequence-1` has ended"),
        "{message}"
    );
    assert!(message.ends_with("every instance has ended"), "{message}");
    let message = failure_of(|| drop(hub.instance("nobody").status()));
    assert!(
        message.starts_with("there is no instance `nobody`"),
        "{message}"
    );
    let message = failure_of(|| drop(hub.start(hello_sequence(Vec::new()).id(""))));
    assert!(message.starts_with("`` cannot be started: "), "{message}");
}
