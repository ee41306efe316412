use steadfast::prelude::*;

#[activity]
async fn say_hello(city: String) -> String {
    city
}

#[orchestrator]
async fn hello(ctx: OrchestrationContext) -> Result<String, String> {
    ctx.continue_as_new(say_hello("Tokyo".into())).await
}

fn main() {}
