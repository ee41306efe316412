use std::collections::HashMap;

use steadfast::prelude::*;

#[activity]
async fn reserve(item: String, count: u32) {
    let _ = (item, count);
}

#[orchestrator]
async fn order(ctx: OrchestrationContext, items: Vec<String>) -> Result<(), String> {
    let mut counts = HashMap::new();
    for item in items {
        *counts.entry(item).or_insert(0) += 1;
    }
    for (item, count) in counts {
        ctx.call(reserve(item, count)).await?;
    }
    Ok(())
}

fn main() {}
