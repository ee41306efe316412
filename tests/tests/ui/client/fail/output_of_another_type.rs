use steadfast::prelude::*;

#[orchestrator]
async fn greet(_ctx: OrchestrationContext<BoundedStr<32>>, city: String) -> String {
    city
}

async fn example(client: Client, city: String) -> Result<(), Box<dyn std::error::Error>> {
    let greeting: u32 = client.start(greet(city)).await?.output().await?;
    drop(greeting);
    Ok(())
}

fn main() {
    let _ = example;
}
