use steadfast::prelude::*;

#[derive(DurableError, Debug, thiserror::Error, Serialize, Deserialize)]
pub enum GreetError {
    #[error("busy")]
    #[retry(3)]
    Busy,
}

fn main() {}
