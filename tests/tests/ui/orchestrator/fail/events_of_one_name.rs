use serde::{Deserialize, Serialize};
use steadfast::{ExternalEvent, OrchestrationContext, orchestrator};

#[derive(ExternalEvent, Serialize, Deserialize)]
struct Approved;

#[derive(ExternalEvent, Serialize, Deserialize)]
#[event(name = "approved")]
struct Accepted;

#[orchestrator(events(Approved, Accepted))]
async fn order(_ctx: OrchestrationContext) {}

fn main() {}
