use std::thread;
use std::time::Duration;

use steadfast::prelude::*;

#[orchestrator]
async fn order(ctx: OrchestrationContext) {
    let _ = ctx;
    thread::sleep(Duration::from_secs(1));
}

fn main() {}
