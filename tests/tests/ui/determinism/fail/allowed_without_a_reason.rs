use steadfast::prelude::*;

#[orchestrator]
async fn order(ctx: OrchestrationContext) {
    #[steadfast::allow(printing)]
    println!("order {}", ctx.instance_id());
}

fn main() {}
