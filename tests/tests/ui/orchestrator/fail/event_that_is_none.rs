use steadfast::prelude::*;

struct Approved;

#[orchestrator(events(Approved))]
async fn order(_ctx: OrchestrationContext) {}

fn main() {}
