//! What setting a typed custom status does at run time.

use steadfast::prelude::*;
use steadfast::{BoundedJson, ClientError, CustomStatusError, definitions};

use crate::support::{Worker as _, World};

#[derive(CustomStatus, Serialize, Deserialize, Debug, PartialEq)]
struct Log {
    #[custom_status(unbounded)]
    lines: Vec<String>,
}

fn log(length: usize) -> Log {
    Log {
        lines: vec!["x".repeat(length)],
    }
}

#[orchestrator]
async fn publish_lines(ctx: OrchestrationContext<Log>, lengths: Vec<usize>) -> Vec<bool> {
    lengths
        .into_iter()
        .map(|length| ctx.set_custom_status(log(length)).is_ok())
        .collect()
}

#[orchestrator]
async fn publish_or_fail(ctx: OrchestrationContext<Log>) -> Result<(), CustomStatusError> {
    ctx.set_custom_status(log(1))?;
    ctx.set_custom_status(log(9_000))
}

#[test]
fn an_unbounded_status_that_is_too_large_is_an_error_and_the_previous_one_stays() {
    let mut worker = World::new().worker(definitions![publish_lines]);
    let client = worker.client().clone();
    let around = r#"{"lines":[""]}"#.len();
    let longest = 8_192 - around;
    let lines = worker.wait(client.start(publish_lines(vec![longest, longest + 1]).id("a")));
    assert_eq!(worker.wait(lines.output()), [true, false]);
    let status = worker.status("a").custom_status.unwrap();
    assert_eq!(status.utf16_bytes(), 16_384);
    assert_eq!(status.decode::<Log>().unwrap(), log(longest));
}

#[test]
fn an_unbounded_status_that_is_too_large_can_fail_the_instance() {
    let mut worker = World::new().worker(definitions![publish_or_fail]);
    let client = worker.client().clone();
    worker.wait(client.start(publish_or_fail().id("a")));
    let status = worker.status("a");
    assert_eq!(status.runtime_status, RuntimeStatus::Failed);
    assert_eq!(
        status.custom_status.unwrap().decode::<Log>().unwrap(),
        log(1)
    );
}

#[test]
fn an_initial_status_that_is_too_large_is_an_error_of_the_start() {
    let mut worker = World::new().worker(definitions![publish_lines]);
    let client = worker.client().clone();
    let fitting = publish_lines(Vec::new()).id("a").initial_status(log(7));
    worker.wait(client.start(fitting));
    let begun = worker.status("a").custom_status.unwrap();
    assert_eq!(begun.decode::<Log>().unwrap(), log(7));
    let start = publish_lines(Vec::new()).id("b").initial_status(log(9_000));
    let error = worker.block_on(client.start(start)).unwrap_err();
    assert!(matches!(error, ClientError::CustomStatus(_)), "{error}");
}

/// States a bound that it does not keep to.
#[derive(Serialize)]
struct Liar(String);

impl BoundedJson for Liar {
    const MAX_UNITS: usize = 10;
}

#[orchestrator]
async fn lie(ctx: OrchestrationContext<Liar>) {
    ctx.set_custom_status(Liar("x".repeat(9_000)));
}

#[test]
fn a_bound_that_does_not_hold_fails_the_instance() {
    let mut worker = World::new().worker(definitions![lie]);
    let client = worker.client().clone();
    worker.wait(client.start(lie().id("a")));
    let status = worker.status("a");
    assert_eq!(status.runtime_status, RuntimeStatus::Failed);
    let failure = status.failure.unwrap();
    assert!(
        failure.error_message.contains("Liar` breaks its bound"),
        "{failure:?}"
    );
}
