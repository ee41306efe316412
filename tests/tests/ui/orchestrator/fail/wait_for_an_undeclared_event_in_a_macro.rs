use futures_util::future::join;
use steadfast::prelude::*;

#[derive(ExternalEvent, Serialize, Deserialize)]
struct Approved;

mod events {
    #[derive(steadfast::ExternalEvent, serde::Serialize, serde::Deserialize)]
    pub struct Cancelled;
}

macro_rules! both {
    ($one:expr, $other:expr) => {
        join($one, $other).await
    };
}

#[orchestrator(events(Approved))]
async fn order(ctx: OrchestrationContext) -> bool {
    let cancelled = || async { ctx.wait_for_external_event::<events::Cancelled>().await.is_ok() };
    both!(ctx.wait_for_external_event::<Approved>(), cancelled()).1
}

fn main() {}
