use steadfast::{OrchestrationContext, orchestrator};

#[orchestrator(version = "v1.2")]
async fn text(_ctx: OrchestrationContext) {}

#[orchestrator(version = 1.2)]
async fn number(_ctx: OrchestrationContext) {}

fn main() {
    let _ = (text(), number());
}
