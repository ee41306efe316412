use steadfast::prelude::*;

#[derive(DurableError, Debug, thiserror::Error, Serialize, Deserialize)]
#[error("busy")]
#[durable_error(skip(CallError))]
pub struct GreetError;

fn main() {}
