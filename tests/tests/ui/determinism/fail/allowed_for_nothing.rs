use steadfast::prelude::*;

#[orchestrator]
async fn order(ctx: OrchestrationContext) -> String {
    #[steadfast::allow(clock, reason = "it is only shown")]
    let now = ctx.current_utc_datetime();
    now.to_string()
}

fn main() {}
