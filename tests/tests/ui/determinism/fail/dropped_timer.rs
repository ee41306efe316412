use std::time::Duration;

use steadfast::prelude::*;

#[orchestrator]
async fn order(ctx: OrchestrationContext) {
    let _ = ctx.create_timer(Duration::from_secs(60));
}

fn main() {}
