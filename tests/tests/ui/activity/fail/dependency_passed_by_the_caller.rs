use steadfast::{Dependency, OrchestrationContext, activity, orchestrator};

struct Pool;

#[activity]
async fn save(pool: Dependency<Pool>, city: String) {
    drop((pool, city));
}

#[orchestrator]
async fn save_all(ctx: OrchestrationContext) -> Result<(), String> {
    Ok(ctx.call(save(Dependency::new(Pool), "Tokyo".to_owned())).await?)
}

fn main() {}
