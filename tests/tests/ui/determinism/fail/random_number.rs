use steadfast::prelude::*;

mod rand {
    pub fn random() -> u32 {
        4
    }
}

#[orchestrator]
async fn order(context: OrchestrationContext) -> u32 {
    let _ = context;
    rand::random()
}

fn main() {}
