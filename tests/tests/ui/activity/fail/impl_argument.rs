use steadfast::prelude::*;

#[activity]
async fn say_hello(city: impl ToString) -> String {
    city.to_string()
}

fn main() {}
