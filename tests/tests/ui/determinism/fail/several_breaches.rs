use std::time::{Duration, Instant};

use steadfast::prelude::*;

#[activity]
async fn price_of(item: String) -> u32 {
    item.len() as u32
}

#[orchestrator]
async fn order(ctx: OrchestrationContext, items: Vec<String>) -> u32 {
    let started = Instant::now();
    let mut total = 0;
    for item in items {
        eprintln!("{item}");
        total += price_of::run(item).await;
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    ctx.create_timer(Duration::from_secs(1));
    let _ = started;
    total
}

fn main() {}
