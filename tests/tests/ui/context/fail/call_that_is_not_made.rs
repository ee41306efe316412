#![deny(unused_must_use)]

use steadfast::prelude::*;

#[activity]
async fn say_hello(city: String) -> Result<String, String> {
    Ok(format!("Hello {city}!"))
}

#[orchestrator]
async fn greet(ctx: OrchestrationContext, city: String) -> Result<String, String> {
    say_hello(city);
    ctx.create_timer(std::time::Duration::from_secs(1)).await;
    Ok(String::new())
}

fn main() {}
