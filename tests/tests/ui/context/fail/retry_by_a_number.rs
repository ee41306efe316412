use steadfast::prelude::*;

#[activity]
async fn say_hello(city: String) -> Result<String, String> {
    Ok(format!("Hello {city}!"))
}

#[orchestrator]
async fn greet(ctx: OrchestrationContext, city: String) -> Result<String, String> {
    Ok(ctx.call(say_hello(city).retry(3)).await?)
}

fn main() {}
