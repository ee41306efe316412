use steadfast::{OrchestrationContext, orchestrator};

#[orchestrator]
async fn hello_sequence(ctx: &OrchestrationContext, cities: Vec<String>) -> Vec<String> {
    cities
}

fn main() {
    let _ = hello_sequence(Vec::new());
}
