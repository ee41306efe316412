use steadfast::testing::TestHub;
use steadfast::{OrchestrationContext, orchestrator};

#[orchestrator]
async fn order(_ctx: OrchestrationContext, number: u32) -> u32 {
    number
}

fn main() {
    let hub = TestHub::new();
    let _ = hub.calls(order);
}
