use steadfast::prelude::*;

#[orchestrator]
async fn order(ctx: OrchestrationContext) -> Option<String> {
    let _ = ctx;
    std::fs::read_to_string("prices.json").ok()
}

fn main() {}
