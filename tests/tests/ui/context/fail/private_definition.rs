use steadfast::prelude::*;

#[activity]
async fn say_hello(city: String) -> Result<String, String> {
    Ok(format!("Hello {city}!"))
}

mod inner {
    #[steadfast::activity]
    async fn say_goodbye(city: String) -> String {
        city
    }
}

#[orchestrator]
async fn greet(ctx: OrchestrationContext, city: String) -> Result<String, String> {
    Ok(ctx.call(inner::say_goodbye(city)).await?)
}

fn main() {}
