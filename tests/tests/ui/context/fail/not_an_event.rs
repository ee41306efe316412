use steadfast::prelude::*;

#[derive(Serialize, Deserialize)]
struct Approved(bool);

#[orchestrator]
async fn approval(ctx: OrchestrationContext) -> Result<bool, String> {
    let approved: Approved = ctx.wait_for_external_event().await.map_err(|error| error.to_string())?;
    Ok(approved.0)
}

fn main() {}
