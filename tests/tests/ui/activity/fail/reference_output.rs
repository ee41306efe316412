use steadfast::prelude::*;

#[activity]
async fn say_hello(_city: String) -> &str {
    "Hello!"
}

fn main() {}
