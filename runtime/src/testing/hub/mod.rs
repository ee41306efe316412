//! A whole worker in the test's own thread, on virtual time, with mocks in the place of activities.

mod activity_fn;
mod answers;
mod config;
mod crash;
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
pub use crash::{CrashesTried, crash_everywhere};
pub use instance::{ActivityAttempt, TestInstance, TestOrchestration};
pub use later::Later;
pub use mock::{ByName, Mock};
pub use time::VirtualTime;

use self::config::Config;
use self::crash::Mode;
use self::later::Asks;
use self::store::HubStore;
use self::world::{RunState, World};
use super::single_threaded::{Order, SingleThreaded};
use crate::client::{Client, ClientError, Start, StartByName, Startable};
use crate::clock::ManualClock;
use crate::definition::{Definition, OrchestratorDefinition};
use crate::model::instance::InstanceId;
use crate::store::Store;
use crate::store::memory::MemoryStore;

/// The environment variable that says with which seed a hub runs.
const SEED: &str = "STEADFAST_SEED";

/// A worker for tests: in the test's own thread, on virtual time, with mocks in the place of activities. See the
/// [module](super) for how tests are written with it.
///
/// Time moves only when nothing else can happen, so that a timer of thirty days takes none. What could happen in any order happens in
/// one that a seed says: 0, or the environment variable `STEADFAST_SEED`. A test that fails prints it to the standard error.
///
/// Nothing happens by itself: the worker runs within the methods of the hub, and of what it gives. All of them panic, and thereby fail
/// the test, when what they wait for cannot happen any more. They say then what each unfinished instance waits for, and why one does
/// not advance.
///
/// Every episode is replayed at once, so that code that is not deterministic is found in each test:
/// [`replay_every_episode`](Self::replay_every_episode).
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
    /// A hub over a store in memory.
    #[must_use]
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
    pub fn with_seeds(seeds: impl IntoIterator<Item = u64>, mut test: impl FnMut(&Self)) {
        let mut run = |seed| test(&Self::with(Arc::new(MemoryStore::new()), seed, Mode::Plain));
        match seed_given() {
            Some(seed) => run(seed),
            None => seeds.into_iter().for_each(run),
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
        let started = self.ask(async |client| {
            let start = start.borrow_mut().take_again();
            client.start(start).await.map(drop)
        });
        self.expect(started, || format!("`{id}` cannot be started"));
        self.orchestration(id)
    }

    /// Starts an orchestration by its name. See [`start`](Self::start).
    ///
    /// # Panics
    ///
    /// When it cannot be started.
    #[track_caller]
    pub fn start_by_name(&self, start: StartByName) -> TestInstance<'_> {
        let id = start.given_id().map(str::to_owned);
        let id = id.unwrap_or_else(|| self.new_id(start.name()));
        let start = RefCell::new(start.id(&id));
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
        let id = InstanceId::parse(id).unwrap_or_else(|error| panic!("{error}"));
        TestInstance::new(self, id)
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
    pub fn mock<A: 'static, F: ActivityFn<A>>(&self, activity: F) -> Mock<'_, F::Definition, A> {
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
            is_known || self.worker.borrow().is_none(),
            "this program has no activity `{name}`, and the worker runs already: mock it before the hub is first used"
        );
        Mock::new(self, name, |_| Ok(()))
    }

    /// The arguments of each call of an activity, in the order in which the calls began. Further attempts of a call are not counted.
    #[must_use]
    pub fn calls<A: 'static, F: ActivityFn<A>>(&self, activity: F) -> Vec<F::Arguments> {
        let attempts = self.attempts(activity);
        let first = attempts.into_iter().filter(|attempt| attempt.is_first);
        first.map(|attempt| attempt.arguments).collect()
    }

    /// Each attempt of an activity that ran, in the order in which they began; also those that ran again after a crash.
    ///
    /// # Panics
    ///
    /// When it was called with something that it cannot read; the call has failed.
    #[must_use]
    #[track_caller]
    pub fn attempts<A: 'static, F: ActivityFn<A>>(
        &self,
        activity: F,
    ) -> Vec<ActivityAttempt<F::Arguments>> {
        let _ = activity;
        self.attempts_of(F::Definition::NAME, |input| F::read(input).map(F::unpack))
    }

    /// As [`attempts`](Self::attempts), by the activity's name; the arguments are the JSON of the input.
    #[must_use]
    #[track_caller]
    pub fn attempts_by_name(&self, name: &str) -> Vec<ActivityAttempt<Option<String>>> {
        self.attempts_of(name, |input| {
            Ok::<_, std::convert::Infallible>(input.map(str::to_owned))
        })
    }

    #[track_caller]
    fn attempts_of<A, E: fmt::Display>(
        &self,
        name: &str,
        read: impl Fn(Option<&str>) -> Result<A, E>,
    ) -> Vec<ActivityAttempt<A>> {
        self.world.runs(|runs| {
            let mut first_runs = std::collections::HashSet::new();
            let of_name = runs
                .iter()
                .filter(|run| run.task.name.eq_ignore_ascii_case(name));
            of_name
                .map(|run| {
                    let task = &run.task;
                    let arguments = read(task.input.as_deref()).unwrap_or_else(|error| {
                        panic!("{} was called with another input: {error}", world::of(task))
                    });
                    ActivityAttempt {
                        instance_id: task.instance.clone(),
                        arguments,
                        number: task.attempt.number,
                        started_at: run.started_at,
                        ended: match &run.state {
                            RunState::Ended(outcome) => Some(outcome.clone()),
                            RunState::Running | RunState::Cancelled | RunState::Lost => None,
                        },
                        is_first: first_runs.insert((task.key.execution, task.attempt.first)),
                    }
                })
                .collect()
        })
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

    /// Begins to wait for something: it may take so many steps.
    fn new_wait(&self) {
        self.steps_left.set(self.config.borrow().max_steps);
    }

    /// Asks for a change until it is known to be committed or refused, whatever crashes meanwhile.
    #[track_caller]
    fn ask(&self, ask: impl AsyncFn(Client) -> Result<(), ClientError>) -> Result<(), ClientError> {
        loop {
            if !self.mode.is_plain() {
                // The next commit is then the one that is asked for.
                self.run_now();
            }
            let (commits, starts) = (self.store.commits(), self.starts());
            let answer = self.drive(starts, ask(self.client()));
            let is_known = match &answer {
                None => false,
                Some(Err(ClientError::Store(_))) => self.store.crashed().is_none(),
                Some(_) => true,
            };
            match answer {
                Some(answer) if is_known => return answer,
                _ if self.store.was_applied(commits) => return Ok(()),
                _ => {}
            }
        }
    }

    /// Asks for something that changes nothing.
    #[track_caller]
    fn look<T>(&self, look: impl AsyncFn(Client) -> T) -> T {
        loop {
            let starts = self.starts();
            if let Some(answer) = self.drive(starts, look(self.client())) {
                return answer;
            }
        }
    }

    /// The answer that a worker gives by itself, without the time moving: for reports, when nothing may go on.
    fn answer_of<T>(&self, ask: impl AsyncFn(Client) -> T) -> Option<T> {
        let client = self.client();
        let mut answer = pin!(ask(client));
        let mut context = Context::from_waker(Waker::noop());
        for _ in 0..10_000 {
            if let Poll::Ready(answer) = answer.as_mut().poll(&mut context) {
                return Some(answer);
            }
            if !self.with_worker(SingleThreaded::step) {
                break;
            }
        }
        None
    }

    /// Runs until a future is ready; nothing when the worker was started again meanwhile.
    #[track_caller]
    fn drive<T>(&self, starts: u32, future: impl Future<Output = T>) -> Option<T> {
        let mut future = pin!(future);
        let mut context = Context::from_waker(Waker::noop());
        while self.starts() == starts {
            if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
                return Some(output);
            }
            if !self.step() && !self.move_time() {
                self.fail("the worker does not answer a request");
            }
        }
        None
    }

    /// Lets everything happen that can happen at the current time.
    #[track_caller]
    fn run_now(&self) {
        while self.happen() {}
    }

    /// One thing that can happen at the current time; `false` when nothing can.
    #[track_caller]
    fn happen(&self) -> bool {
        self.ask_what_is_due() || self.step()
    }

    /// One step of the worker.
    #[track_caller]
    fn step(&self) -> bool {
        self.world.time.ring();
        let happened = self.with_worker(SingleThreaded::step);
        if let Some(why) = self.world.take_broken() {
            self.fail(&why);
        }
        let dies = self
            .mode
            .disturbance()
            .is_some_and(|it| it.crash.is_death());
        if dies && self.store.crashed().is_some() && !self.has_died.replace(true) {
            self.restart();
            return true;
        }
        if happened {
            let left = self.steps_left.get().checked_sub(1);
            self.steps_left.set(left.unwrap_or_else(|| {
                self.fail(
                    "it does not come to an end: more steps were taken than `hub.max_steps(..)` allows",
                )
            }));
        }
        happened
    }

    /// Moves the time to the next thing that is due; `false` when nothing is.
    fn move_time(&self) -> bool {
        let next = self.next_due();
        if let Some(due) = next {
            self.set_time(due.max(self.now()));
        }
        next.is_some()
    }

    fn next_due(&self) -> Option<Timestamp> {
        let of_worker = self.with_worker(|worker| worker.next_due());
        let asked = self.asks.borrow().next();
        [of_worker, asked, self.world.time.next()]
            .into_iter()
            .flatten()
            .min()
    }

    fn starts(&self) -> u32 {
        self.with_worker(|_| ());
        self.starts.get()
    }

    fn stop_worker(&self) {
        drop(self.worker.borrow_mut().take());
        self.world.lose_runs();
    }

    #[track_caller]
    fn with_worker<T>(&self, with: impl FnOnce(&mut SingleThreaded) -> T) -> T {
        let mut worker = self.worker.borrow_mut();
        let worker = worker.get_or_insert_with(|| self.start_worker());
        with(worker)
    }

    #[track_caller]
    fn start_worker(&self) -> SingleThreaded {
        self.starts.set(self.starts.get() + 1);
        let world = Rc::clone(&self.world);
        let options = self.config.borrow().options(
            Arc::clone(self.world.time.clock()),
            Order::Seeded(self.seed),
            self.world.mocked(),
        );
        let around = Box::new(move |shared: &_, task: &_, cancellation, real| {
            world.run(shared, task, cancellation, real)
        });
        let store = Arc::clone(&self.store) as Arc<dyn Store>;
        SingleThreaded::start_for_users(store, options, around)
            .unwrap_or_else(|error| panic!("the store cannot be used: {error}"))
    }
}

/// The seed that the environment says.
fn seed_given() -> Option<u64> {
    let text = std::env::var(SEED).ok()?;
    Some(text.parse().unwrap_or_else(|_| {
        panic!("the environment variable {SEED} is `{text}`; a seed is a number from 0")
    }))
}

impl Drop for TestHub {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        let thread = std::thread::current();
        let test = thread.name().filter(|name| *name != "main");
        let mut again = format!("{SEED}={}", self.seed);
        if let Some(disturbance) = self.mode.disturbance() {
            again += &format!(" {}={disturbance}", crash::CRASH);
        }
        eprintln!(
            "steadfast: this test ran with the seed {}; to run it again in the same order: {again} cargo test {}",
            self.seed,
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
