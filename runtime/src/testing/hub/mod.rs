//! A whole worker in the test's own thread, on virtual time, with mocks in the place of activities.

mod activity_fn;
mod answers;
mod attempts;
mod comparison;
mod config;
mod crash;
mod drive;
mod instance;
mod later;
mod mock;
mod report;
mod store;
mod time;
mod world;

use std::cell::{Cell, RefCell};
use std::fmt;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use jiff::Timestamp;

pub use activity_fn::ActivityFn;
pub use attempts::ActivityAttempt;
pub use crash::{CrashesTried, crash_everywhere};
pub use instance::{TestInstance, TestOrchestration};
pub use later::Later;
pub use mock::{ByName, Mock};
pub use time::VirtualTime;

use self::config::Config;
use self::crash::Mode;
use self::later::Asks;
use self::store::HubStore;
use self::world::World;
use super::single_threaded::SingleThreaded;
use crate::client::{Client, Start, StartByName, Startable};
use crate::clock::ManualClock;
use crate::definition::{ActivityDefinition, Definition, OrchestratorDefinition};
use crate::model::instance::InstanceId;
use crate::store::Store;
use crate::store::memory::MemoryStore;

/// The environment variable that says with which seed a hub runs.
const SEED: &str = "STEADFAST_SEED";

/// A worker for tests: in the test's own thread, on virtual time, with mocks in the place of activities. See the
/// [module](super) for how tests are written with it.
///
/// Time moves only when nothing else can happen, so a timer of thirty days takes no real time. What could happen in any order happens
/// in one that is drawn from a seed: 0, or the environment variable `STEADFAST_SEED`. A test that fails prints its seed to standard
/// error.
///
/// Nothing happens by itself: the worker runs inside the methods of the hub and of the handles that it returns. All of them panic, and
/// so fail the test, when what they wait for cannot happen any more. They then say what each unfinished instance waits for, or why it
/// does not advance.
///
/// Episodes are replayed at once, so that code that is not deterministic is found in each test:
/// [`episode_replays`](Self::episode_replays).
///
/// A mock, or a fake that an activity uses, runs within the hub, and cannot let it go on from there: it notes what it sees for the
/// test to look at, and what is to happen later is asked for [before](Self::after).
pub struct TestHub {
    store: Arc<HubStore>,
    config: RefCell<Config>,
    seed: u64,
    /// It starts when something is first wanted of it.
    worker: RefCell<Option<SingleThreaded>>,
    /// How often it was started.
    starts: Cell<u32>,
    world: Rc<World>,
    asks: RefCell<Asks>,
    started: Cell<u32>,
    steps_left: Cell<u64>,
    /// Whether the worker has died of the crash that the test is about.
    has_died: Cell<bool>,
    mode: Mode,
}

impl TestHub {
    /// A hub over a store in memory. It serves every definition that is linked into the test, unless it is told
    /// [otherwise](Self::definitions).
    #[must_use]
    #[track_caller]
    #[allow(
        clippy::new_without_default,
        reason = "a hub is named where it is made, as its seed is for the whole test"
    )]
    pub fn new() -> Self {
        Self::on(MemoryStore::new())
    }

    /// A hub over this store: one with instances from before, say, or a file.
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")] {
    /// use steadfast::store::sqlite::SqliteStore;
    /// use steadfast::testing::TestHub;
    ///
    /// let folder = tempfile::tempdir().unwrap();
    /// let hub = TestHub::on(SqliteStore::open(folder.path().join("orders.db")).unwrap());
    /// # }
    /// ```
    #[must_use]
    #[track_caller]
    pub fn on(store: impl Store) -> Self {
        Self::with(Arc::new(store), seed_given().unwrap_or(0), Mode::Plain)
    }

    /// Runs a test once with each of these seeds, or only with that in the environment variable `STEADFAST_SEED`, each with a hub of its
    /// own over a store in memory. The seed with which it fails is printed to the standard error.
    ///
    /// ```
    /// # #[cfg(feature = "macros")] {
    /// # use steadfast::prelude::*;
    /// # use steadfast::testing::TestHub;
    /// # #[activity]
    /// # async fn fetch(mirror: u32) -> u32 { mirror }
    /// #[orchestrator]
    /// async fn fastest(ctx: OrchestrationContext) -> Result<u32, String> {
    ///     let calls = [1, 2, 3].map(|mirror| ctx.call(fetch(mirror)));
    ///     Ok(ctx.first(calls).await.1?)
    /// }
    ///
    /// TestHub::with_seeds(0..20, |hub| {
    ///     hub.definitions(steadfast::definitions![fastest, fetch]);
    ///     // Each of the mirrors is the fastest in some order.
    ///     let mirror = hub.start(fastest()).output().unwrap();
    ///     assert!((1..=3).contains(&mirror));
    /// });
    /// # }
    /// ```
    ///
    /// # Panics
    ///
    /// When there is no seed.
    #[track_caller]
    pub fn with_seeds(seeds: impl IntoIterator<Item = u64>, mut test: impl FnMut(&Self)) {
        let mut run = |seed| test(&Self::with(Arc::new(MemoryStore::new()), seed, Mode::Plain));
        match seed_given() {
            Some(seed) => run(seed),
            None => {
                let mut seeds = seeds.into_iter().peekable();
                assert!(
                    seeds.peek().is_some(),
                    "there is no seed: nothing would be tested"
                );
                seeds.for_each(run);
            }
        }
    }

    fn with(store: Arc<dyn Store>, seed: u64, mode: Mode) -> Self {
        let store = Arc::new(HubStore::new(store));
        if let Some(disturbance) = mode.disturbance() {
            store.crash_at(disturbance.commit, disturbance.crash);
        }
        let config = Config::default();
        let time = VirtualTime::new(Arc::new(ManualClock::new(config::BEGINNING)), seed);
        Self {
            world: Rc::new(World::new(time, Arc::clone(&store))),
            store,
            steps_left: Cell::new(config.max_steps),
            config: RefCell::new(config),
            seed,
            worker: RefCell::default(),
            starts: Cell::new(0),
            asks: RefCell::new(Asks::new(seed)),
            started: Cell::new(0),
            has_died: Cell::new(false),
            mode,
        }
    }

    /// The seed that the order of things is drawn from.
    #[must_use]
    pub const fn seed(&self) -> u64 {
        self.seed
    }

    /// The current time. It begins on the first of January 2026, at 00:00 UTC.
    ///
    /// ```
    /// # #[cfg(feature = "macros")] {
    /// # use std::time::Duration;
    /// # use steadfast::prelude::*;
    /// # use steadfast::testing::TestHub;
    /// use steadfast::Timestamp;
    ///
    /// const WEEK: Duration = Duration::from_secs(7 * 24 * 60 * 60);
    ///
    /// #[orchestrator]
    /// async fn remind(ctx: OrchestrationContext) -> Timestamp {
    ///     ctx.create_timer(WEEK).await;
    ///     ctx.current_utc_datetime()
    /// }
    ///
    /// let hub = TestHub::new();
    /// hub.definitions(steadfast::definitions![remind]);
    /// let begin = hub.now();
    /// let reminded = hub.start(remind()).output().unwrap();
    /// // It is a `jiff::Timestamp`, as the orchestrator's own time.
    /// assert_eq!(hub.now(), reminded);
    /// assert_eq!(hub.now().duration_since(begin).unsigned_abs(), WEEK);
    /// assert_eq!(hub.now().to_string(), "2026-01-08T00:00:00Z");
    /// # }
    /// ```
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.world.time.now()
    }

    /// The time, for mocks and fakes that take some.
    #[must_use]
    pub fn time(&self) -> VirtualTime {
        self.world.time.clone()
    }

    /// Puts the clock to this time. It may go back, as clocks do; nothing else happens.
    pub fn set_time(&self, now: Timestamp) {
        self.world.time.clock().set(now);
    }

    /// Lets so much time pass, and everything that becomes due meanwhile happen at its time.
    #[track_caller]
    pub fn advance(&self, duration: Duration) {
        let end = time::later(self.now(), duration);
        self.new_wait();
        loop {
            self.run_now();
            match self.next_due() {
                Some(due) if due <= end => self.set_time(due.max(self.now())),
                _ => break,
            }
        }
        self.set_time(end.max(self.now()));
        self.run_now();
    }

    /// Lets everything happen that can happen at the current time.
    #[track_caller]
    pub fn run_until_idle(&self) {
        self.new_wait();
        self.run_now();
    }

    /// Kills the worker and starts it again over the same store: everything in memory is lost, and what runs with it. Activities
    /// whose end is not committed run again.
    ///
    /// What was [configured](Self::definitions) since holds from now on, so that it stands for a deploy too.
    #[track_caller]
    pub fn restart(&self) {
        self.stop_worker();
        self.with_worker(|_| ());
    }

    /// A client of the worker, until the next restart. Its futures are ready only while the worker runs: see
    /// [`block_on`](Self::block_on).
    #[must_use]
    #[track_caller]
    pub fn client(&self) -> Client {
        self.with_worker(|worker| worker.client().clone())
    }

    /// Runs until a future is ready, and moves the time when nothing else can happen: for what the client can do and the hub does not.
    ///
    /// ```
    /// # #[cfg(feature = "macros")] {
    /// # use steadfast::prelude::*;
    /// # use steadfast::testing::TestHub;
    /// # #[orchestrator]
    /// # async fn ship(_ctx: OrchestrationContext, order: u64) -> u64 { order }
    /// let hub = TestHub::new();
    /// hub.definitions(steadfast::definitions![ship]);
    /// hub.start(ship(7).id("order-7")).output().unwrap();
    /// let client = hub.client();
    /// hub.block_on(client.instance("order-7").unwrap().restart()).unwrap();
    /// # }
    /// ```
    #[track_caller]
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.new_wait();
        let mut future = pin!(future);
        let mut context = Context::from_waker(Waker::noop());
        loop {
            if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
                return output;
            }
            if !self.happen() && !self.move_time() {
                self.fail("the future waits for something that cannot happen any more");
            }
        }
    }

    /// Starts an orchestration, and returns when that is durable. Without an id it gets one of its name and a number.
    ///
    /// # Panics
    ///
    /// When it cannot be started. The errors of the client are seen by `hub.block_on(hub.client().start(..))`.
    #[track_caller]
    pub fn start<D: OrchestratorDefinition>(
        &self,
        start: impl Startable<Definition = D>,
    ) -> TestOrchestration<'_, D> {
        let mut start: Start<D> = start.into_start();
        let id = start.given_id().map(str::to_owned);
        let id = id.unwrap_or_else(|| self.new_id(D::NAME));
        start = start.id(&id);
        let start = RefCell::new(start);
        self.new_wait();
        let started = self.ask(async |client| {
            let start = start.borrow_mut().take_again();
            client.start(start).await.map(drop)
        });
        self.expect(started, || format!("`{id}` cannot be started"));
        self.orchestration(id)
    }

    /// Starts an orchestration by its name, with an input as JSON: as a client does that does not know the type. See
    /// [`start`](Self::start).
    ///
    /// ```
    /// # #[cfg(feature = "macros")] {
    /// # use steadfast::prelude::*;
    /// # use steadfast::testing::TestHub;
    /// use steadfast::StartByName;
    ///
    /// #[orchestrator(name = "Ship")]
    /// async fn ship(_ctx: OrchestrationContext, order: u64, express: Option<bool>) -> String {
    ///     format!("parcel {order}, {}", if express == Some(true) { "soon" } else { "some day" })
    /// }
    ///
    /// let hub = TestHub::new();
    /// hub.definitions(steadfast::definitions![ship]);
    /// // What a client sends that has read the documentation of the HTTP API.
    /// let parcel = hub.start_by_name(StartByName::new("ship").input(serde_json::json!({"order": 7})));
    /// assert_eq!(parcel.output_as::<String>().unwrap(), "parcel 7, some day");
    /// # }
    /// ```
    ///
    /// # Panics
    ///
    /// When it cannot be started.
    #[track_caller]
    pub fn start_by_name(&self, start: StartByName) -> TestInstance<'_> {
        let id = start.given_id().map(str::to_owned);
        let id = id.unwrap_or_else(|| self.new_id(start.name()));
        let start = RefCell::new(start.id(&id));
        self.new_wait();
        let started = self.ask(async |client| {
            let start = start.borrow_mut().take_again();
            client.start_by_name(start).await.map(drop)
        });
        self.expect(started, || format!("`{id}` cannot be started"));
        self.instance(id)
    }

    /// The orchestration of this id, which need not be there yet.
    ///
    /// # Panics
    ///
    /// When the id is not valid.
    #[must_use]
    #[track_caller]
    pub fn orchestration<D: OrchestratorDefinition>(
        &self,
        id: impl Into<String>,
    ) -> TestOrchestration<'_, D> {
        TestOrchestration::new(self.instance(id))
    }

    /// The instance of this id, which need not be there yet: a child, say.
    ///
    /// # Panics
    ///
    /// When the id is not valid.
    #[must_use]
    #[track_caller]
    pub fn instance(&self, id: impl Into<String>) -> TestInstance<'_> {
        match InstanceId::parse(id) {
            Ok(id) => TestInstance::new(self, id),
            Err(error) => panic!("{error}"),
        }
    }

    /// Lets the mock that this gives answer in the place of an activity. Activities that are not mocked run for real, in the test's own
    /// thread; they must not use timers or sockets of an async runtime.
    ///
    /// A second mock of an activity takes the place of the first. Mocks stay over a restart.
    ///
    /// ```
    /// # #[cfg(feature = "macros")] {
    /// # use steadfast::prelude::*;
    /// # use steadfast::testing::TestHub;
    /// # #[activity]
    /// # async fn say_hello(city: String) -> String { format!("Hello {city}!") }
    /// # let hub = TestHub::new();
    /// hub.mock(say_hello).with(|city| format!("Goodbye {city}!"));
    /// # }
    /// ```
    #[must_use = "a mock without an answer fails the test when the activity is called"]
    pub fn mock<A: 'static, F: ActivityFn<A, Definition: ActivityDefinition>>(
        &self,
        activity: F,
    ) -> Mock<'_, F::Definition, A> {
        let _ = activity;
        Mock::new(self, F::Definition::NAME, F::read)
    }

    /// Mocks an activity by its name, which need not be one of this program's.
    ///
    /// # Panics
    ///
    /// When the activity is not of this program and the worker runs already: it learns of such names when it starts.
    #[must_use = "a mock without an answer fails the test when the activity is called"]
    #[track_caller]
    pub fn mock_by_name(&self, name: &str) -> Mock<'_, ByName, ()> {
        let is_known = self.config.borrow().knows(name) || self.world.is_mocked(name);
        assert!(
            is_known || !self.is_running(),
            "this program has no activity `{name}`, and the worker runs already: mock it before the hub is first used"
        );
        Mock::new(self, name, |_| Ok(()))
    }

    fn new_id(&self, name: &str) -> String {
        self.started.set(self.started.get() + 1);
        let id = format!("{name}-{}", self.started.get());
        match InstanceId::parse(&id) {
            Ok(_) => id,
            Err(_) => format!("instance-{}", self.started.get()),
        }
    }

    fn world(&self) -> &Rc<World> {
        &self.world
    }
}

/// The seed that the environment says.
#[track_caller]
fn seed_given() -> Option<u64> {
    let text = std::env::var(SEED).ok()?;
    let Ok(seed) = text.parse() else {
        panic!("the environment variable {SEED} is `{text}`; a seed is a number from 0");
    };
    Some(seed)
}

impl Drop for TestHub {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        let thread = std::thread::current();
        let test = thread.name().filter(|name| *name != "main");
        let seed = self.seed;
        let (crash, again) = match self.mode {
            Mode::Plain => <(String, String)>::default(),
            Mode::Undisturbed => (", and without a crash so far".into(), String::new()),
            Mode::Disturbed(disturbance) => (
                format!(", and with a crash: {}", self.crashing()),
                format!(" {}={disturbance}", crash::CRASH),
            ),
        };
        eprintln!(
            "steadfast: this test ran with the seed {seed}{crash}; to run it again in the same order: {SEED}={seed}{again} \
             cargo test {}",
            test.unwrap_or_default(),
        );
    }
}

impl fmt::Debug for TestHub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestHub")
            .field("store", &self.store)
            .field("seed", &self.seed)
            .field("now", &self.now())
            .finish_non_exhaustive()
    }
}
