use steadfast::prelude::*;

#[activity]
async fn say_hello(city: &str, guests: &[String]) -> String {
    format!("Hello {city} and {guests:?}!")
}

fn main() {}
