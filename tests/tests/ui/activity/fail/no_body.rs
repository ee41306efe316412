use steadfast::prelude::*;

#[activity]
async fn say_hello(city: String) -> String;

fn main() {}
