use steadfast::prelude::*;

#[activity(events(Approved))]
async fn say_hello(city: String) -> String {
    city
}

fn main() {}
