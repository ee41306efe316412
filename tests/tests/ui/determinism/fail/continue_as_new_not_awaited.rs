use steadfast::prelude::*;

#[orchestrator]
async fn count(ctx: OrchestrationContext, from: u64) {
    ctx.continue_as_new::<_, ()>(count(from + 1));
}

fn main() {}
