use steadfast::prelude::*;

#[derive(DurableError, Debug, thiserror::Error, Serialize, Deserialize)]
#[error("busy")]
pub struct GreetError;

impl From<CallError<String>> for GreetError {
    fn from(_: CallError<String>) -> Self {
        Self
    }
}

fn main() {}
