use steadfast::prelude::*;

#[derive(DurableError, Debug, thiserror::Error, Deserialize)]
#[error("busy")]
pub struct GreetError;

fn main() {}
