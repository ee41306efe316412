use steadfast::prelude::*;

#[derive(ExternalEvent, Serialize, Deserialize)]
struct Approved;

#[orchestrator(events = Approved)]
async fn order(_ctx: OrchestrationContext) {}

fn main() {}
