use steadfast::prelude::*;

#[activity]
async fn price_of(item: String) -> u32 {
    item.len() as u32
}

#[orchestrator]
async fn order(ctx: OrchestrationContext, item: String) -> u32 {
    let _ = ctx;
    price_of::run(item).await
}

fn main() {}
