use steadfast::orchestrator;

#[orchestrator]
async fn hello_sequence(cities: Vec<String>) -> Vec<String> {
    cities
}

fn main() {
    let _ = hello_sequence(Vec::new());
}
