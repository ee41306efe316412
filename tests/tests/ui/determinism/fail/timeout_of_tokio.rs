use std::time::Duration;

use steadfast::prelude::*;
use tokio::time;

#[orchestrator]
async fn order(ctx: OrchestrationContext) -> bool {
    let paid = ctx.wait_for_external_event_named::<bool>("Paid");
    time::timeout(Duration::from_secs(60), paid).await.is_ok()
}

fn main() {}
