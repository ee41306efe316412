use steadfast::prelude::*;

#[activity]
async fn say_hello(city: String) -> Result<String, String> {
    Ok(format!("Hello {city}!"))
}

#[orchestrator]
async fn greet(ctx: OrchestrationContext, city: String) -> Result<String, String> {
    let greeting: Result<String, CallError<String>> = say_hello(city);
    drop(ctx);
    Ok(greeting?)
}

fn main() {}
