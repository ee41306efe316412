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
    let greeting: u32 = ctx.call(child(city)).await?;
    Ok(greeting.to_string())
}

fn main() {}
