use steadfast::prelude::*;

#[derive(DurableError, Debug, Serialize, Deserialize)]
pub enum GreetError {
    Busy,
}

fn main() {}
