use steadfast::prelude::*;

#[activity(retry = 3)]
async fn say_hello(city: String) -> String {
    city
}

fn main() {}
