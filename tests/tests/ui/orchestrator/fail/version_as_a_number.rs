use steadfast::prelude::*;

#[orchestrator(version = 1.2)]
async fn order(_ctx: OrchestrationContext) {}

fn main() {}
