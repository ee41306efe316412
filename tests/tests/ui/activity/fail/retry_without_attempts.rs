use steadfast::prelude::*;

#[activity(retry(first_interval = "1s"))]
async fn say_hello(city: String) -> String {
    city
}

fn main() {}
