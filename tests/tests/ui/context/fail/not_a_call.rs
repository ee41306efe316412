use steadfast::prelude::*;

#[activity]
async fn say_hello(city: String) -> String {
    city
}

#[orchestrator]
async fn hello(ctx: OrchestrationContext) -> Result<String, String> {
    Ok(ctx.call(say_hello::run("Tokyo".into())).await?)
}

fn main() {}
