use serde::{Deserialize, Serialize};
use steadfast::DurableError;

#[derive(DurableError, Debug, thiserror::Error, Serialize, Deserialize)]
#[durable_error(skip_from(Call), from_call_error = false)]
#[error("busy")]
struct Busy;

fn main() {}
