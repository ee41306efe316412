use steadfast::prelude::*;

#[activity]
async fn say_hello(city: String) -> String
where
    String: Clone,
{
    city
}

fn main() {}
