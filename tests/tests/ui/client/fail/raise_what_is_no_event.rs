use steadfast::prelude::*;

#[orchestrator]
async fn greet(_ctx: OrchestrationContext<BoundedStr<32>>, city: String) -> String {
    city
}

async fn example(client: Client, city: String) -> Result<(), Box<dyn std::error::Error>> {
    client.start(greet(city)).await?.raise_event(&5_u32).await?;
    Ok(())
}

fn main() {
    let _ = example;
}
