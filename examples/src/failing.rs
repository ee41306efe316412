//! Failure: an orchestrator that returns an error ends as `Failed`, and the error is its output. One whose activity failed goes on when
//! it is rewound.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

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

/// The other side is not there.
#[derive(DurableError, Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("the other side is not there; rewind this orchestration to ask again")]
pub struct NotThere;

/// Asks the other side, and fails when it is not there: for the first time. Rewound, it completes with the answer.
///
/// # Errors
///
/// [`NotThere`], until it is rewound.
#[orchestrator(name = "FailsUntilRewound")]
pub async fn fails_until_rewound(ctx: OrchestrationContext) -> Result<String, NotThere> {
    Ok(ctx.call(ask()).await?)
}

/// The executions that have asked once. A real activity would ask someone outside of this program.
static ASKED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Plays that the other side is back when an execution asks for the second time.
///
/// # Errors
///
/// [`NotThere`] at the first time.
#[activity(name = "Ask")]
pub async fn ask(ctx: ActivityContext) -> Result<String, NotThere> {
    let mut asked = ASKED.lock().unwrap_or_else(PoisonError::into_inner);
    let execution = ctx.execution_id().to_string();
    if asked.insert(execution) {
        return Err(NotThere);
    }
    Ok("the other side is back".to_owned())
}
