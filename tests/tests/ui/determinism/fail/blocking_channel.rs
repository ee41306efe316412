use std::sync::mpsc;

use steadfast::prelude::*;

#[orchestrator]
async fn order(ctx: OrchestrationContext) {
    let _ = ctx;
    let (_send, _receive) = mpsc::sync_channel::<u8>(1);
}

fn main() {}
