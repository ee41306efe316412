use std::time::Duration;

use steadfast::prelude::*;

#[orchestrator]
async fn order(ctx: OrchestrationContext) {
    let _ = ctx;
    tokio::time::sleep(Duration::from_secs(60)).await;
}

fn main() {}
