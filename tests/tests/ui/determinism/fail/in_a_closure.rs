use std::time::Instant;

use steadfast::prelude::*;

#[orchestrator]
async fn order(ctx: OrchestrationContext, items: Vec<u32>) -> usize {
    let _ = ctx;
    let timed = items.iter().map(|item| (item, Instant::now()));
    timed.count()
}

fn main() {}
