use steadfast::{Dependency, OrchestrationContext, orchestrator};

struct Pool;

#[orchestrator]
async fn save_all(ctx: OrchestrationContext, pool: Dependency<Pool>) {
    drop((ctx, pool));
}

fn main() {
    let _ = save_all();
}
