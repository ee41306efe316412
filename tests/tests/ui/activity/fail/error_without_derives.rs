use steadfast::prelude::*;

pub enum GreetError {
    Busy,
}

#[activity]
async fn say_hello(_city: String) -> Result<String, GreetError> {
    Err(GreetError::Busy)
}

fn main() {}
