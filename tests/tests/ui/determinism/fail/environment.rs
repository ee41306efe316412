use std::env;

use steadfast::prelude::*;

#[orchestrator]
async fn order(ctx: OrchestrationContext) -> bool {
    let _ = ctx;
    env::var("DRY_RUN").is_ok()
}

fn main() {}
