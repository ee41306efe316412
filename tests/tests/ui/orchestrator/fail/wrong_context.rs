use steadfast::{ActivityContext, orchestrator};

#[orchestrator]
async fn hello_sequence(ctx: ActivityContext, cities: Vec<String>) -> Vec<String> {
    cities
}

fn main() {
    let _ = hello_sequence(Vec::new());
}
