use steadfast as durable;
use steadfast::prelude::*;

#[orchestrator]
async fn ship(_ctx: OrchestrationContext) {}

durable::replay_tests!("Cargo.toml", definitions = [ship], in_full, crate = durable,);

fn main() {
    let _ = ship();
}
