use steadfast::prelude::*;

#[orchestrator]
async fn child(_ctx: OrchestrationContext) -> u32 {
    1
}

#[orchestrator]
async fn parent(ctx: OrchestrationContext) -> Result<u32, String> {
    Ok(ctx.call(child().on_existing(OnExisting::Attach)).await?)
}

fn main() {}
