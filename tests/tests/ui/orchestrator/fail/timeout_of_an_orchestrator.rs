use steadfast::prelude::*;

#[orchestrator(timeout = "30s")]
async fn order(_ctx: OrchestrationContext) {}

fn main() {}
