use steadfast::prelude::*;

#[activity(name = E1_SayHello)]
async fn say_hello(city: String) -> String {
    city
}

fn main() {}
