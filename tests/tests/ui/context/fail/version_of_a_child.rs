use steadfast::prelude::*;

#[activity]
async fn say_hello(city: String) -> Result<String, String> {
    Ok(format!("Hello {city}!"))
}

#[orchestrator]
async fn child(_ctx: OrchestrationContext, city: String) -> String {
    city
}

#[orchestrator]
async fn greet(ctx: OrchestrationContext, city: String) -> Result<String, String> {
    Ok(ctx.call(child(city).version("2")).await?)
}

fn main() {}
