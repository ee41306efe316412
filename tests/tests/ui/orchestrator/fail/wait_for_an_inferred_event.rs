use steadfast::prelude::*;

#[derive(ExternalEvent, Serialize, Deserialize)]
struct Cancelled;

#[orchestrator(events())]
async fn order(ctx: OrchestrationContext) -> Result<(), String> {
    let Cancelled = ctx.wait_for_external_event().await?;
    Ok(())
}

fn main() {}
