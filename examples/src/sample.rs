//! Arbitrary data as the custom status.

use schemars::JsonSchema;
use steadfast::EventError;
use steadfast::prelude::*;

/// What is published: `{"nextActions":["A","B","C"],"foo":2}`.
#[derive(CustomStatus, JsonSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sample {
    next_actions: [BoundedStr<16>; 3],
    foo: i32,
}

/// The event that lets [`custom_status_sample()`] end.
#[derive(ExternalEvent, Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Proceed;

/// Publishes the sample, and runs until it is told to proceed.
///
/// # Errors
///
/// When the event has a payload.
#[orchestrator(name = "CustomStatusSample")]
pub async fn custom_status_sample(ctx: OrchestrationContext<Sample>) -> Result<(), EventError> {
    ctx.set_custom_status(Sample {
        next_actions: ["A", "B", "C"].map(BoundedStr::truncated),
        foo: 2,
    });
    let Proceed = ctx.wait_for_external_event().await?;
    Ok(())
}
