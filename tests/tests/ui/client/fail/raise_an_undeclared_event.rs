use serde::{Deserialize, Serialize};
use steadfast::{Client, ExternalEvent, OrchestrationContext, orchestrator};

#[derive(ExternalEvent, Serialize, Deserialize)]
struct Approved;

#[derive(ExternalEvent, Serialize, Deserialize)]
struct Cancelled;

#[derive(ExternalEvent, Serialize, Deserialize)]
struct Declined;

#[orchestrator(events(Approved, Declined))]
async fn order(_ctx: OrchestrationContext) {}

async fn raise(client: Client) -> Result<(), Box<dyn std::error::Error>> {
    let order = client.start(order()).await?;
    order.raise_event(&Approved).await?;
    order.raise_event(&Cancelled).await?;
    Ok(())
}

fn main() {
    let _ = raise;
}
