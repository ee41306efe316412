use steadfast::prelude::*;

#[derive(DurableError, Debug, thiserror::Error, Serialize, Deserialize)]
#[error("busy")]
pub struct GreetError<T>(T);

fn main() {}
