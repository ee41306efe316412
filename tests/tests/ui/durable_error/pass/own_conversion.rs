//! A conversion that the derive would make can be written by hand.

use serde::{Deserialize, Serialize};
use steadfast::{CallError, DurableError, EventError};

#[derive(DurableError, Debug, PartialEq, thiserror::Error, Serialize, Deserialize)]
#[durable_error(skip_from(CallError))]
enum OrderError {
    #[error("the bank said: {0}")]
    Bank(String),
    #[error("unknown")]
    Unknown,
}

impl From<CallError<String>> for OrderError {
    fn from(error: CallError<String>) -> Self {
        match error {
            CallError::Returned { error, .. } => Self::Bank(error),
            _ => Self::Unknown,
        }
    }
}

fn convert(error: CallError<String>) -> Result<(), OrderError> {
    Err(error)?
}

fn event(error: EventError) -> Result<(), OrderError> {
    Err(error)?
}

fn main() {
    let _ = event;
    let error = CallError::Returned { error: "no".to_owned(), failure: Box::default() };
    assert_eq!(convert(error), Err(OrderError::Bank("no".to_owned())));
}
