use steadfast::{OrchestrationContext, orchestrator};

#[orchestrator(timeout = "1m", total_timeout = "1h")]
async fn order(_ctx: OrchestrationContext) {}

fn main() {
    let _ = order();
}
