use steadfast::prelude::*;

#[derive(ExternalEvent, Serialize, Deserialize)]
struct Approved;

#[derive(ExternalEvent, Serialize, Deserialize)]
struct Cancelled;

#[orchestrator(events(Approved))]
async fn order(ctx: OrchestrationContext) -> Result<(), String> {
    ctx.wait_for_external_event::<Approved>().await?;
    ctx.wait_for_external_event::<Cancelled>().await?;
    Ok(())
}

fn main() {}
