use steadfast::prelude::*;

mod reqwest {
    pub async fn get(_uri: &str) -> String {
        String::new()
    }
}

#[orchestrator]
async fn order(ctx: OrchestrationContext) -> String {
    let _ = ctx;
    reqwest::get("https://example.com").await
}

fn main() {}
