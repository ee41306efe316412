#![deny(unused_must_use)]

use steadfast::prelude::*;

#[derive(CustomStatus, Serialize, Deserialize)]
struct Log {
    #[custom_status(unbounded)]
    lines: Vec<String>,
}

#[orchestrator]
async fn hello(ctx: OrchestrationContext<Log>) -> bool {
    ctx.set_custom_status(Log { lines: Vec::new() });
    true
}

fn main() {}
