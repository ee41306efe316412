use steadfast::prelude::*;

#[orchestrator]
async fn greet(_ctx: OrchestrationContext<BoundedStr<32>>, city: String) -> String {
    city
}

async fn example(client: Client, city: String) -> Result<(), Box<dyn std::error::Error>> {
    let mut changes = client.start(greet(city)).await?.watch_custom_status();
    while let Some(change) = changes.next().await? {
        let greeted: Option<u32> = change.custom_status;
        drop(greeted);
    }
    Ok(())
}

fn main() {
    let _ = example;
}
