use std::time::Duration;

use steadfast::prelude::*;
use steadfast::testing::TestHub;

#[derive(ExternalEvent, Serialize, Deserialize)]
struct Approved(bool);

#[derive(ExternalEvent, Serialize, Deserialize)]
struct Rejected(bool);

#[orchestrator(events(Approved))]
async fn order(_ctx: OrchestrationContext) {}

fn main() {
    let hub = TestHub::new();
    let order = hub.start(order());
    order.after(Duration::from_secs(1)).raise_event(&Rejected(true));
}
