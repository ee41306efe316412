use steadfast::prelude::*;

#[orchestrator]
fn order(_ctx: OrchestrationContext) {}

fn main() {}
