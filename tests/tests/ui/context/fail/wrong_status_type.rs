use steadfast::prelude::*;

#[derive(CustomStatus, Serialize, Deserialize)]
enum Progress {
    Greeted { done: u32 },
}

#[orchestrator]
async fn hello(ctx: OrchestrationContext<Progress>) -> bool {
    ctx.set_custom_status("Tokyo");
    true
}

fn main() {}
