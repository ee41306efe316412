use steadfast::prelude::*;

#[activity]
async unsafe fn say_hello(city: String) -> String {
    city
}

fn main() {}
