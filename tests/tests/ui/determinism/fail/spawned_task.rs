use steadfast::prelude::*;

#[orchestrator]
async fn order(ctx: OrchestrationContext) {
    let _ = ctx;
    tokio::spawn(async {});
}

fn main() {}
