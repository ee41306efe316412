use steadfast::prelude::*;

#[activity]
async fn send_mail(to: String) {
    let _ = to;
}

#[orchestrator]
async fn order(ctx: OrchestrationContext, to: String) -> u32 {
    let _mail = ctx.call(send_mail(to));
    7
}

fn main() {}
