//! Waits for declared events in every place where one can stand.

#![deny(warnings, unused_qualifications)]

use std::time::Duration;

use futures_util::future::{join, select};
use steadfast::{EventFuture, prelude::*};

#[derive(ExternalEvent, Debug, Serialize, Deserialize)]
pub struct Approved(bool);

pub mod events {
    #[derive(steadfast::ExternalEvent, serde::Serialize, serde::Deserialize)]
    pub struct Cancelled;
}

macro_rules! wait {
    ($wait:expr) => {
        $wait.await
    };
}

#[orchestrator(events(Approved, events::Cancelled))]
async fn order(ctx: OrchestrationContext) -> Result<bool, String> {
    let inferred: EventFuture<Approved> = ctx.wait_for_external_event();
    let (one, two) = join(inferred, ctx.wait_for_external_event::<events::Cancelled>()).await;
    let _ = (one?, two?);
    let wait = || ctx.wait_for_external_event::<Approved>();
    select(wait(), ctx.wait_for_external_event::<events::Cancelled>()).await;
    let _ = wait!(ctx.wait_for_external_event::<Approved>())?;
    let _ = OrchestrationContext::wait_for_external_event::<Approved>(&ctx).timeout(Duration::from_secs(1)).await;
    let Approved(is_approved) = ctx.wait_for_external_event().await?;
    Ok(is_approved && helper(&ctx).await)
}

/// What a function does with the context is its own matter.
async fn helper(ctx: &OrchestrationContext) -> bool {
    #[derive(ExternalEvent, Serialize, Deserialize)]
    struct Unknown;
    ctx.wait_for_external_event::<Unknown>().await.is_ok()
}

/// Items in a body are not of its orchestrator, and may have its name.
#[orchestrator(name = "outer", events(Approved))]
async fn outer(ctx: OrchestrationContext) -> bool {
    #[orchestrator(name = "inner", events(events::Cancelled))]
    async fn outer(ctx: OrchestrationContext) -> bool {
        ctx.wait_for_external_event::<events::Cancelled>().await.is_ok()
    }
    async fn undeclared(ctx: &OrchestrationContext) -> bool {
        ctx.wait_for_external_event::<events::Cancelled>().await.is_ok()
    }
    let approved = ctx.wait_for_external_event::<Approved>().await.is_ok();
    approved && undeclared(&ctx).await && ctx.call(outer()).await.is_ok()
}

macro_rules! waits {
    ($name:ident, $event:ty) => {
        #[orchestrator(events($event))]
        async fn $name(ctx: OrchestrationContext) -> bool {
            ctx.wait_for_external_event::<$event>().await.is_ok()
        }
    };
}

waits!(made_by_a_macro, events::Cancelled);

fn main() {
    let _ = (order(), outer(), made_by_a_macro());
}
