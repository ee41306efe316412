use steadfast::prelude::*;

#[activity(crate = "steadfast")]
async fn say_hello(city: String) -> String {
    city
}

fn main() {}
