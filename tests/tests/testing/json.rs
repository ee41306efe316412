//! Values that JSON does not keep are told where they are given.

use serde_json::json;
use std::collections::BTreeMap;
use steadfast::prelude::*;
use steadfast::testing::TestHub;

use crate::support::{HOUR, failure_of};

#[derive(Clone, Serialize, Deserialize)]
struct Report {
    means: Vec<f64>,
}

#[activity]
async fn measure(of: Vec<f64>) -> Report {
    let sum: f64 = of.iter().sum();
    let mean = sum / of.iter().map(|_| 1.0).sum::<f64>();
    Report { means: vec![mean] }
}

#[orchestrator]
async fn survey(ctx: OrchestrationContext, of: Vec<f64>) -> Result<f64, String> {
    Ok(ctx.call(measure(of)).await?.means[0])
}

#[activity]
async fn find(name: Option<Option<String>>) -> Option<()> {
    name.flatten().map(|_| ())
}

#[orchestrator]
async fn search(ctx: OrchestrationContext, name: String) -> Result<bool, String> {
    let name = Some((!name.is_empty()).then_some(name));
    Ok(ctx.call(find(name)).await?.is_some())
}

#[test]
fn a_number_that_json_does_not_have_fails_the_activity() {
    let hub = TestHub::new();
    let empty = hub.start(survey(Vec::new())).output().unwrap_err();
    assert_eq!(
        empty.to_string(),
        "the orchestration failed: `measure` failed: the output of the activity `measure` cannot be encoded as JSON: `.means[0]` is \
         NaN, and JSON has no such number"
    );
    // It is not set aside, as it would be with a result that nobody can read.
    assert!(hub.instance("survey-1").status().is_terminal());
}

#[test]
fn an_argument_that_json_does_not_have_is_named() {
    let hub = TestHub::new();
    let message = failure_of(|| drop(hub.start(survey(vec![1.0, f64::INFINITY]))));
    assert!(
        message.contains(
            "the argument `of` of the orchestrator `survey` cannot be encoded as JSON: `[1]` is inf, and JSON has no such number"
        ),
        "{message}"
    );
}

#[test]
fn a_mock_returns_nothing_that_would_be_another_value() {
    let hub = TestHub::new();
    let means = vec![1.0, f64::NAN];
    let message = failure_of(|| drop(hub.mock(measure).returns(Report { means })));
    assert_eq!(
        message,
        "the output of the activity `measure` cannot be encoded as JSON: `.means[1]` is NaN, and JSON has no such number"
    );
    let message = failure_of(|| drop(hub.mock(find).returns(Some(()))));
    assert_eq!(
        message,
        "the output of the activity `find` changes on its way: it is a `Some` of what is null, and is read back as `None`"
    );
    let by_name = failure_of(|| drop(hub.mock_by_name("Far").returns(f64::NAN)));
    assert_eq!(
        by_name,
        "the output of the activity `Far` cannot be encoded as JSON: it is NaN, and JSON has no such number"
    );
    hub.mock(find).returns(None);
    assert!(!hub.start(search("x".into())).output().unwrap());
}

#[test]
fn an_argument_that_changes_on_its_way_fails_the_test() {
    let hub = TestHub::new();
    let message = failure_of(|| drop(hub.start(search(String::new())).output()));
    assert!(
        message.starts_with(
            "the argument `name` of the activity `find` changes on its way: it is a `Some` of what is null, and is read back as `None`"
        ),
        "{message}"
    );
}

#[test]
fn an_output_that_changes_on_its_way_fails_the_test() {
    let hub = TestHub::new();
    let message = failure_of(|| drop(hub.start(search("x".into())).output()));
    assert!(
        message.starts_with("the output of the activity `find` changes on its way: it is a `Some`"),
        "{message}"
    );
}

#[orchestrator]
async fn pairs(ctx: OrchestrationContext) -> BTreeMap<(u8, u8), u8> {
    ctx.create_timer(HOUR).await;
    [((1, 2), 3)].into()
}

#[test]
fn a_key_that_is_no_text_fails_what_returns_it() {
    let hub = TestHub::new();
    let status = hub.start(pairs()).wait_for_completion();
    let failure = status.failure.unwrap();
    assert_eq!(
        failure.error_message,
        "the output of the orchestrator `pairs` cannot be encoded as JSON: key must be a string"
    );
}

#[orchestrator]
async fn far(ctx: OrchestrationContext) -> Result<u32, String> {
    Ok(ctx.call_activity::<u32>("Far", ()).await?)
}

#[test]
fn a_mock_by_name_with_another_type_is_named() {
    let hub = TestHub::new();
    hub.mock_by_name("Far").returns("seven");
    let far = hub.start(far());
    let message = failure_of(|| drop(far.output()));
    let (first, rest) = message.split_once('\n').unwrap();
    assert!(
        first.contains(": the recorded result of activity `Far` at "),
        "{message}"
    );
    let (_, why) = first.split_once(" cannot be decoded: ").unwrap();
    let expected = "not of the type `u32`: invalid type: string \"seven\", expected u32; its mock returns a `&str`, at tests";
    assert!(why.starts_with(expected), "{message}");
    assert!(why.contains("testing/json.rs:"), "{message}");
    // The reason is told once.
    assert!(
        rest.contains("`far-1` (`far`) is Running, and is set aside"),
        "{message}"
    );
    assert_eq!(message.matches("invalid type").count(), 1, "{message}");
}

#[test]
fn a_mock_by_name_that_computes_another_type_is_named_too() {
    let hub = TestHub::new();
    hub.mock_by_name("Far").with(|_| Ok(json!({"seven": 7})));
    let far = hub.start(far());
    let message = failure_of(|| drop(far.output()));
    assert!(
        message
            .contains("cannot be decoded: not of the type `u32`: invalid type: map, expected u32"),
        "{message}"
    );
}
