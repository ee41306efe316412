use steadfast::prelude::*;

#[activity]
async fn send_mail(to: String) {
    let _ = to;
}

#[orchestrator]
async fn order(ctx: OrchestrationContext, to: String) {
    ctx.call(send_mail(to));
}

fn main() {}
