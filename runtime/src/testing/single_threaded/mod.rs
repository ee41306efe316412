//! The test driver: the whole worker in one thread, on virtual time.
//!
//! The same step functions as in production, driven in a fixed order or in one that a seed says, so that a run is the same
//! every time. Time moves only when nothing can run.

mod order;

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use futures_executor::block_on;
use futures_util::StreamExt;
use futures_util::future::LocalBoxFuture;
use futures_util::stream::FuturesUnordered;
use jiff::Timestamp;
use tokio::sync::Semaphore;

use crate::client::Client;
use crate::clock::{Clock, ManualClock};
use crate::context::{CancelReason, Cancellation};
use crate::dependency::Dependencies;
use crate::engine::{
    EpisodeReplays, Limits, Outcome, Panics, Settings, SuspiciousAwaits, note_places_of_panics,
};
use crate::host;
use crate::model::instance::{Incarnation, InstanceId};
use crate::registration::Registration;
use crate::registry::Registry;
use crate::store::{Epoch, Store, StoreError, TimerPosition};
use crate::worker::activities::progress::ProgressCell;
use crate::worker::activities::{Dispatcher, run};
use crate::worker::condition::Condition;
use crate::worker::culprits::Culprits;
use crate::worker::ids::CountingIds;
use crate::worker::message::{Request, ShardInput, ShardOutput, Task, TaskKey};
use crate::worker::meters::Meters;
use crate::worker::ownership;
use crate::worker::pulse::Pulse;
use crate::worker::room::WayIn;
use crate::worker::shard::{CROWD, Shard, Shared};
use crate::worker::takeover::Lost;
use crate::worker::timers::{PAGE, TimerIndex};
use crate::worker::watchers::Watchers;
use crate::worker::writer::{MAX_BATCH, Origin, Writer};
use order::Choices;
pub use order::Order;

/// An attempt of an activity on its way; it gives nothing when this program does not have the activity, or nobody waits for it.
pub(super) type Attempt = LocalBoxFuture<'static, Option<Outcome>>;

/// Runs an attempt, or something in its place.
pub(super) type Around = Box<dyn Fn(&Arc<Shared>, &Arc<Task>, Cancellation, Attempt) -> Attempt>;

type Inputs = Arc<Mutex<VecDeque<ShardInput>>>;
type Running = LocalBoxFuture<'static, (Arc<Task>, Option<Outcome>)>;

/// A worker that runs when it is told to.
///
/// Activities run on its thread too; they must not use the timers or sockets of an async runtime.
pub struct SingleThreaded {
    store: Arc<dyn Store>,
    epoch: Epoch,
    clock: Arc<ManualClock>,
    shared: Arc<Shared>,
    inputs: Inputs,
    shard: Shard,
    /// That of the shard's thread.
    pulse: Arc<Pulse>,
    writer: Writer,
    timers: TimerIndex,
    dispatcher: Dispatcher,
    /// Activities that have been started, and that have not run yet.
    beginning: VecDeque<Running>,
    running: FuturesUnordered<Running>,
    /// The activities whose end counts.
    attempts: HashMap<TaskKey, Attempted>,
    client: Client,
    around: Option<Around>,
    choices: Choices,
    /// What the shard wants to read.
    reads: VecDeque<Read>,
    /// What was read, and has not been taken. The shard takes nothing else before it: its thread reads and goes on.
    answer: Option<ShardInput>,
    /// Timers that the index has not been told of.
    new_timers: Vec<(TimerPosition, InstanceId)>,
}

/// An activity that was started.
struct Attempted {
    task: Arc<Task>,
    cancellation: Cancellation,
    progress: ProgressCell,
}

/// What a shard wants to read.
enum Read {
    Instance(InstanceId),
    Inbox(InstanceId, Incarnation, u64),
    NeedingAttention,
}

/// Something that can happen, in the fixed order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    Input,
    PutOut,
    Read,
    Admit,
    Commit,
    Timers,
    Tick,
    Activities,
}

impl Turn {
    const ALL: [Self; 8] = [
        Self::Input,
        Self::PutOut,
        Self::Read,
        Self::Admit,
        Self::Commit,
        Self::Timers,
        Self::Tick,
        Self::Activities,
    ];
}

/// What a [`SingleThreaded`] worker is made of.
#[derive(Debug)]
pub struct Options {
    /// What it serves.
    pub definitions: Vec<Registration>,
    /// What its activities take as parameters.
    pub dependencies: Dependencies,
    /// Its time.
    pub clock: Arc<ManualClock>,
    /// How many instances stay live; 0 replays every instance for every episode.
    pub max_live_instances: usize,
    /// What becomes of an instance whose orchestrator panics.
    pub panics: Panics,
    /// Largest payload: see [`Builder::max_payload_bytes`](crate::Builder::max_payload_bytes).
    pub max_payload_bytes: usize,
    /// See [`Builder::on_suspicious_await`](crate::Builder::on_suspicious_await).
    pub suspicious_awaits: SuspiciousAwaits,
    /// Which episodes are replayed at once.
    pub replays: EpisodeReplays,
    /// What happens next when several things can.
    pub order: Order,
}

/// Takes every request: whoever asks is run by the same thread.
struct Entrance(Inputs);

impl WayIn for Entrance {
    fn room(&self, _: Option<&InstanceId>) -> Option<Arc<Semaphore>> {
        None
    }

    fn send(&self, request: Request) -> Option<Lost> {
        push(&self.0, ShardInput::Request(request));
        None
    }
}

impl SingleThreaded {
    /// Takes the store over and picks up what is unfinished.
    ///
    /// # Errors
    ///
    /// When the store fails.
    ///
    /// # Panics
    ///
    /// When two definitions have the same name and version, when an activity takes a dependency that is not given, or one is
    /// given twice.
    #[track_caller]
    pub fn start(store: Arc<dyn Store>, options: Options) -> Result<Self, StoreError> {
        let registry = host::registry(options.definitions.clone(), &options.dependencies);
        let registry = match registry {
            Ok(registry) => registry,
            Err(error) => panic!("{error}"),
        };
        // So that instances wait for others in every test that has several.
        let crowd = 1;
        Self::assemble(store, options, registry, crowd, None)
    }

    /// As [`start`](Self::start), for tests of users: it admits instances as in production, and whoever runs the activities says whether
    /// one lacks a dependency.
    #[track_caller]
    pub(super) fn start_for_users(
        store: Arc<dyn Store>,
        options: Options,
        around: Around,
    ) -> Result<Self, StoreError> {
        let registry = match host::serve(options.definitions.clone()) {
            Ok(registry) => registry,
            Err(error) => panic!(
                "{error}; or let the hub serve only what the test is about: `hub.definitions(steadfast::definitions![..])`"
            ),
        };
        Self::assemble(store, options, registry, CROWD, Some(around))
    }

    fn assemble(
        store: Arc<dyn Store>,
        options: Options,
        registry: Registry,
        crowd: usize,
        around: Option<Around>,
    ) -> Result<Self, StoreError> {
        let Options {
            definitions: _,
            dependencies,
            clock,
            max_live_instances,
            panics,
            max_payload_bytes,
            suspicious_awaits,
            replays,
            order,
        } = options;
        note_places_of_panics();
        let ownership = block_on(ownership::acquire(&*store, None))?;
        let inputs = Inputs::default();
        let foreign_wakes = Arc::clone(&inputs);
        let shared = Arc::new(Shared {
            registry,
            dependencies: Arc::new(dependencies),
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            ids: Arc::new(CountingIds::starting_at(ownership.epoch.0 << 32)),
            watchers: Arc::new(Watchers::default()),
            condition: Condition::default(),
            culprits: Culprits::default(),
            meters: Arc::new(Meters::new(1)),
            settings: Settings {
                panics,
                suspicious_awaits,
                limits: Limits {
                    max_payload_bytes,
                    ..Limits::default()
                },
                replays,
            },
            cache: max_live_instances,
            crowd,
            on_foreign_wake: Box::new(move |id, execution| {
                push(&foreign_wakes, ShardInput::ForeignWake { id, execution });
            }),
        });
        let requests = Arc::clone(&inputs);
        let send = Arc::new(Entrance(requests));
        let client = Client::new(
            ownership.task_hub,
            Arc::clone(&store),
            Arc::clone(&shared),
            send,
            true,
        );
        recover(&*store, &inputs)?;
        let pulse = Arc::<Pulse>::default();
        Ok(Self {
            store,
            epoch: ownership.epoch,
            clock,
            shard: Shard::new(Arc::clone(&shared), Arc::clone(&pulse)),
            pulse,
            shared,
            inputs,
            writer: Writer::default(),
            timers: TimerIndex::default(),
            dispatcher: Dispatcher::new(usize::MAX),
            beginning: VecDeque::new(),
            running: FuturesUnordered::new(),
            attempts: HashMap::new(),
            client,
            around,
            choices: Choices::new(order),
            reads: VecDeque::new(),
            answer: None,
            new_timers: Vec::new(),
        })
    }

    /// A client of this worker. Its futures are ready only while the worker runs: see [`Self::block_on`].
    #[must_use]
    pub const fn client(&self) -> &Client {
        &self.client
    }

    /// Takes one step. `false` when nothing can happen at the current time.
    pub fn step(&mut self) -> bool {
        let turns = self.choices.turns();
        turns.into_iter().any(|turn| match turn {
            Turn::Input => self.take_input(),
            Turn::PutOut => self.put_out(),
            Turn::Read => self.step_reads(),
            Turn::Admit => self.admit(),
            Turn::Commit => self.commit(),
            Turn::Timers => self.step_timers(),
            Turn::Tick => self.tick(),
            Turn::Activities => self.step_activities(),
        })
    }

    /// Gives up the thread of the orchestrators, as a worker does when one of them keeps it, and goes on with another one: what was not
    /// committed is lost, and requests that were taken are not answered.
    pub fn give_up_thread(&mut self) {
        let before = std::mem::take(&mut self.pulse);
        self.shared.meters.forget_resident(before.resident());
        self.shard = Shard::new(Arc::clone(&self.shared), Arc::clone(&self.pulse));
        self.shard.inherit();
        self.writer = Writer::default();
        self.reads.clear();
        (self.answer, self.new_timers) = (None, Vec::new());
        self.inputs()
            .retain(|input| !matches!(input, ShardInput::Written(_) | ShardInput::Accounted));
        self.timers = TimerIndex::default();
        self.shared.watchers.publish_all_uncertain();
        let at_work = self.attempts.values();
        let at_work = at_work.map(|attempt| (&attempt.task, Some(&attempt.progress)));
        let waiting = self.dispatcher.waiting().map(|task| (task, None));
        let mut handed_out: Vec<_> = at_work.chain(waiting).collect();
        handed_out.sort_unstable_by_key(|(task, _)| (task.key.execution.as_u128(), task.key.id));
        for (task, progress) in handed_out {
            push(&self.inputs, ShardInput::handed_out(task, progress));
        }
        push(&self.inputs, ShardInput::Accounted);
        self.reads.push_back(Read::NeedingAttention);
    }

    fn take_input(&mut self) -> bool {
        if self.answer.is_some() {
            return false;
        }
        let input = {
            let mut inputs = self.inputs.lock().unwrap_or_else(PoisonError::into_inner);
            self.choices.take(&mut inputs)
        };
        let Some(input) = input else { return false };
        self.shard.handle(input);
        // A shard takes all inputs that are there before it passes on what they gave.
        if !self.choices.put_off() {
            self.put_out();
        }
        true
    }

    fn admit(&mut self) -> bool {
        let can_admit = self.answer.is_none() && self.shard.can_admit();
        if can_admit {
            self.shard.admit();
            self.put_out();
        }
        can_admit
    }

    fn commit(&mut self) -> bool {
        let waiting = self.writer.len();
        let limit = if self.choices.put_off() {
            self.choices.one_of(waiting) + 1
        } else {
            MAX_BATCH
        };
        let Some(batch) = self.writer.next_batch(limit) else {
            return false;
        };
        let answers = batch.commit(&mut |writes| block_on(self.store.commit(self.epoch, writes)));
        for (_, answer) in answers {
            push(&self.inputs, ShardInput::Written(answer));
        }
        true
    }

    fn step_reads(&mut self) -> bool {
        if let Some(answer) = self.answer.take() {
            self.shard.handle(answer);
            self.put_out();
            return true;
        }
        let Some(read) = self.reads.pop_front() else {
            return false;
        };
        self.answer = self.read(read);
        if !self.choices.put_off() {
            self.step_reads();
        }
        true
    }

    /// Reads, and gives what the shard is to be told.
    fn read(&self, read: Read) -> Option<ShardInput> {
        match read {
            Read::Instance(id) => {
                let result = block_on(self.store.load(&id)).map_err(Arc::new);
                Some(ShardInput::Loaded { id, result })
            }
            Read::Inbox(id, incarnation, after) => {
                let result = block_on(self.store.inbox(&id, incarnation, after)).map_err(Arc::new);
                Some(ShardInput::Inbox {
                    id,
                    incarnation,
                    result,
                })
            }
            Read::NeedingAttention => {
                let result = recover(&*self.store, &self.inputs);
                result.err().map(|_| ShardInput::RecoveryFailed)
            }
        }
    }

    fn step_timers(&mut self) -> bool {
        let news = std::mem::take(&mut self.new_timers);
        let has_news = !news.is_empty();
        for (position, id) in news {
            self.timers.set(position, id);
        }
        if let Some(after) = self.timers.begin_reading() {
            match block_on(self.store.timers(after, PAGE)) {
                Ok(page) => self.timers.read(page),
                Err(_) => {
                    self.timers.reading_failed();
                    return true;
                }
            }
        }
        let due = self.timers.due(self.clock.now());
        let is_due = !due.is_empty();
        due.into_iter()
            .for_each(|id| push(&self.inputs, ShardInput::TimerDue(id)));
        is_due || has_news
    }

    fn tick(&mut self) -> bool {
        let now = self.clock.now();
        let is_time = self.answer.is_none() && self.shard.next_tick().is_some_and(|at| at <= now);
        if is_time {
            self.shard.handle(ShardInput::Tick);
            self.put_out();
        }
        is_time
    }

    /// Runs until nothing can happen at the current time.
    pub fn run_until_idle(&mut self) {
        while self.step() {}
    }

    /// Moves the time to the next thing that is due. `false` when nothing is.
    pub fn advance(&mut self) -> bool {
        let next = self.next_due();
        if let Some(at) = next {
            self.clock.set(at.max(self.clock.now()));
        }
        next.is_some()
    }

    /// When the next thing is due.
    pub(super) fn next_due(&mut self) -> Option<Timestamp> {
        let timer = self.timers.next().into_iter();
        timer
            .chain(self.shard.next_tick())
            .chain(self.dispatcher.next_deadline())
            .min()
    }

    /// Runs until a future is ready, moving the time when nothing else can happen.
    ///
    /// # Panics
    ///
    /// When the future can never become ready.
    #[track_caller]
    pub fn block_on<F: Future>(&mut self, future: F) -> F::Output {
        let mut future = pin!(future);
        let mut context = Context::from_waker(Waker::noop());
        loop {
            if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
                return output;
            }
            assert!(
                self.step() || self.advance(),
                "the future waits for something that cannot happen"
            );
        }
    }

    /// The current time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn step_activities(&mut self) -> bool {
        let now = self.clock.now();
        let expired = self.dispatcher.take_expired(now);
        for key in &expired {
            if let Some(Attempted {
                task, cancellation, ..
            }) = self.attempts.remove(key)
            {
                cancellation.cancel(CancelReason::TimedOut);
                self.task_ended(task.instance.clone(), *key, run::timed_out(&task));
            }
        }
        if !expired.is_empty() {
            return true;
        }
        while let Some(task) = self.dispatcher.start_next(now) {
            let key = task.key;
            let cancellation = Cancellation::default();
            let progress = ProgressCell::new(Arc::clone(&task));
            let attempted = Attempted {
                task: Arc::clone(&task),
                cancellation: cancellation.clone(),
                progress: progress.clone(),
            };
            self.attempts.insert(key, attempted);
            let inputs = Arc::clone(&self.inputs);
            let on_progress: run::OnProgress = Arc::new(move |instance, key, cell| {
                let input = ShardInput::Progress {
                    instance,
                    key,
                    cell,
                };
                push(&inputs, input);
            });
            let report = run::report(progress, &on_progress);
            let shared = Arc::clone(&self.shared);
            let attempt: Attempt = Box::pin({
                let (shared, task) = (Arc::clone(&shared), Arc::clone(&task));
                let cancellation = cancellation.clone();
                async move { run::run(&shared, &task, cancellation, report).await }
            });
            let attempt = match &self.around {
                Some(around) => around(&shared, &task, cancellation, attempt),
                None => attempt,
            };
            self.beginning.push_back(Box::pin(async move {
                let outcome = attempt.await;
                (task, outcome)
            }));
        }
        let began = self.begin_activities();
        let before = self.inputs().len();
        let mut context = Context::from_waker(Waker::noop());
        let Poll::Ready(Some((task, outcome))) = self.running.poll_next_unpin(&mut context) else {
            // An activity may have reported its progress and go on.
            return began || self.inputs().len() > before;
        };
        // One whose time was up has been told of already, and nobody waits for one that was cancelled. Another may run under its key.
        let counts = |current: &Attempted| Arc::ptr_eq(&current.task, &task);
        if self.attempts.get(&task.key).is_some_and(counts) {
            self.attempts.remove(&task.key);
            self.dispatcher.ended(task.key);
            if let Some(outcome) = outcome {
                self.task_ended(task.instance.clone(), task.key, outcome);
            }
        }
        true
    }

    /// Lets activities that were started run: all of them, or one when their order is free. Whether there are more.
    fn begin_activities(&mut self) -> bool {
        while let Some(activity) = self
            .beginning
            .remove(self.choices.one_of(self.beginning.len()))
        {
            self.running.push(activity);
            if self.choices.are_free() {
                break;
            }
        }
        !self.beginning.is_empty()
    }

    fn task_ended(&self, instance: InstanceId, key: TaskKey, outcome: Outcome) {
        let input = ShardInput::TaskEnded {
            instance,
            key,
            outcome,
        };
        push(&self.inputs, input);
    }

    fn inputs(&self) -> MutexGuard<'_, VecDeque<ShardInput>> {
        self.inputs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Passes on what the shard gave. Whether it gave anything.
    fn put_out(&mut self) -> bool {
        if !self.shard.may_put_out() {
            return false;
        }
        self.shard.hand_over();
        let outputs: Vec<ShardOutput> = self.shard.outputs().collect();
        let gave = !outputs.is_empty();
        for output in outputs {
            match output {
                ShardOutput::Write(write) => self.writer.push(Origin::default(), write),
                ShardOutput::Load(id) => self.reads.push_back(Read::Instance(id)),
                ShardOutput::ReadInbox(id, incarnation, after) => {
                    self.reads.push_back(Read::Inbox(id, incarnation, after));
                }
                ShardOutput::Run(task) => self.dispatcher.push(task),
                ShardOutput::Cancel(key, reason) => {
                    self.dispatcher.cancel(key);
                    self.dispatcher.ended(key);
                    if let Some(Attempted { cancellation, .. }) = self.attempts.remove(&key) {
                        cancellation.cancel(reason);
                    }
                }
                ShardOutput::SetTimer(position, id) => self.new_timers.push((position, id)),
                ShardOutput::Notify(ids) => ids
                    .into_iter()
                    .for_each(|id| push(&self.inputs, ShardInput::Mail(id))),
                ShardOutput::Recover => self.reads.push_back(Read::NeedingAttention),
            }
        }
        gave
    }
}

/// Tells the shard of every instance that has something to do.
fn recover(store: &dyn Store, inputs: &Inputs) -> Result<(), StoreError> {
    let mut after = Incarnation(0);
    while let Some((last, page)) = next_page(store, after)? {
        page.into_iter()
            .for_each(|id| push(inputs, ShardInput::Attend(id)));
        after = last;
    }
    Ok(())
}

fn push(inputs: &Inputs, input: ShardInput) {
    inputs
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push_back(input);
}

fn next_page(
    store: &dyn Store,
    after: Incarnation,
) -> Result<Option<(Incarnation, Vec<InstanceId>)>, StoreError> {
    let page = block_on(store.needing_attention(after, PAGE))?;
    let last = page.last().map(|(last, _)| *last);
    Ok(last.map(|last| (last, page.into_iter().map(|(_, id)| id).collect())))
}

impl fmt::Debug for SingleThreaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SingleThreaded")
            .field("store", &self.store)
            .field("clock", &self.clock)
            .finish_non_exhaustive()
    }
}
