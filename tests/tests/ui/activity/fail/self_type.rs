use steadfast::prelude::*;

struct Greeter;

impl Greeter {
    #[activity]
    async fn say_hello(city: String) -> String {
        Self::greeting() + &city
    }

    fn greeting() -> String {
        "Hello ".to_owned()
    }
}

fn main() {}
