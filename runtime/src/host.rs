//! The worker as users see it: built, started, shut down.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::client::Client;
use crate::clock::{Clock, SystemClock};
use crate::engine::Panics;
use crate::registration::Registration;
use crate::registry::{DuplicateName, Registry};
use crate::store::{Store, StoreError};
use crate::worker::ids::RandomIds;
use crate::worker::shard::Shared;
use crate::worker::threaded::{self, Parts, Threads};
use crate::worker::watchers::Watchers;

/// How many activities run at a time by default. They mostly wait for others, so more than there are processors.
const DEFAULT_ACTIVITY_LIMIT: usize = 256;

/// How many live instances a worker keeps in memory by default. More may exist; they are loaded when something happens to them.
const DEFAULT_CACHE: usize = 10_000;

/// A running worker: it runs the orchestrations of one store in this process.
///
/// Dropping it stops it at once; what was not committed is done again after the next start. That blocks for the commits that
/// are on their way.
/// [`shut_down`](Self::shut_down) lets running activities finish first.
///
/// ```standalone_crate
/// use std::time::Duration;
///
/// use steadfast::prelude::*;
/// use steadfast::store::memory::MemoryStore;
///
/// #[orchestrator]
/// async fn nap(ctx: OrchestrationContext, milliseconds: u64) {
///     ctx.create_timer(Duration::from_millis(milliseconds)).await;
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let steadfast = Steadfast::builder().store(MemoryStore::new()).start().await?;
/// let nap = steadfast.client().start(nap(10).id("nap").on_existing(OnExisting::Attach)).await?;
/// nap.output().await?;
/// steadfast.shut_down(Duration::from_secs(5)).await;
/// # Ok(())
/// # }
/// ```
pub struct Steadfast {
    client: Client,
    threads: Option<Threads>,
    watchers: Arc<Watchers>,
    own_runtime: Option<tokio::runtime::Runtime>,
}

/// Configures a worker. See [`Steadfast::builder`].
#[must_use = "a builder does nothing until it is started"]
pub struct Builder {
    store: Option<Arc<dyn Store>>,
    task_hub: Option<String>,
    definitions: Option<Vec<Registration>>,
    clock: Arc<dyn Clock>,
    activity_limit: usize,
    cache: usize,
    shards: usize,
    panics: Panics,
}

/// A worker cannot be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// No store was given.
    #[error(
        "no store is given; write `.store(SqliteStore::open(\"app.db\")?)`, or `.store(MemoryStore::new())` in a test"
    )]
    NoStore,
    /// Two definitions have the same name.
    #[error(transparent)]
    DuplicateName(#[from] DuplicateName),
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The program aborts on panic, so that a panic in an orchestrator or activity could not be recorded.
    #[error(
        "this program is compiled with `panic = \"abort\"`; steadfast records panics as failures, which needs unwinding: remove the \
         setting from the Cargo profile"
    )]
    PanicAbort,
    /// The operating system gave no thread.
    #[error("the worker's threads cannot be started")]
    Threads(#[source] std::io::Error),
}

impl Steadfast {
    /// A worker with default settings and every linked definition.
    pub fn builder() -> Builder {
        Builder {
            store: None,
            task_hub: None,
            definitions: None,
            clock: Arc::new(SystemClock),
            activity_limit: DEFAULT_ACTIVITY_LIMIT,
            cache: DEFAULT_CACHE,
            shards: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            panics: Panics::default(),
        }
    }

    /// A client of this worker. Cheap to clone; it outlives the worker, and is then told that it has been shut down.
    #[must_use]
    pub const fn client(&self) -> &Client {
        &self.client
    }

    /// Refuses new requests, lets running activities finish until the deadline, commits what is left, and stops.
    ///
    /// Activities see it through their context's `cancelled()`. Those that do not end in time run again after the next start.
    /// An orchestrator that does not return is given as long again, at least ten seconds; then its thread is left behind.
    pub async fn shut_down(mut self, deadline: Duration) {
        if let Some(threads) = self.threads.take() {
            threads.shut_down(deadline).await;
        }
    }
}

impl Drop for Steadfast {
    fn drop(&mut self) {
        drop(self.threads.take());
        self.watchers.close();
        if let Some(runtime) = self.own_runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl fmt::Debug for Steadfast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Steadfast")
            .field("client", &self.client)
            .finish_non_exhaustive()
    }
}

impl Builder {
    /// Where the instances are kept. There is no default.
    pub fn store(mut self, store: impl Store) -> Self {
        self.store = Some(Arc::new(store));
        self
    }

    /// The name of the task hub: the store remembers it, and refuses to be opened as another one. A store without one becomes
    /// `default`.
    pub fn task_hub(mut self, name: impl Into<String>) -> Self {
        self.task_hub = Some(name.into());
        self
    }

    /// Serves exactly these definitions (`steadfast::definitions![..]`) instead of every linked one.
    pub fn definitions(mut self, definitions: impl IntoIterator<Item = Registration>) -> Self {
        self.definitions.get_or_insert_default().extend(definitions);
        self
    }

    /// How many activities run at a time; 256 by default. The others wait their turn. One that was cancelled and has not
    /// noticed does not count.
    pub fn max_concurrent_activities(mut self, limit: usize) -> Self {
        self.activity_limit = limit.max(1);
        self
    }

    /// How many instances stay in memory between their episodes; 10,000 by default. The others are rebuilt from their history
    /// when something happens to them.
    pub fn max_live_instances(mut self, limit: usize) -> Self {
        self.cache = limit;
        self
    }

    /// How many threads run orchestrators; as many as the machine has processors by default.
    pub fn orchestrator_threads(mut self, threads: usize) -> Self {
        self.shards = threads.max(1);
        self
    }

    /// What becomes of an instance whose orchestrator panics; by default it fails.
    pub fn on_orchestrator_panic(mut self, panics: Panics) -> Self {
        self.panics = panics;
        self
    }

    /// Where time comes from; by default the machine's clock.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Takes the store over and starts. What an earlier worker left unfinished goes on.
    ///
    /// Activities run on the tokio runtime that this is called in, which must live as long as the worker; called outside of
    /// one, they run on a runtime of the worker's own.
    ///
    /// # Errors
    ///
    /// [`StartError`] says what is missing or in the way.
    pub async fn start(self) -> Result<Steadfast, StartError> {
        if cfg!(panic = "abort") {
            return Err(StartError::PanicAbort);
        }
        let store = self.store.ok_or(StartError::NoStore)?;
        let registry = Registry::new(self.definitions.unwrap_or_else(crate::registry::linked))?;
        let ownership = store.acquire(self.task_hub.as_deref()).await?;
        let (inlets, receivers) = threaded::inlets(self.shards);
        let watchers = Arc::new(Watchers::default());
        let shared = Arc::new(Shared {
            registry,
            clock: self.clock,
            ids: Arc::new(RandomIds),
            watchers: Arc::clone(&watchers),
            panics: self.panics,
            cache: self.cache.div_ceil(self.shards),
            on_foreign_wake: threaded::foreign_wakes(inlets.clone()),
        });
        let (runtime, own_runtime) = match tokio::runtime::Handle::try_current() {
            Ok(handle) => (handle, None),
            Err(_) => {
                let runtime = tokio::runtime::Builder::new_multi_thread()
                    .enable_all()
                    .build()
                    .map_err(StartError::Threads)?;
                (runtime.handle().clone(), Some(runtime))
            }
        };
        let parts = Parts {
            store: Arc::clone(&store),
            epoch: ownership.epoch,
            shared: Arc::clone(&shared),
            activity_limit: self.activity_limit,
            inlets,
            receivers,
        };
        let threads = threaded::start(parts, &runtime).map_err(StartError::Threads)?;
        let client = Client::new(
            ownership.task_hub,
            Arc::clone(&store),
            shared,
            threads.requests(),
        );
        threads.recover(&*store).await?;
        Ok(Steadfast {
            client,
            threads: Some(threads),
            watchers,
            own_runtime,
        })
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("store", &self.store)
            .field("task_hub", &self.task_hub)
            .finish_non_exhaustive()
    }
}
