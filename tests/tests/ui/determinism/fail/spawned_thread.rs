use steadfast::prelude::*;

#[orchestrator]
async fn order(ctx: OrchestrationContext) {
    let _ = ctx;
    std::thread::spawn(|| {});
}

fn main() {}
