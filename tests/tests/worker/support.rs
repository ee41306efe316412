//! What these tests share.

use std::cell::RefCell;
use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex};

use steadfast::limits::DEFAULT_MAX_PAYLOAD_BYTES;
use steadfast::prelude::*;
use steadfast::store::codec::{CodecStore, Encryption, EncryptionKey};
use steadfast::store::memory::MemoryStore;
use steadfast::store::{BoxFuture, InstancePage, PageRequest, Store, StoreError, delegate_store};
use steadfast::testing::{
    CommitFault, EpisodeReplays, FaultyStore, ManualClock, Order, SingleThreaded,
    SingleThreadedOptions,
};
use steadfast::{
    Dependencies, InstanceFilter, InstanceHandle, InstanceStatus, Panics, Registration,
    SuspiciousAwaits, Timestamp,
};
use tokio::sync::Notify;

thread_local! {
    /// The gates of a test. The single-threaded worker runs activities on the test's own thread.
    static GATES: RefCell<HashMap<String, Gate>> = RefCell::default();
}

#[derive(Default)]
struct Gate {
    open: Arc<Notify>,
    entered: u32,
}

/// Runs until its gate is opened.
#[activity]
pub(crate) async fn pass(gate: String) -> String {
    let open = with_gate(&gate, |gate| {
        gate.entered += 1;
        Arc::clone(&gate.open)
    });
    open.notified().await;
    gate
}

/// Lets one [`pass`] through, now or when it comes.
pub(crate) fn open(gate: &str) {
    with_gate(gate, |gate| gate.open.notify_one());
}

/// How often [`pass`] ran for this gate.
pub(crate) fn entered(gate: &str) -> u32 {
    with_gate(gate, |gate| gate.entered)
}

fn with_gate<T>(name: &str, visit: impl FnOnce(&mut Gate) -> T) -> T {
    GATES.with_borrow_mut(|gates| visit(gates.entry(name.into()).or_default()))
}

#[orchestrator]
pub(crate) async fn call_pass(ctx: OrchestrationContext, gate: String) -> Result<String, String> {
    Ok(ctx.call(pass(gate)).await?)
}

#[orchestrator]
pub(crate) async fn wait_for_go(ctx: OrchestrationContext) -> Result<String, String> {
    let go = ctx.wait_for_external_event_named("go").await;
    go.map_err(|error| error.to_string())
}

pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + second).unwrap()
}

/// A store and a clock that outlive the workers that use them.
pub(crate) struct World {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) max_live_instances: usize,
    pub(crate) panics: Panics,
    pub(crate) max_payload_bytes: usize,
    pub(crate) suspicious_awaits: SuspiciousAwaits,
    pub(crate) replays: EpisodeReplays,
    pub(crate) order: Order,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::on(MemoryStore::new())
    }

    /// With `STEADFAST_TESTS_ENCRYPTED` in the environment, what it stores is encrypted: all of this must hold then, too.
    pub(crate) fn on(store: impl Store) -> Self {
        if std::env::var_os("STEADFAST_TESTS_ENCRYPTED").is_some() {
            let key = EncryptionKey::new("worker", &[1, 2].repeat(16)).unwrap();
            Self::on_exactly(CodecStore::new(store, Encryption::new(key)))
        } else {
            Self::on_exactly(store)
        }
    }

    /// One whose store is what it is.
    pub(crate) fn on_exactly(store: impl Store) -> Self {
        let (store, clock) = (Arc::new(store), Arc::new(ManualClock::new(at(0))));
        Self {
            store,
            clock,
            max_live_instances: 100,
            panics: Panics::Fail,
            max_payload_bytes: DEFAULT_MAX_PAYLOAD_BYTES,
            suspicious_awaits: SuspiciousAwaits::SetAside,
            replays: EpisodeReplays::Never,
            order: Order::Fixed,
        }
    }

    /// One whose store lets the next commit fail in the way that is put into the slot.
    pub(crate) fn breakable() -> (Arc<Mutex<Option<CommitFault>>>, Self) {
        let fault = Arc::new(Mutex::new(None));
        let next = Arc::clone(&fault);
        let store = FaultyStore::new(MemoryStore::new(), move |_| next.lock().unwrap().take());
        (fault, Self::on(store))
    }

    /// A worker that serves these definitions. It fences the one before.
    pub(crate) fn worker(&self, definitions: Vec<Registration>) -> SingleThreaded {
        self.try_worker(definitions).unwrap()
    }

    /// The same where the store may be in the way.
    pub(crate) fn try_worker(
        &self,
        definitions: Vec<Registration>,
    ) -> Result<SingleThreaded, StoreError> {
        let options = SingleThreadedOptions {
            definitions,
            dependencies: Dependencies::new(),
            clock: Arc::clone(&self.clock),
            max_live_instances: self.max_live_instances,
            panics: self.panics,
            max_payload_bytes: self.max_payload_bytes,
            suspicious_awaits: self.suspicious_awaits,
            replays: self.replays,
            order: self.order,
        };
        SingleThreaded::start(Arc::clone(&self.store), options)
    }
}

/// A store that looks at so many instances for a page, however many it may.
#[derive(Debug)]
pub(crate) struct ShortWalks(pub(crate) MemoryStore, pub(crate) usize);

impl Store for ShortWalks {
    delegate_store!(|self| self.0; acquire, commit, load, read, needing_attention, timers, inbox, changes, counts);

    fn query<'a>(
        &'a self,
        filter: &'a InstanceFilter,
        page: &'a PageRequest,
    ) -> BoxFuture<'a, Result<InstancePage, StoreError>> {
        Box::pin(async move {
            let page = PageRequest {
                walk: self.1.min(page.walk),
                ..*page
            };
            self.0.query(filter, &page).await
        })
    }
}

pub(crate) trait Worker {
    fn status(&mut self, id: &str) -> InstanceStatus;
    fn instance(&self, id: &str) -> InstanceHandle;
    fn settle(&mut self);
    fn wait<T, E: std::fmt::Debug>(&mut self, future: impl Future<Output = Result<T, E>>) -> T;
}

impl Worker for SingleThreaded {
    /// What a reader sees once nothing can happen any more at the current time.
    fn status(&mut self, id: &str) -> InstanceStatus {
        self.run_until_idle();
        let instance = self.instance(id);
        self.wait(instance.status())
    }

    fn instance(&self, id: &str) -> InstanceHandle {
        self.client().instance(id).unwrap()
    }

    /// Moves the time until nothing is due any more. What is tried again for ever does not end, so that there is a limit.
    fn settle(&mut self) {
        self.run_until_idle();
        for _ in 0..30 {
            if !self.advance() {
                break;
            }
            self.run_until_idle();
        }
    }

    fn wait<T, E: std::fmt::Debug>(&mut self, future: impl Future<Output = Result<T, E>>) -> T {
        self.block_on(future).unwrap()
    }
}

pub(crate) fn json(value: impl Serialize) -> Option<String> {
    Some(serde_json::to_string(&value).unwrap())
}
