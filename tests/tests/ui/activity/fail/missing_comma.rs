use steadfast::prelude::*;

#[activity(name = "E1_SayHello" timeout = "30s")]
async fn say_hello(city: String) -> String {
    city
}

fn main() {}
