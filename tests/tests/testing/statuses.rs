//! The custom statuses that an orchestration has published.

use serde_json::{Value, json};
use steadfast::prelude::*;
use steadfast::testing::TestHub;

use crate::support::{DAY, HOUR, failure_of, hello_sequence};

#[orchestrator]
async fn countdown(ctx: OrchestrationContext<u32>, from: u32) {
    ctx.set_custom_status(from);
    ctx.create_timer(DAY).await;
    if from > 0 {
        // A new execution, with a history of its own.
        ctx.continue_as_new(countdown(from - 1)).await
    }
}

#[test]
fn the_whole_sequence_is_told_also_over_executions() {
    let hub = TestHub::new();
    let countdown = hub.start(countdown(3).initial_status(100));
    countdown.output().unwrap();
    assert_eq!(countdown.custom_statuses(), [100, 3, 2, 1, 0]);
}

#[test]
fn a_restart_loses_none() {
    let hub = TestHub::new();
    let countdown = hub.start(countdown(3));
    hub.advance(DAY + HOUR);
    assert_eq!(countdown.custom_statuses(), [3, 2]);
    hub.restart();
    countdown.output().unwrap();
    assert_eq!(countdown.custom_statuses(), [3, 2, 1, 0]);
}

#[test]
fn a_status_is_waited_for() {
    let hub = TestHub::new();
    let countdown = hub.start(countdown(3));
    let begin = hub.now();
    assert_eq!(countdown.wait_custom_status(|n| *n == 3), 3);
    assert_eq!(hub.now(), begin);
    assert_eq!(countdown.wait_custom_status(|n| *n < 2), 1);
    assert_eq!(hub.now().duration_since(begin).unsigned_abs(), 2 * DAY);
    let message = failure_of(|| {
        countdown.wait_custom_status(|n| *n == 3);
    });
    assert!(
        message.starts_with("`countdown-1` has ended without such a custom status"),
        "{message}"
    );
}

#[orchestrator]
async fn untyped(ctx: OrchestrationContext) -> Result<(), String> {
    ctx.set_custom_status(json!({"step": 1}))
        .map_err(|error| error.to_string())?;
    ctx.create_timer(HOUR).await;
    ctx.clear_custom_status();
    ctx.create_timer(HOUR).await;
    ctx.set_custom_status("two")
        .map_err(|error| error.to_string())?;
    ctx.create_timer(HOUR).await;
    // Nobody sees the same twice.
    ctx.set_custom_status("two")
        .map_err(|error| error.to_string())
}

#[test]
fn untyped_ones_are_read_as_what_the_test_says() {
    let hub = TestHub::new();
    let untyped = hub.start(untyped());
    untyped.output().unwrap();
    assert_eq!(
        untyped.custom_statuses_as::<Value>(),
        [json!({"step": 1}), json!("two")]
    );
    let texts: Vec<_> = untyped.custom_statuses();
    assert_eq!(texts[1].as_json(), "\"two\"");
    let message = failure_of(|| drop(untyped.custom_statuses_as::<u32>()));
    assert!(
        message.starts_with("the custom status {\"step\":1} of `untyped-1` cannot be read as `u32`: invalid type: map"),
        "{message}"
    );
}

#[test]
fn statuses_of_one_episode_are_one() {
    let hub = TestHub::new();
    let hello = hub.start(hello_sequence(vec!["Tokyo".into(), "Oslo".into()]));
    hello.output().unwrap();
    let statuses = hello.custom_statuses();
    assert_eq!(
        statuses.iter().map(BoundedStr::as_str).collect::<Vec<_>>(),
        ["Tokyo", "Oslo"]
    );
}
