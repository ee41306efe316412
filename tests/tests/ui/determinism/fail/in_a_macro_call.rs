use std::time::SystemTime;

use steadfast::prelude::*;

#[orchestrator]
async fn order(ctx: OrchestrationContext) -> String {
    format!("{} at {:?}", ctx.instance_id(), SystemTime::now())
}

fn main() {}
