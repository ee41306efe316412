use steadfast::prelude::*;

struct Greeter(String);

impl Greeter {
    #[activity]
    async fn say_hello(&self, city: String) -> String {
        format!("{} {city}!", self.0)
    }
}

fn main() {}
