use steadfast::prelude::*;

#[activity(timeout = 30)]
async fn say_hello(city: String) -> String {
    city
}

fn main() {}
