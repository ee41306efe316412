use steadfast::prelude::*;

use steadfast::OrchestrationContext as Context;

#[orchestrator]
async fn order(_ctx: Context) {}

fn main() {}
