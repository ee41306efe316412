use steadfast::prelude::*;

#[derive(CustomStatus, Serialize, Deserialize)]
enum Progress {
    Greeted { done: u32 },
}

#[orchestrator]
async fn hello(ctx: OrchestrationContext<Progress>) -> bool {
    ctx.set_custom_status(Progress::Greeted { done: 1 });
    true
}

fn main() {
    let _ = hello().initial_status("waiting");
}
