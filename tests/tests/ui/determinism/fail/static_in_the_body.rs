use std::sync::Mutex;

use steadfast::prelude::*;

#[orchestrator]
async fn order(ctx: OrchestrationContext) {
    static LAST: Mutex<u32> = Mutex::new(0);
    let _ = (ctx, &LAST);
}

fn main() {}
