use steadfast::prelude::*;

use std::borrow::Cow;

#[activity]
async fn say_hello(city: Cow<'_, str>) -> String {
    format!("Hello {city}!")
}

fn main() {}
