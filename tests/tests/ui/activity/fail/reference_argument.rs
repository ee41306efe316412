use steadfast::prelude::*;

#[activity]
async fn say_hello(city: &str) -> String {
    format!("Hello {city}!")
}

fn main() {}
