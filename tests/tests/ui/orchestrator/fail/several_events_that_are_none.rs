use steadfast::{OrchestrationContext, orchestrator};

struct Approved;

#[orchestrator(events(Approved, Cancelled))]
async fn order(_ctx: OrchestrationContext) {}

fn main() {}
