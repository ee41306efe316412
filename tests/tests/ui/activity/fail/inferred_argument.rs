use steadfast::prelude::*;

#[activity]
async fn say_hello(city: _) -> String {
    format!("Hello {city}!")
}

fn main() {}
