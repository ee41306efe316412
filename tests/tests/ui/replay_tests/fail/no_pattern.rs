use steadfast::prelude::*;

#[orchestrator]
async fn ship(_ctx: OrchestrationContext) {}

steadfast::replay_tests!(definitions = [ship]);

fn main() {}
