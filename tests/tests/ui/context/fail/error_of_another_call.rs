use steadfast::prelude::*;

#[activity]
async fn say_hello(city: String) -> Result<String, String> {
    Ok(format!("Hello {city}!"))
}

#[orchestrator]
async fn greet(ctx: OrchestrationContext, city: String) -> Result<String, String> {
    match ctx.call(say_hello(city)).await {
        Err(CallError::Returned { error: 5, .. }) => Ok(String::new()),
        other => Ok(other?),
    }
}

fn main() {}
