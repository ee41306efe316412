//! Every key of an orchestrator, also of versions side by side.

use serde::{Deserialize, Serialize};
use steadfast::{ActivityContext, Definition, ExternalEvent, OrchestrationContext, activity, orchestrator};

#[derive(ExternalEvent, Serialize, Deserialize)]
struct Approved(bool);

mod events {
    #[derive(steadfast::ExternalEvent, serde::Serialize, serde::Deserialize)]
    pub(super) struct Cancelled;
}

#[orchestrator(name = "order", version = "1.2", retry(max_attempts = 2, first_interval = "0s"), events(Approved, events::Cancelled,))]
async fn order_1_2(_ctx: OrchestrationContext) {}

#[orchestrator(name = "order", version = "1.10", events())]
async fn order_1_10(_ctx: OrchestrationContext) {}

#[activity(timeout = "1h 30m", total_timeout = "2h", retry(max_attempts = 1, first_interval = "250ms", backoff_coefficient = 2, jitter = 1))]
async fn pay(_: ActivityContext) {}

fn main() {
    assert_eq!(order_1_2::VERSION, Some("1.2"));
    assert_eq!(order_1_10::VERSION, Some("1.10"));
    let _ = (pay(), order_1_2(), order_1_10());
}
