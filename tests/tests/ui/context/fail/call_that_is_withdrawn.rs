#![deny(unused_must_use)]

use steadfast::prelude::*;

#[activity]
async fn say_hello(city: String) -> Result<String, String> {
    Ok(format!("Hello {city}!"))
}

#[orchestrator]
async fn greet(ctx: OrchestrationContext, city: String) -> Result<String, String> {
    ctx.call(say_hello(city));
    Ok(String::new())
}

fn main() {}
