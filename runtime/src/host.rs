//! The worker as users see it: built, started, shut down.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::client::{Client, Metrics};
use crate::clock::{Clock, SystemClock};
use crate::dependency::Dependencies;
use crate::engine::{EpisodeReplays, Panics, Settings, SuspiciousAwaits, note_places_of_panics};
use crate::limits::DEFAULT_MAX_EPISODE_DURATION;
use crate::registration::Registration;
use crate::registry::{DuplicateName, MissingDependencies, Registry};
use crate::store::{Store, StoreError};
use crate::worker::condition::Condition;
use crate::worker::culprits::Culprits;
use crate::worker::ids::RandomIds;
use crate::worker::meters::Meters;
use crate::worker::ownership;
use crate::worker::shard::{CROWD, Shared};
use crate::worker::threaded::{self, Inlets, Parts, Threads};
use crate::worker::watchers::Watchers;

/// How many activities run at a time by default. They mostly wait for others, so more than there are processors.
const DEFAULT_ACTIVITY_LIMIT: usize = 256;

/// How many live instances a worker keeps in memory by default. More may exist; they are loaded when something happens to them.
const DEFAULT_CACHE: usize = 40_000;

/// A running worker: it runs the orchestrations of one store in this process.
///
/// Dropping it stops it at once, except that it waits for the commits that are on their way. What was not committed is done
/// again after the next start. [`shut_down`](Self::shut_down) lets running activities finish first.
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
    dependencies: Dependencies,
    clock: Arc<dyn Clock>,
    activity_limit: usize,
    cache: usize,
    shards: usize,
    max_episode_duration: Duration,
    settings: Settings,
}

/// Why a worker cannot be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// No store was given.
    #[error(
        "no store is given; write `.store(SqliteStore::open(\"app.db\")?)`, or `.store(MemoryStore::new())` in a test"
    )]
    NoStore,
    /// Two definitions have the same name and version.
    #[error(transparent)]
    DuplicateName(#[from] DuplicateName),
    /// An activity takes a dependency that was not given.
    #[error(transparent)]
    MissingDependency(#[from] MissingDependencies),
    /// Two dependencies have the same type, so that it is not clear which of them an activity takes.
    #[error(
        "two dependencies of type `{type_name}` are given; give one of them a type of its own, as in \
         `struct Replica({type_name});`"
    )]
    DuplicateDependency {
        /// The name of the type.
        type_name: &'static str,
    },
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
            dependencies: Dependencies::new(),
            clock: Arc::new(SystemClock),
            activity_limit: DEFAULT_ACTIVITY_LIMIT,
            cache: DEFAULT_CACHE,
            shards: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            max_episode_duration: DEFAULT_MAX_EPISODE_DURATION,
            settings: Settings::default(),
        }
    }

    /// A client of this worker. Cheap to clone. It may outlive the worker; its requests then fail with
    /// [`ClientError::ShutDown`](crate::ClientError::ShutDown).
    #[must_use]
    pub const fn client(&self) -> &Client {
        &self.client
    }

    /// What the worker has done since it was started, and its current state: see [`Client::metrics`].
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        self.client.metrics()
    }

    /// Refuses new requests, lets running activities finish for so long, commits what is left, and stops.
    ///
    /// Activities learn of it through `cancelled()` of their context. Those that do not finish in time run again after the next
    /// start. An orchestrator that does not return is given the same time once more, at least ten seconds; then its thread is
    /// left behind.
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
    /// Where the instances are kept. There is no default: without a store, [`start`](Self::start) fails with
    /// [`StartError::NoStore`].
    pub fn store(mut self, store: impl Store) -> Self {
        self.store = Some(Arc::new(store));
        self
    }

    /// The name of the task hub. The store remembers it, and [`start`](Self::start) fails with [`StartError::Store`] when it has
    /// another one. By default it is the one that the store has; a new store gets `default`.
    pub fn task_hub(mut self, name: impl Into<String>) -> Self {
        self.task_hub = Some(name.into());
        self
    }

    /// Serves exactly these definitions (`steadfast::definitions![..]`) instead of every linked one, which is the default. Called
    /// again, it adds to them. With the feature `call-http` the activity behind `ctx.call_http(..)` is always served.
    ///
    /// [`start`](Self::start) fails with [`StartError::DuplicateName`] when two have the same name and version.
    pub fn definitions(mut self, definitions: impl IntoIterator<Item = Registration>) -> Self {
        self.definitions.get_or_insert_default().extend(definitions);
        self
    }

    /// Gives a value to the activities that take a [`Dependency`](crate::Dependency) of its type.
    ///
    /// The worker starts only when every activity that it serves has all that it takes; with
    /// [`definitions`](Self::definitions) it serves fewer than are linked.
    ///
    /// ```standalone_crate
    /// use steadfast::prelude::*;
    /// use steadfast::store::memory::MemoryStore;
    ///
    /// struct Mailer {
    ///     sender: String,
    /// }
    ///
    /// #[activity]
    /// async fn send_mail(mailer: Dependency<Mailer>, to: String) -> String {
    ///     format!("From: {}, To: {to}", mailer.sender)
    /// }
    ///
    /// #[orchestrator]
    /// async fn welcome(ctx: OrchestrationContext, to: String) -> Result<String, String> {
    ///     Ok(ctx.call(send_mail(to)).await?)
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let mailer = Mailer { sender: "us".into() };
    /// let steadfast = Steadfast::builder().store(MemoryStore::new()).dependency(mailer).start().await?;
    /// let mail = steadfast.client().start(welcome("you".into())).await?.output().await?;
    /// assert_eq!(mail, "From: us, To: you");
    /// # Ok(())
    /// # }
    /// ```
    pub fn dependency<T: Send + Sync + 'static>(mut self, value: T) -> Self {
        self.dependencies = self.dependencies.with(value);
        self
    }

    /// As [`dependency`](Self::dependency) with a value that is shared already, perhaps behind a trait: an `Arc<dyn Mailer>` is
    /// for activities that take a `Dependency<dyn Mailer>`.
    pub fn shared_dependency<T: Send + Sync + ?Sized + 'static>(mut self, value: Arc<T>) -> Self {
        self.dependencies = self.dependencies.with_shared(value);
        self
    }

    /// How many activities run at a time; 256 by default, and at least one. The others wait for their turn. An activity that was
    /// cancelled but has not noticed yet does not count.
    pub fn max_concurrent_activities(mut self, limit: usize) -> Self {
        self.activity_limit = limit.max(1);
        self
    }

    /// How many instances stay in memory between their episodes at most; 40,000 by default. Instances that wait for an event or a
    /// timer, and not for an activity, may take an eighth of that. The others are rebuilt from their history when something
    /// happens to them. While there is no room, new instances wait in the store for their turn.
    pub fn max_live_instances(mut self, limit: usize) -> Self {
        self.cache = limit;
        self
    }

    /// How many threads run orchestrators; by default as many as the machine has processors, and at least one.
    pub fn orchestrator_threads(mut self, threads: usize) -> Self {
        self.shards = threads.max(1);
        self
    }

    /// How long an orchestrator may run before it returns to the worker, which it does whenever it waits; 30 seconds by default
    /// ([`DEFAULT_MAX_EPISODE_DURATION`](crate::limits::DEFAULT_MAX_EPISODE_DURATION)).
    ///
    /// One that takes a second is reported, in the log or on standard error. One that takes longer than this limit, in an endless
    /// loop or by blocking its thread, is set aside with a reason that names it. Its thread is given up: the other instances go on
    /// in a new one, from what is stored of them. It is tried again by [`retry`](crate::InstanceHandle::retry) and by the next
    /// worker, and can be terminated. A request that the thread had taken is answered with
    /// [`ClientError::GivenUp`](crate::ClientError::GivenUp).
    ///
    /// A thread that was given up cannot be ended: it keeps its memory, and a processor if it computes. At most
    /// [`MAX_THREADS_GIVEN_UP`](crate::limits::MAX_THREADS_GIVEN_UP) of them get a successor. With one more the worker is
    /// [not ready](crate::NotReady::Stuck), and the other instances of that thread wait until the program is started again.
    ///
    /// Replaying an instance counts too, and so do the destructors of what its code held. Activities do not: one that blocks keeps
    /// a thread of the tokio runtime.
    pub fn max_episode_duration(mut self, limit: Duration) -> Self {
        self.max_episode_duration = limit;
        self
    }

    /// What happens to an instance whose orchestrator panics; [`Panics::Fail`] by default.
    pub fn on_orchestrator_panic(mut self, panics: Panics) -> Self {
        self.settings.panics = panics;
        self
    }

    /// What happens to an instance whose orchestrator seems to wait for something that is not durable, while it has durable
    /// operations open. By default it is set aside if the program has debug assertions, as tests have, and otherwise only
    /// reported.
    ///
    /// Where it is certain that something awaited is not durable, the instance is set aside in any case.
    pub fn on_suspicious_await(mut self, then: SuspiciousAwaits) -> Self {
        self.settings.suspicious_awaits = then;
        self
    }

    /// Replays every episode at once, and sets the instance aside when the replay differs: for debug builds and tests. Off by
    /// default.
    ///
    /// It finds code that is not deterministic in the first episode that shows it: a random number, a counter of the process, the
    /// order of a `HashMap`, an unbiased `select!` in a helper. What the episode asked for is compared in full, with its inputs and
    /// times; so are the custom status, the end, and what is waited for. An episode that differs is not committed.
    ///
    /// JSON objects are compared without regard to the order of their keys, so a `HashMap` as a value is no difference. Arrays
    /// are compared in order, so a `HashSet` is one.
    ///
    /// The code of orchestrators runs twice; their tracing, their side effects and their activities do not. Each episode costs a
    /// replay of the whole history, so that an execution costs the square of its length.
    ///
    /// ```standalone_crate
    /// use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
    ///
    /// use steadfast::prelude::*;
    /// use steadfast::store::memory::MemoryStore;
    ///
    /// static ORDERS: AtomicU32 = AtomicU32::new(0);
    ///
    /// #[activity]
    /// async fn ship(order: u32) -> u32 {
    ///     order
    /// }
    ///
    /// #[orchestrator]
    /// async fn order(ctx: OrchestrationContext) -> Result<u32, String> {
    ///     Ok(ctx.call(ship(next_order())).await?)
    /// }
    ///
    /// fn next_order() -> u32 {
    ///     ORDERS.fetch_add(1, Relaxed)
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let builder = Steadfast::builder().store(MemoryStore::new());
    /// let steadfast = builder.replay_every_episode().start().await?;
    /// let order = steadfast.client().start(order().id("order")).await?;
    /// let mut changes = order.watch_custom_status();
    /// let why = loop {
    ///     if let Some(why) = changes.next().await?.and_then(|change| change.stalled) {
    ///         break why;
    ///     }
    /// };
    /// assert!(why.contains("found (on replay) a call of activity `ship` with input 1"), "{why}");
    /// # Ok(())
    /// # }
    /// ```
    pub fn replay_every_episode(mut self) -> Self {
        self.settings.replays = EpisodeReplays::Always;
        self
    }

    /// Largest input, output, event or recorded value, in bytes of its JSON text as UTF-8; 1 MiB by default
    /// ([`DEFAULT_MAX_PAYLOAD_BYTES`](crate::limits::DEFAULT_MAX_PAYLOAD_BYTES)).
    ///
    /// A call with a larger input or result fails, and so does an orchestration with a larger output; the failure is of the kind
    /// [`PAYLOAD_TOO_LARGE`](crate::model::failure::kind::PAYLOAD_TOO_LARGE) and has the size and the limit. A client's request gets
    /// [`ClientError::PayloadTooLarge`](crate::ClientError::PayloadTooLarge). What is already in history is read whatever its size.
    pub fn max_payload_bytes(mut self, limit: usize) -> Self {
        self.settings.limits.max_payload_bytes = limit;
        self
    }

    /// How many activities, sub-orchestrations and timers an execution may have open, and how many actions it may ask for in one episode;
    /// 200,000 by default ([`DEFAULT_MAX_OPEN_OPERATIONS`](crate::limits::DEFAULT_MAX_OPEN_OPERATIONS)), and at least one. An instance
    /// whose orchestrator asks for more is set aside, with the source line in its reason; nothing of that episode is done.
    pub fn max_open_operations(mut self, limit: usize) -> Self {
        self.settings.limits.max_open_operations = limit.max(1);
        self
    }

    /// Where time comes from; by default the machine's clock.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Takes ownership of the store and starts. What an earlier worker left unfinished goes on.
    ///
    /// Activities run on the tokio runtime that this is called in, which must live as long as the worker; called outside of
    /// one, they run on a runtime of the worker's own.
    ///
    /// The first start in a process sets a panic hook, so that reports about orchestrators that panic name the line. It calls the
    /// hook that was there before.
    ///
    /// # Errors
    ///
    /// [`StartError`] says what is missing or in the way: no store, one that is of another task hub, or one that was written with
    /// another key; two definitions of one name and version; a dependency that an activity takes and that was not given;
    /// `panic = "abort"`. (A store that another process has open is refused when it is opened.)
    pub async fn start(self) -> Result<Steadfast, StartError> {
        if cfg!(panic = "abort") {
            return Err(StartError::PanicAbort);
        }
        let store = self.store.ok_or(StartError::NoStore)?;
        let definitions = self.definitions.unwrap_or_else(crate::registry::linked);
        let registry = registry(definitions, &self.dependencies)?;
        note_places_of_panics();
        let ownership = ownership::acquire(&*store, self.task_hub.as_deref()).await?;
        let meters = Arc::new(Meters::new(self.shards));
        let inlets = Inlets::new(self.shards, &meters);
        let watchers = Arc::new(Watchers::default());
        let shared = Arc::new(Shared {
            registry,
            dependencies: Arc::new(self.dependencies),
            clock: self.clock,
            ids: Arc::new(RandomIds),
            watchers: Arc::clone(&watchers),
            condition: Condition::default(),
            culprits: Culprits::default(),
            meters: Arc::clone(&meters),
            settings: self.settings,
            cache: self.cache.div_ceil(self.shards),
            crowd: CROWD,
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
            max_episode_duration: self.max_episode_duration,
            inlets,
        };
        let threads = threaded::start(parts, &runtime).map_err(StartError::Threads)?;
        let client = Client::new(
            ownership.task_hub,
            Arc::clone(&store),
            shared,
            threads.requests(),
            false,
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

/// What a worker serves, when its activities have everything that they take.
pub(crate) fn registry(
    definitions: Vec<Registration>,
    dependencies: &Dependencies,
) -> Result<Registry, StartError> {
    if let Some(type_name) = dependencies.given_twice() {
        return Err(StartError::DuplicateDependency { type_name });
    }
    let registry = serve(definitions)?;
    registry.check_dependencies(dependencies)?;
    Ok(registry)
}

/// What a worker serves.
pub(crate) fn serve(
    #[cfg_attr(
        not(feature = "call-http"),
        expect(unused_mut, reason = "there is nothing to add")
    )]
    mut definitions: Vec<Registration>,
) -> Result<Registry, DuplicateName> {
    // What an orchestrator may call without naming it is served, whatever was listed.
    #[cfg(feature = "call-http")]
    {
        let send = crate::call_http::ACTIVITY;
        if !definitions
            .iter()
            .any(|listed| listed.location == send.location)
        {
            definitions.push(send);
        }
    }
    Registry::new(definitions)
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("store", &self.store)
            .field("task_hub", &self.task_hub)
            .finish_non_exhaustive()
    }
}
