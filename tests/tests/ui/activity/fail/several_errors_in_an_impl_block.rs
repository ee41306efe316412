use steadfast::prelude::*;

struct Greeter;

impl Greeter {
    #[activity]
    async fn say_hello(city: String) -> String {
        format!("Hello {city}!")
    }
}

fn main() {}
