//! Failure: an orchestrator that returns an error ends as `Failed`, and the error is its output.

use steadfast::prelude::*;

/// What [`always_fails()`] returns. A client that knows the type gets the same value back.
#[derive(DurableError, Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("this orchestration always fails")]
pub struct Failing;

/// Fails, whatever its input.
///
/// # Errors
///
/// Always.
#[orchestrator(name = "AlwaysFails")]
pub async fn always_fails(_ctx: OrchestrationContext) -> Result<(), Failing> {
    Err(Failing)
}
