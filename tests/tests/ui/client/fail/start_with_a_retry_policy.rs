use std::time::Duration;

use steadfast::RetryPolicy;
use steadfast::prelude::*;

#[orchestrator]
async fn hello(_ctx: OrchestrationContext) -> u32 {
    1
}

async fn start(client: &Client) {
    let call = hello().retry(RetryPolicy::new(3, Duration::from_secs(1)));
    client.start(call).await.unwrap();
}

fn main() {
    let _ = start;
}
