use steadfast::prelude::*;

#[orchestrator]
async fn order(ctx: OrchestrationContext) -> u64 {
    use std::time::Instant as Stopwatch;
    let started = Stopwatch::now();
    let _ = (ctx, started);
    0
}

fn main() {}
