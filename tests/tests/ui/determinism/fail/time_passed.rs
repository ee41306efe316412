use std::time::SystemTime;

use steadfast::prelude::*;

#[orchestrator]
async fn order(ctx: OrchestrationContext, placed: SystemTime) -> bool {
    let _ = ctx;
    placed.elapsed().is_ok()
}

fn main() {}
