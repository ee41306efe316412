use steadfast::prelude::*;

#[orchestrator]
async fn order<T>(_ctx: OrchestrationContext, _item: T) {}

fn main() {}
