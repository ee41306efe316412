//! The production driver: threads for the shards, the writer and the timers; tokio for activities.
//!
//! | thread | waits for | does |
//! | --- | --- | --- |
//! | `steadfast-shard-N` | its channel, or the next retry | steps the shard, loads instances, commits when it is alone |
//! | `steadfast-writer` | its channel | one transaction at a time |
//! | `steadfast-timers` | its channel, or the next timer (at most ten seconds) | tells shards of due timers |
//!
//! None of them wakes up when there is nothing to do.

use std::collections::BTreeSet;
use std::io;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, PoisonError, RwLock};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use futures_executor::block_on;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::mpsc::error::SendError;

use super::activities::run::{self, DispatcherInput, Listeners};
use super::condition::State;
use super::message::{Request, RequestError, ShardInput, ShardOutput};
use super::meters::Meters;
use super::shard::{Shard, Shared};
use super::timers::{PAGE, TimerIndex};
use super::turn::{Turn, guarded};
use super::writer::{MAX_BATCH, Writer};
use crate::clock::Clock;
use crate::hash::hash_of;
use crate::model::instance::{ExecutionId, Incarnation, InstanceId};
use crate::store::{Epoch, Store, StoreError, TimerPosition, Write};

/// The longest sleep while a timer is pending: machines are suspended and clocks are set.
const MAX_TIMER_SLEEP: Duration = Duration::from_secs(10);

/// How many instances are read at a time when a worker starts.
const ATTENTION_PAGE: usize = 1_000;

/// How many inputs a shard takes before it hands its writes to the writer.
const MAX_INPUTS_PER_STEP: usize = 1_024;

/// How long a stopping worker waits for its threads at least. They only have to commit what is left.
const JOIN: Duration = Duration::from_secs(10);

/// How often it looks.
const JOIN_PAUSE: Duration = Duration::from_millis(2);

/// How long the timers wait before they ask a failing store again.
const RETRY_READING: Duration = Duration::from_secs(1);

#[expect(
    clippy::large_enum_variant,
    reason = "nearly every message is an input, and boxing it would cost an allocation each"
)]
enum ShardMessage {
    Input(ShardInput),
    /// Instances to look at when there is room for them.
    Attend(Vec<InstanceId>),
    Stop,
}

type WriterMessage = (usize, Vec<Write>);

enum TimerMessage {
    Set(Vec<(TimerPosition, InstanceId)>),
    /// An attempt of an activity will have run for as long as it may.
    WakeDispatcher(Timestamp),
    Stop,
}

/// The ways into the shards.
#[derive(Clone)]
pub(crate) struct Inlets {
    senders: Arc<[Sender<ShardMessage>]>,
    meters: Arc<Meters>,
}

impl Inlets {
    /// The shard that owns an instance, for as long as the process lives.
    fn shard_of(&self, id: &InstanceId) -> usize {
        usize::try_from(hash_of(id) % self.senders.len() as u64).unwrap_or_default()
    }

    fn send(&self, id: &InstanceId, input: ShardInput) {
        // A closed channel means that the worker is being dropped.
        drop(self.put(self.shard_of(id), ShardMessage::Input(input)));
    }

    /// Gives back what nobody takes any more.
    fn put(&self, shard: usize, message: ShardMessage) -> Option<ShardMessage> {
        self.meters.message_sent(shard);
        let sent = self.senders[shard].send(message);
        sent.err().map(|mpsc::SendError(message)| message)
    }

    /// What concerns no one instance is for any shard.
    fn send_request(&self, request: Request) {
        let shard = request.id().map_or(0, |id| self.shard_of(id));
        let message = ShardMessage::Input(ShardInput::Request(request));
        if let Some(ShardMessage::Input(ShardInput::Request(request))) = self.put(shard, message) {
            request.refuse(RequestError::ShutDown);
        }
    }
}

/// A running worker.
pub(crate) struct Threads {
    inlets: Inlets,
    shards: Vec<JoinHandle<()>>,
    writer: Option<JoinHandle<()>>,
    timers: Sender<TimerMessage>,
    timer_thread: Option<JoinHandle<()>>,
    dispatcher: UnboundedSender<DispatcherInput>,
    requests: Arc<RwLock<bool>>,
    shared: Arc<Shared>,
}

/// What a worker is started with.
pub(crate) struct Parts {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) epoch: Epoch,
    pub(crate) shared: Arc<Shared>,
    pub(crate) activity_limit: usize,
    pub(crate) inlets: Inlets,
    pub(crate) receivers: Vec<ShardReceiver>,
}

/// The other end of one of the [`Inlets`].
pub(crate) struct ShardReceiver(Receiver<ShardMessage>);

/// The ways into this many shards, and their other ends.
pub(crate) fn inlets(shards: usize, meters: &Arc<Meters>) -> (Inlets, Vec<ShardReceiver>) {
    let (senders, receivers): (Vec<_>, Vec<_>) = (0..shards)
        .map(|_| mpsc::channel())
        .map(|(sender, receiver)| (sender, ShardReceiver(receiver)))
        .unzip();
    let inlets = Inlets {
        senders: senders.into(),
        meters: Arc::clone(meters),
    };
    (inlets, receivers)
}

/// Starts the threads. Instances with work that nobody does are picked up at once.
pub(crate) fn start(parts: Parts, runtime: &tokio::runtime::Handle) -> io::Result<Threads> {
    let Parts {
        store,
        epoch,
        shared,
        activity_limit,
        inlets,
        receivers,
    } = parts;
    let (to_writer, writes) = mpsc::channel();
    let (to_timers, timer_messages) = mpsc::channel();
    let (to_dispatcher, dispatcher_inputs) = tokio::sync::mpsc::unbounded_channel();

    let turn = Arc::new(Turn::new(
        Arc::clone(&store),
        epoch,
        Arc::clone(&shared.meters),
    ));
    runtime.spawn(run::dispatch(
        Arc::clone(&shared),
        activity_limit,
        dispatcher_inputs,
        listeners(&inlets, &to_timers),
    ));

    let mut threads = Threads {
        inlets,
        shards: Vec::with_capacity(receivers.len()),
        writer: None,
        timers: to_timers.clone(),
        timer_thread: None,
        dispatcher: to_dispatcher.clone(),
        requests: Arc::new(RwLock::new(true)),
        shared: Arc::clone(&shared),
    };
    // What it holds is gone when it returns. So when one thread cannot be started, dropping `threads` ends those that could.
    let spawn_all = {
        let threads = &mut threads;
        move || -> io::Result<()> {
            for (index, ShardReceiver(receiver)) in receivers.into_iter().enumerate() {
                let driver = ShardDriver {
                    index,
                    shared: Arc::clone(&shared),
                    store: Arc::clone(&store),
                    turn: Arc::clone(&turn),
                    receiver,
                    next: None,
                    writer: to_writer.clone(),
                    timers: to_timers.clone(),
                    dispatcher: to_dispatcher.clone(),
                    inlets: threads.inlets.clone(),
                };
                let name = format!("steadfast-shard-{index}");
                let body = move || driver.run();
                threads.shards.push(spawn(&shared, name, body)?);
            }
            let inlets = threads.inlets.clone();
            let writer = move || write(&turn, &writes, &inlets);
            threads.writer = Some(spawn(&shared, "steadfast-writer".into(), writer)?);
            let (inlets, clock) = (threads.inlets.clone(), Arc::clone(&shared.clock));
            let dispatcher = to_dispatcher.clone();
            let timers = move || time(&*store, &timer_messages, &inlets, &dispatcher, &*clock);
            threads.timer_thread = Some(spawn(&shared, "steadfast-timers".into(), timers)?);
            Ok(())
        }
    };
    spawn_all()?;
    Ok(threads)
}

/// Whom the dispatcher tells what.
fn listeners(inlets: &Inlets, timers: &Sender<TimerMessage>) -> Listeners {
    let (for_ended, for_progress) = (inlets.clone(), inlets.clone());
    let timers = timers.clone();
    Listeners {
        ended: Arc::new(move |instance: InstanceId, key, outcome| {
            let input = ShardInput::TaskEnded {
                instance: instance.clone(),
                key,
                outcome,
            };
            for_ended.send(&instance, input);
        }),
        progress: Arc::new(move |instance: InstanceId, key, cell| {
            let input = ShardInput::Progress {
                instance: instance.clone(),
                key,
                cell,
            };
            for_progress.send(&instance, input);
        }),
        // When the thread is gone the worker stops, and with it the activities.
        wake_at: Arc::new(move |at| drop(timers.send(TimerMessage::WakeDispatcher(at)))),
    }
}

fn spawn(
    shared: &Arc<Shared>,
    name: String,
    body: impl FnOnce() + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    let noted = Noted(Arc::clone(shared));
    let body = move || {
        let _noted = noted;
        body();
    };
    thread::Builder::new().name(name).spawn(body)
}

/// Notes that a thread of the worker panicked: what it owned does not go on.
struct Noted(Arc<Shared>);

impl Drop for Noted {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.condition.becomes(State::Broken);
        }
    }
}

impl Threads {
    /// The way in for requests, until the worker shuts down.
    pub(crate) fn requests(&self) -> Box<dyn Fn(Request) + Send + Sync> {
        let (open, inlets) = (Arc::clone(&self.requests), self.inlets.clone());
        Box::new(move |request| {
            // Held while sending: once shutdown has the lock, every accepted request is ahead of the stop.
            let open = open.read().unwrap_or_else(PoisonError::into_inner);
            if *open {
                inlets.send_request(request);
            } else {
                request.refuse(RequestError::ShutDown);
            }
        })
    }

    /// Tells the shards of the instances that an earlier worker left with something to do.
    pub(crate) async fn recover(&self, store: &dyn Store) -> Result<(), StoreError> {
        recover(store, &self.inlets).await
    }

    /// Refuses new requests and starts no more activities. Activities that run have until the deadline; those that do not end
    /// by then run again after the next start. Returns once everything that was accepted is durable.
    pub(crate) async fn shut_down(mut self, deadline: Duration) {
        self.refuse_requests();
        let (drained, wait) = tokio::sync::oneshot::channel();
        drop(
            self.dispatcher
                .send(DispatcherInput::Close { deadline, drained }),
        );
        drop(wait.await);
        self.stop_threads();
        let (done, joined) = tokio::sync::oneshot::channel();
        let threads = self.take_threads();
        let joiner = thread::spawn(move || {
            join(threads, deadline.max(JOIN));
            let _ = done.send(());
        });
        drop(joined.await);
        drop(joiner.join());
    }

    fn refuse_requests(&self) {
        self.shared.condition.becomes(State::Stopping);
        let mut open = self
            .requests
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        *open = false;
    }

    fn stop_threads(&self) {
        for shard in 0..self.inlets.senders.len() {
            drop(self.inlets.put(shard, ShardMessage::Stop));
        }
        drop(self.timers.send(TimerMessage::Stop));
    }

    fn take_threads(&mut self) -> Vec<JoinHandle<()>> {
        let threads = std::mem::take(&mut self.shards).into_iter();
        threads
            .chain(self.timer_thread.take())
            .chain(self.writer.take())
            .collect()
    }
}

/// Tells the shards of every instance that has something to do.
async fn recover(store: &dyn Store, inlets: &Inlets) -> Result<(), StoreError> {
    let mut after = Incarnation(0);
    loop {
        let page = store.needing_attention(after, ATTENTION_PAGE).await?;
        let Some((last, _)) = page.last() else {
            return Ok(());
        };
        after = *last;
        let full = page.len() == ATTENTION_PAGE;
        let mut of_shard: Vec<Vec<InstanceId>> = vec![Vec::new(); inlets.senders.len()];
        for (_, id) in page {
            of_shard[inlets.shard_of(&id)].push(id);
        }
        for (shard, ids) in of_shard.into_iter().enumerate() {
            drop(inlets.put(shard, ShardMessage::Attend(ids)));
        }
        if !full {
            return Ok(());
        }
    }
}

impl Drop for Threads {
    /// Stops without waiting for activities. What is not committed is done again after the next start.
    fn drop(&mut self) {
        self.refuse_requests();
        drop(self.dispatcher.send(DispatcherInput::Abort));
        self.stop_threads();
        join(self.take_threads(), JOIN);
    }
}

/// Waits until the threads have ended, but not for ever: an orchestrator that does not return keeps its thread.
fn join(threads: Vec<JoinHandle<()>>, limit: Duration) {
    let mut left = limit;
    for thread in threads {
        while !thread.is_finished() && !left.is_zero() {
            let pause = JOIN_PAUSE.min(left);
            thread::park_timeout(pause);
            left -= pause;
        }
        if !thread.is_finished() {
            tracing::error!(
                thread = thread.thread().name(),
                "a thread does not end and is left behind"
            );
        } else if thread.join().is_err() {
            tracing::error!("a thread of the worker panicked");
        }
    }
}

struct ShardDriver {
    index: usize,
    shared: Arc<Shared>,
    store: Arc<dyn Store>,
    turn: Arc<Turn>,
    receiver: Receiver<ShardMessage>,
    /// A message that was looked at and not taken.
    next: Option<ShardMessage>,
    writer: Sender<WriterMessage>,
    timers: Sender<TimerMessage>,
    dispatcher: UnboundedSender<DispatcherInput>,
    inlets: Inlets,
}

impl ShardDriver {
    fn run(mut self) {
        let mut shard = Shard::new(Arc::clone(&self.shared));
        let mut stopping = false;
        while !stopping || !shard.is_settled() {
            let mut next = self.receive(&shard);
            let is_alone = shard.is_settled();
            let mut taken = 0;
            for _ in 0..MAX_INPUTS_PER_STEP {
                match next {
                    Some(ShardMessage::Input(input)) => shard.handle(input),
                    Some(ShardMessage::Attend(ids)) => shard.defer(ids),
                    Some(ShardMessage::Stop) => stopping = true,
                    None => break,
                }
                taken += 1;
                next = self.next.take().or_else(|| self.receiver.try_recv().ok());
            }
            if let Some(message) = next {
                // The step is full; this one begins the next.
                taken += 1;
                match message {
                    ShardMessage::Input(input) => shard.handle(input),
                    ShardMessage::Attend(ids) => shard.defer(ids),
                    ShardMessage::Stop => stopping = true,
                }
            }
            self.shared.meters.messages_taken(self.index, taken);
            if stopping {
                shard.stop();
            } else {
                shard.admit();
            }
            if shard
                .next_tick()
                .is_some_and(|at| at <= self.shared.clock.now())
            {
                shard.handle(ShardInput::Tick);
            }
            self.put_out(&mut shard, is_alone);
        }
    }

    /// Waits for the next message, the next tick, or not at all while instances wait for room.
    fn receive(&mut self, shard: &Shard) -> Option<ShardMessage> {
        if let Some(next) = self.next.take() {
            return Some(next);
        }
        if shard.can_admit() {
            return self.receiver.try_recv().ok();
        }
        match shard.next_tick() {
            None => self.receiver.recv().ok(),
            Some(at) => self
                .receiver
                .recv_timeout(until(at, &*self.shared.clock))
                .ok(),
        }
    }

    fn dispatch(&self, input: DispatcherInput) {
        if let Err(SendError(DispatcherInput::Run(task))) = self.dispatcher.send(input) {
            // The worker is being dropped, or the runtime that it was started on has gone before it.
            tracing::warn!(activity = task.name, instance = %task.instance, "an activity waits for the next start");
        }
    }

    /// Whether nothing waits for this shard.
    fn is_quiet(&mut self) -> bool {
        if self.next.is_none() {
            self.next = self.receiver.try_recv().ok();
        }
        self.next.is_none()
    }

    /// Commits in this thread when nobody else is at it, so that a lone orchestration waits for the disk and not for two more threads
    /// to wake up. Else the writer does. Whether it is done.
    fn write(&self, shard: &mut Shard, writes: Vec<Write>) -> bool {
        let Some(_turn) = self.turn.take() else {
            self.send_to_writer(writes);
            return false;
        };
        let mut writer = Writer::default();
        writes
            .into_iter()
            .for_each(|write| writer.push(self.index, write));
        while let Some(batch) = writer.next_batch(MAX_BATCH) {
            for (_, answer) in self.turn.commit(batch) {
                shard.handle(ShardInput::Written(answer));
            }
        }
        true
    }

    fn send_to_writer(&self, writes: Vec<Write>) {
        self.shared.meters.writes_sent(writes.len());
        drop(self.writer.send((self.index, writes)));
    }

    fn read(&self, shard: &mut Shard, read: Read) {
        match read {
            Read::Instance(id) => {
                let result = guarded(|| block_on(self.store.load(&id))).map_err(Arc::new);
                shard.handle(ShardInput::Loaded { id, result });
            }
            Read::Inbox(id, incarnation, after) => {
                let result = guarded(|| block_on(self.store.inbox(&id, incarnation, after)));
                shard.handle(ShardInput::Inbox {
                    id,
                    incarnation,
                    result: result.map_err(Arc::new),
                });
            }
            Read::NeedingAttention => {
                let result = guarded(|| block_on(recover(&*self.store, &self.inlets)));
                if let Err(error) = result {
                    tracing::error!(%error, "what an unacknowledged commit left cannot be looked for; trying again later");
                    shard.handle(ShardInput::RecoveryFailed);
                }
            }
        }
    }

    /// Passes on what a step gave: first what others can work on, then the reads. A closed channel means that the worker is
    /// being dropped. `is_alone` says that the writer has nothing of this shard.
    fn put_out(&mut self, shard: &mut Shard, mut is_alone: bool) {
        loop {
            // Before anybody can see what was done.
            shard.hand_over();
            let outputs = shard.outputs();
            // Nearly all of them are writes.
            let mut writes = Vec::with_capacity(outputs.len());
            let (mut timers, mut reads) = (Vec::new(), Vec::new());
            for output in outputs {
                match output {
                    ShardOutput::Write(write) => writes.push(write),
                    ShardOutput::SetTimer(position, id) => timers.push((position, id)),
                    ShardOutput::Run(task) => self.dispatch(DispatcherInput::Run(task)),
                    ShardOutput::Cancel(key, reason) => {
                        self.dispatch(DispatcherInput::Cancel(key, reason));
                    }
                    ShardOutput::Load(id) => reads.push(Read::Instance(id)),
                    ShardOutput::ReadInbox(id, incarnation, after) => {
                        reads.push(Read::Inbox(id, incarnation, after));
                    }
                    ShardOutput::Notify(ids) => {
                        for id in ids {
                            self.inlets.send(&id.clone(), ShardInput::Mail(id));
                        }
                    }
                    ShardOutput::Recover => reads.push(Read::NeedingAttention),
                }
            }
            if !timers.is_empty() {
                drop(self.timers.send(TimerMessage::Set(timers)));
            }
            if !writes.is_empty() {
                // What is written from here on must not overtake what the writer has.
                is_alone = is_alone && reads.is_empty() && self.is_quiet();
                if is_alone {
                    is_alone = self.write(shard, writes);
                } else {
                    self.send_to_writer(writes);
                }
            } else if reads.is_empty() {
                return;
            }
            for read in reads {
                self.read(shard, read);
            }
        }
    }
}

/// What a shard wants to read.
enum Read {
    Instance(InstanceId),
    Inbox(InstanceId, Incarnation, u64),
    NeedingAttention,
}

fn write(turn: &Turn, messages: &Receiver<WriterMessage>, inlets: &Inlets) {
    let mut writer = Writer::default();
    while let Ok(first) = messages.recv() {
        for (shard, writes) in std::iter::once(first).chain(messages.try_iter()) {
            writes
                .into_iter()
                .for_each(|write| writer.push(shard, write));
        }
        let _turn = turn.wait();
        loop {
            // What came while others committed goes into the same transaction.
            for (shard, writes) in messages.try_iter() {
                writes
                    .into_iter()
                    .for_each(|write| writer.push(shard, write));
            }
            let Some(batch) = writer.next_batch(MAX_BATCH) else {
                break;
            };
            let written = batch.writes.len();
            let answers = turn.commit(batch);
            inlets.meters.writes_taken(written);
            for (shard, answer) in answers {
                drop(inlets.put(shard, ShardMessage::Input(ShardInput::Written(answer))));
            }
        }
    }
}

fn time(
    store: &dyn Store,
    messages: &Receiver<TimerMessage>,
    inlets: &Inlets,
    dispatcher: &UnboundedSender<DispatcherInput>,
    clock: &dyn Clock,
) {
    let mut index = TimerIndex::default();
    let mut wake_dispatcher = BTreeSet::new();
    loop {
        let now = clock.now();
        while let Some(at) = wake_dispatcher.pop_first() {
            if at > now {
                wake_dispatcher.insert(at);
                break;
            }
            drop(dispatcher.send(DispatcherInput::Tick));
        }
        let mut pause = None;
        // Reading makes timers due, and taking out what is due makes reading necessary.
        loop {
            for id in index.due(clock.now()) {
                inlets.send(&id.clone(), ShardInput::TimerDue(id));
            }
            let Some(after) = index.begin_reading() else {
                break;
            };
            match guarded(|| block_on(store.timers(after, PAGE))) {
                Ok(page) => index.read(page),
                Err(error) => {
                    tracing::error!(%error, "the timers cannot be read; trying again later");
                    index.reading_failed();
                    pause = Some(RETRY_READING);
                    break;
                }
            }
        }
        let next = index
            .next()
            .into_iter()
            .chain(wake_dispatcher.first().copied())
            .min();
        let next = next.map(|at| until(at, clock).min(MAX_TIMER_SLEEP));
        inlets.meters.timers.store(index.len(), Ordering::Relaxed);
        let first = match next.into_iter().chain(pause).min() {
            None => messages.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(sleep) => messages.recv_timeout(sleep),
        };
        let first = match first {
            Ok(message) => Some(message),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => return,
        };
        for message in first.into_iter().chain(messages.try_iter()) {
            match message {
                TimerMessage::Set(timers) => timers
                    .into_iter()
                    .for_each(|(position, id)| index.set(position, id)),
                TimerMessage::WakeDispatcher(at) => {
                    wake_dispatcher.insert(at);
                }
                TimerMessage::Stop => return,
            }
        }
    }
}

/// How long it is until a time. Rounded up, so that a wait for it is not over too early.
fn until(at: Timestamp, clock: &dyn Clock) -> Duration {
    let left = at.duration_since(clock.now()).max(SignedDuration::ZERO);
    Duration::try_from(left).unwrap_or_default() + Duration::from_micros(1)
}

/// A way for the engine to say that an orchestrator was woken from outside.
pub(crate) fn foreign_wakes(inlets: Inlets) -> Box<dyn Fn(InstanceId, ExecutionId) + Send + Sync> {
    Box::new(move |id, execution| {
        inlets.send(&id.clone(), ShardInput::ForeignWake { id, execution })
    })
}
