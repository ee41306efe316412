use steadfast::prelude::*;

#[activity]
async fn say_hello((city, times): (String, u32)) -> String {
    city.repeat(times as usize)
}

fn main() {}
