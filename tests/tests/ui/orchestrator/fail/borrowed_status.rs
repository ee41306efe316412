use steadfast::prelude::*;

#[orchestrator]
async fn order(_ctx: OrchestrationContext<&'static str>) {}

fn main() {}
