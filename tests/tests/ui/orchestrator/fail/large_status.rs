use steadfast::{BoundedStr, OrchestrationContext, orchestrator};

#[orchestrator]
async fn hello_sequence(_ctx: OrchestrationContext<[BoundedStr<500>; 3]>, cities: Vec<String>) -> Vec<String> {
    cities
}

fn main() {
    let _ = hello_sequence(Vec::new());
}
