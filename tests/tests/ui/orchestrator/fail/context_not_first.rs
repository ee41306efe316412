use steadfast::{OrchestrationContext, orchestrator};

#[orchestrator]
async fn hello_sequence(cities: Vec<String>, ctx: OrchestrationContext) -> Vec<String> {
    cities
}

fn main() {
    let _ = hello_sequence(Vec::new());
}
