use serde::{Deserialize, Serialize};
use steadfast::DurableError;

#[derive(DurableError, Debug, thiserror::Error, Serialize, Deserialize)]
pub enum GreetError {
    #[error("busy")]
    #[retry]
    #[no_retry]
    Busy,
}

fn main() {}
