use steadfast::prelude::*;

#[orchestrator]
async fn order(ctx: OrchestrationContext) {
    #[steadfast::allow(output, reason = "for a demonstration")]
    let _ = ctx.instance_id();
}

fn main() {}
