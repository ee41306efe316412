use steadfast::prelude::*;

#[orchestrator]
async fn order(ctx: OrchestrationContext) {
    println!("order {}", ctx.instance_id());
}

fn main() {}
