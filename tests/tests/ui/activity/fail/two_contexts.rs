use steadfast::prelude::*;

#[activity]
async fn say_hello(_a: ActivityContext, _b: ActivityContext) {}

fn main() {}
