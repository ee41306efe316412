use steadfast::prelude::*;

#[orchestrator]
async fn order(ctx: OrchestrationContext) -> (u32, String) {
    (7, #[steadfast::allow(clock, reason = "it is only shown")] ctx.instance_id().to_string())
}

fn main() {}
