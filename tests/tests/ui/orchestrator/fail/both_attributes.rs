use steadfast::{OrchestrationContext, orchestrator};

#[orchestrator]
#[steadfast::activity]
async fn hello_sequence(_ctx: OrchestrationContext, cities: Vec<String>) -> Vec<String> {
    cities
}

fn main() {
    let _ = hello_sequence(Vec::new());
}
