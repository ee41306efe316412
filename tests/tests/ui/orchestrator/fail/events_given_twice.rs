use serde::{Deserialize, Serialize};
use steadfast::{ExternalEvent, OrchestrationContext, orchestrator};

#[derive(ExternalEvent, Serialize, Deserialize)]
struct Approved;

#[orchestrator(events(Approved, Approved))]
async fn order(_ctx: OrchestrationContext) {}

fn main() {
    let _ = order();
}
