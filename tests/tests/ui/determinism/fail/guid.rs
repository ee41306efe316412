use steadfast::prelude::*;

struct Uuid;

impl Uuid {
    fn new_v4() -> String {
        String::new()
    }
}

#[orchestrator]
async fn order(ctx: OrchestrationContext) -> String {
    let _ = ctx;
    Uuid::new_v4()
}

fn main() {}
