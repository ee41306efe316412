use steadfast::prelude::*;

#[derive(DurableError, Debug, thiserror::Error, Serialize)]
#[error("busy")]
pub struct GreetError;

fn main() {}
