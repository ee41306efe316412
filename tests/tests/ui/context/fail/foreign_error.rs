use steadfast::prelude::*;

#[activity]
async fn say_hello(city: String) -> Result<String, String> {
    Ok(format!("Hello {city}!"))
}

#[derive(Debug, thiserror::Error)]
#[error("busy")]
pub struct GreetError;

#[orchestrator]
async fn greet(ctx: OrchestrationContext, city: String) -> Result<String, GreetError> {
    Ok(ctx.call(say_hello(city)).await?)
}

fn main() {}
