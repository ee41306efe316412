//! Orchestrators that wait: for an approval, for a word to leave, for a long time. What operators do to an instance is tried out
//! on these, since they stay as long as they are let.

use std::time::Duration;

use serde_json::Value;
use steadfast::EventError;
use steadfast::prelude::*;

/// The event that [`wait_for_approval()`] waits for, with whatever the one who approves has to say.
#[derive(ExternalEvent, Clone, Debug, Serialize, Deserialize)]
pub struct Approval(pub Value);

/// Waits for an approval, and returns what came with it.
///
/// # Errors
///
/// When what came with it cannot be read.
#[orchestrator(name = "WaitForApproval")]
pub async fn wait_for_approval(ctx: OrchestrationContext) -> Result<Value, EventError> {
    let Approval(words) = ctx.wait_for_external_event().await?;
    Ok(words)
}

/// The event that [`stay_in_london()`] waits for.
#[derive(ExternalEvent, Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Leave;

/// Publishes that it is in London, and stays there until it is told to leave.
///
/// # Errors
///
/// When the event has a payload.
#[orchestrator(name = "StayInLondon")]
pub async fn stay_in_london(ctx: OrchestrationContext<BoundedStr<16>>) -> Result<(), EventError> {
    ctx.set_custom_status(BoundedStr::truncated("London"));
    let Leave = ctx.wait_for_external_event().await?;
    Ok(())
}

/// How many seconds [`long_timer()`] waits when it is not told.
pub const A_WEEK: u64 = 7 * 24 * 60 * 60;

/// Waits for so many seconds, or for a week, and returns how many those were.
#[orchestrator(name = "LongTimer")]
pub async fn long_timer(ctx: OrchestrationContext, seconds: Option<u64>) -> u64 {
    let seconds = seconds.unwrap_or(A_WEEK);
    ctx.create_timer(Duration::from_secs(seconds)).await;
    seconds
}
