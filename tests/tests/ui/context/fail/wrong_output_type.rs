use steadfast::prelude::*;

#[activity]
async fn say_hello(city: String) -> String {
    city
}

#[orchestrator]
async fn hello(ctx: OrchestrationContext) -> Result<u32, String> {
    let greeting: u32 = ctx.call(say_hello("Tokyo".into())).await?;
    Ok(greeting)
}

fn main() {}
