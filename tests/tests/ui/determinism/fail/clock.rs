use std::time::SystemTime;

use steadfast::prelude::*;

#[orchestrator]
async fn order(ctx: OrchestrationContext) -> String {
    let now = SystemTime::now();
    format!("{}: {now:?}", ctx.instance_id())
}

fn main() {}
