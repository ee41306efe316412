use steadfast::prelude::*;

#[derive(DurableError, Debug, thiserror::Error, Serialize, Deserialize)]
#[error("busy")]
#[durable_error(skip_from(Error))]
pub struct GreetError;

fn main() {}
