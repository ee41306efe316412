use steadfast::prelude::*;

#[orchestrator(events(Approved))]
async fn order(_ctx: OrchestrationContext) {}

fn main() {}
