use std::time::Duration;

use steadfast::prelude::*;

#[orchestrator]
async fn order(ctx: OrchestrationContext) -> bool {
    tokio::select! {
        paid = ctx.wait_for_external_event_named::<bool>("Paid") => paid.is_ok(),
        () = ctx.create_timer(Duration::from_secs(60)) => false,
    }
}

fn main() {}
