use std::time::Duration;

use steadfast::RetryPolicy;
use steadfast::prelude::*;

#[activity]
async fn say_hello(city: String) -> Result<String, String> {
    Ok(city)
}

#[orchestrator]
async fn hello(ctx: OrchestrationContext) -> Result<String, String> {
    let call = say_hello("Tokyo".into()).retry(RetryPolicy::new(3, Duration::from_secs(1)));
    Ok(ctx.call(call.retry_if(|error: &CallError<u32>| error.is_timeout())).await?)
}

fn main() {}
