use std::collections::HashSet;

use steadfast::prelude::*;

#[orchestrator]
async fn order(ctx: OrchestrationContext, items: HashSet<String>) -> Option<String> {
    let _ = ctx;
    items.into_iter().next()
}

fn main() {}
