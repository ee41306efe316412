use std::rc::Rc;
use std::sync::Mutex;
use std::time::Duration;

use steadfast::prelude::*;

#[orchestrator]
async fn order(ctx: OrchestrationContext) -> u32 {
    let count = Rc::new(Mutex::new(0));
    let mut guard = count.lock().unwrap();
    ctx.create_timer(Duration::from_secs(60)).await;
    *guard += 1;
    *guard
}

fn main() {}
