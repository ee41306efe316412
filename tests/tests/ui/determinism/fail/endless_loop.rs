use std::time::Duration;

use steadfast::prelude::*;

#[activity]
async fn clean_up() {}

#[orchestrator]
async fn every_hour(ctx: OrchestrationContext) -> Result<(), String> {
    loop {
        ctx.call(clean_up()).await?;
        ctx.create_timer(Duration::from_secs(60 * 60)).await;
    }
}

fn main() {}
