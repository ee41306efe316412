use steadfast::prelude::*;

#[orchestrator]
async extern "C" fn order(_ctx: OrchestrationContext) {}

fn main() {}
