use steadfast::prelude::*;

#[activity(retry(max_attempts = 3, first_interval = "1s", max_attempts = 4))]
async fn say_hello(city: String) -> String {
    city
}

fn main() {}
