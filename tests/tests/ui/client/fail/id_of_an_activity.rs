use steadfast::prelude::*;

#[activity]
async fn say_hello(city: String) -> String {
    city
}

fn main() {
    let _ = say_hello("Tokyo".into()).id("demo");
}
