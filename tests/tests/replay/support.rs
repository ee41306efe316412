//! What these tests share: a worker on virtual time, and orchestrators as they were written at different times.

use std::sync::Arc;
use std::time::Duration;

use steadfast::limits::DEFAULT_MAX_PAYLOAD_BYTES;
use steadfast::prelude::*;
use steadfast::store::Store;
use steadfast::store::memory::MemoryStore;
use steadfast::testing::{
    EpisodeReplays, ManualClock, Order, SingleThreaded, SingleThreadedOptions,
};
use steadfast::{Dependencies, ExportedHistory, Panics, Registration, SuspiciousAwaits, Timestamp};

/// A store and a clock that outlive the workers that use them.
pub(crate) struct World {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<ManualClock>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::on(MemoryStore::new())
    }

    pub(crate) fn on(store: impl Store) -> Self {
        let start = Timestamp::from_second(1_700_000_000).unwrap();
        Self {
            store: Arc::new(store),
            clock: Arc::new(ManualClock::new(start)),
        }
    }

    /// A worker that serves these definitions. It fences the one before.
    pub(crate) fn worker(&self, definitions: Vec<Registration>) -> SingleThreaded {
        let options = SingleThreadedOptions {
            definitions,
            dependencies: Dependencies::new(),
            clock: Arc::clone(&self.clock),
            max_live_instances: 100,
            panics: Panics::Fail,
            max_payload_bytes: DEFAULT_MAX_PAYLOAD_BYTES,
            suspicious_awaits: SuspiciousAwaits::SetAside,
            replays: EpisodeReplays::Never,
            order: Order::default(),
        };
        SingleThreaded::start(Arc::clone(&self.store), options).unwrap()
    }
}

/// The history of an instance once nothing can happen any more at the current time.
pub(crate) fn history(worker: &mut SingleThreaded, id: &str) -> ExportedHistory {
    worker.run_until_idle();
    let handle = worker.client().instance(id).unwrap();
    let history = worker.block_on(handle.export()).unwrap();
    // As it comes out of a file.
    ExportedHistory::from_json(&history.to_json()).unwrap()
}

#[activity]
pub(crate) async fn pack(order: u64) -> Result<String, String> {
    if order == 13 {
        return Err("no box is so small".into());
    }
    Ok(format!("parcel {order}"))
}

#[activity]
pub(crate) async fn send(parcel: String) -> String {
    format!("{parcel} is on its way")
}

#[activity]
pub(crate) async fn weigh(parcel: String) -> usize {
    parcel.len()
}

/// Ships an order: packs it, publishes that, waits for the address, sends it.
pub(crate) mod ship {
    use super::*;

    #[orchestrator(name = "ship")]
    pub(crate) async fn first(ctx: OrchestrationContext, order: u64) -> Result<String, String> {
        let parcel = ctx.call(pack(order)).await?;
        ctx.set_custom_status("packed")
            .map_err(|error| error.to_string())?;
        address(&ctx).await?;
        Ok(ctx.call(send(parcel)).await?)
    }

    /// Weighs the parcel first.
    #[orchestrator(name = "ship")]
    pub(crate) async fn weighing(ctx: OrchestrationContext, order: u64) -> Result<String, String> {
        let parcel = format!("parcel {order}");
        ctx.call(weigh(parcel.clone())).await?;
        ctx.set_custom_status("packed")
            .map_err(|error| error.to_string())?;
        address(&ctx).await?;
        Ok(ctx.call(send(parcel)).await?)
    }

    /// Weighs it as well, where that is new.
    #[orchestrator(name = "ship")]
    pub(crate) async fn patched(ctx: OrchestrationContext, order: u64) -> Result<String, String> {
        let parcel = ctx.call(pack(order)).await?;
        if ctx.patched("weigh") {
            ctx.call(weigh(parcel.clone())).await?;
        }
        ctx.set_custom_status("packed")
            .map_err(|error| error.to_string())?;
        address(&ctx).await?;
        Ok(ctx.call(send(parcel)).await?)
    }

    /// Publishes another word, and returns one.
    #[orchestrator(name = "ship")]
    pub(crate) async fn reworded(ctx: OrchestrationContext, order: u64) -> Result<String, String> {
        let parcel = ctx.call(pack(order)).await?;
        ctx.set_custom_status("in a box")
            .map_err(|error| error.to_string())?;
        address(&ctx).await?;
        ctx.call(send(parcel)).await?;
        Ok("sent".into())
    }

    /// Packs another order.
    #[orchestrator(name = "ship")]
    pub(crate) async fn off_by_one(
        ctx: OrchestrationContext,
        order: u64,
    ) -> Result<String, String> {
        let parcel = ctx.call(pack(order + 1)).await?;
        ctx.set_custom_status("packed")
            .map_err(|error| error.to_string())?;
        address(&ctx).await?;
        Ok(ctx.call(send(parcel)).await?)
    }

    /// Takes a whole address, where there was a number.
    #[orchestrator(name = "ship")]
    pub(crate) async fn retyped(
        ctx: OrchestrationContext,
        order: String,
    ) -> Result<String, String> {
        let parcel = ctx.call(pack(order.len() as u64)).await?;
        address(&ctx).await?;
        Ok(ctx.call(send(parcel)).await?)
    }

    #[orchestrator(name = "ship")]
    pub(crate) async fn panicking(ctx: OrchestrationContext, order: u64) -> Result<String, String> {
        let parcel = ctx.call(pack(order)).await?;
        assert!(parcel.starts_with("box"), "not a box but {parcel}");
        Ok(parcel)
    }

    /// Never comes to the end of its loop.
    #[orchestrator(name = "ship")]
    pub(crate) async fn spinning(ctx: OrchestrationContext, order: u64) -> Result<String, String> {
        ctx.call(pack(order)).await?;
        spin().await;
        Ok(String::new())
    }

    /// Awaits what is not durable.
    #[orchestrator(name = "ship")]
    pub(crate) async fn foreign(ctx: OrchestrationContext, order: u64) -> Result<String, String> {
        ctx.call(pack(order)).await?;
        std::future::pending().await
    }

    async fn spin() {
        let mut rounds = 0_u64;
        std::future::poll_fn(|context| {
            rounds += 1;
            context.waker().wake_by_ref();
            if rounds == u64::MAX {
                std::task::Poll::Ready(())
            } else {
                std::task::Poll::Pending
            }
        })
        .await;
    }
}

async fn address(ctx: &OrchestrationContext) -> Result<String, String> {
    let address = ctx.wait_for_external_event_named("address").await;
    address.map_err(|error| error.to_string())
}

/// A bit of everything: a child, a timer, a recorded value, a guid, a message to itself.
#[orchestrator]
pub(crate) async fn everything(ctx: OrchestrationContext, order: u64) -> Result<String, String> {
    let child = ctx.call(child(order)).await?;
    ctx.create_timer(Duration::from_secs(60)).await;
    let value = ctx.side_effect(|| 7_u32);
    let guid = ctx.new_guid();
    ctx.set_custom_status(guid.to_string())
        .map_err(|error| error.to_string())?;
    Ok(format!("{child} {value}"))
}

#[orchestrator]
pub(crate) async fn child(ctx: OrchestrationContext, order: u64) -> Result<String, String> {
    Ok(ctx.call(pack(order)).await?)
}

/// Counts up, one execution for each number, and waits for a word before each.
#[orchestrator]
pub(crate) async fn count(ctx: OrchestrationContext, number: u32) -> Result<u32, String> {
    let _: bool = ctx
        .wait_for_external_event_named("next")
        .await
        .map_err(|error| error.to_string())?;
    ctx.set_custom_status(number)
        .map_err(|error| error.to_string())?;
    if number == 3 {
        return Ok(number);
    }
    ctx.continue_as_new(count(number + 1)).await
}
