use std::sync::atomic::{AtomicU32, Ordering};

use steadfast::prelude::*;

static ORDERS: AtomicU32 = AtomicU32::new(0);

#[orchestrator]
async fn order(ctx: OrchestrationContext) -> u32 {
    let _ = ctx;
    ORDERS.fetch_add(1, Ordering::Relaxed)
}

fn main() {}
