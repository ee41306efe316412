use std::time::Duration;

use steadfast::prelude::*;

#[orchestrator]
async fn child(_ctx: OrchestrationContext) -> u32 {
    1
}

#[orchestrator]
async fn parent(ctx: OrchestrationContext) -> Result<u32, String> {
    Ok(ctx.call(child().timeout(Duration::from_secs(1))).await?)
}

fn main() {}
