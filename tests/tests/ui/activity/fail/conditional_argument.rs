use steadfast::prelude::*;

#[activity]
async fn say_hello(city: String, #[cfg(unix)] times: u32) -> String {
    city
}

fn main() {}
