use steadfast::prelude::*;

#[orchestrator]
async fn greet(_ctx: OrchestrationContext<BoundedStr<32>>, city: String) -> String {
    city
}

async fn example(client: Client, city: String) -> Result<(), Box<dyn std::error::Error>> {
    drop(city);
    client.start(greet("Tokyo")).await?;
    Ok(())
}

fn main() {
    let _ = example;
}
