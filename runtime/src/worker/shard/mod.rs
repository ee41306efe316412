//! A shard: the owner of some of the instances.
//!
//! An instance that the shard knows is in a [`Slot`]: loading, live (its orchestrator's future is in memory), held (it cannot
//! advance), or ending. Messages for it wait in the slot until it can take them. A live instance runs ahead of its own commits:
//! the next episode builds on the one before, whose write is ahead of it in the same queue. What an episode asked for is kept
//! with its write ([`Pending`]) and let go when the write is acknowledged. When a write fails, its instance is dropped from
//! memory with everything that ran ahead, and loaded again from what the store has.

mod batch;
mod commit;
mod continued;
mod created;
mod episode_write;
mod held;
mod live;
mod load;
mod objection;
mod open_activities;
mod outgoing;
mod progress;
mod running;
mod slot;
mod stop;
mod tell;

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::activities::progress::ProgressCell;
use super::condition::{Condition, State};
use super::culprits::Culprits;
use super::ids::Ids;
use super::logged::logged;
use super::message::{
    Control, Request, RequestError, ShardInput, ShardOutput, StartRequest, TaskKey,
};
use super::meters::{Meters, Tally};
use super::pulse::Pulse;
use super::watchers::Watchers;
use crate::clock::Clock;
use crate::context::CancelReason;
use crate::dependency::Dependencies;
use crate::engine::Settings;
use crate::hash::Map;
use crate::model::history::{
    EventRaised, ExecutionRewound, ExecutionStarted, HistoryEvent, HistoryEventKind, TaskCompleted,
    TaskFailed, encode_events,
};
use crate::model::instance::{ExecutionId, InstanceId};
use crate::registry::Registry;
use crate::store::{CreateInstance, StoreError, Write};
use commit::{Ended, Pending};
use created::PendingCreate;
use load::LiveParts;
use progress::PROGRESS_PAUSE;
use running::Running;
use slot::{Known, Message, Slot, SlotState, Source};
pub(super) use tell::reason;

/// What part of the instances in memory may be such as only wait, for an event or a timer. Those whose activities run are needed again
/// soon: to load an instance again for each of its results costs ten times what it costs to go on.
const RESTING: usize = 8;

/// With so many instances under way in each shard commits are large enough, and what they are made of stays in the caches of the
/// processor: 20,000 that are started at once take a fifth to a third less time, and a third of the memory, than if all went on side by
/// side. What only waits is not under way.
pub(crate) const CROWD: usize = 512;

/// How many of those that were just created, and wait for so many others, are kept in memory. Further ones are loaded when it is their
/// turn: what a flood of starts takes is bounded.
pub(super) const CREATED_PER_CROWD: usize = 20;

/// Those with a larger input are loaded when it is their turn.
pub(super) const MAX_CREATED_INPUT_BYTES: usize = 4 * 1024;

/// How many instances that wait for room are looked at in one step.
const ADMITTED_PER_STEP: usize = 64;

/// Failures of the store in a row after which the pause before the next attempt grows no more: it is 13 seconds then.
const MANY_FAILURES: u32 = 8;

/// What all shards of a worker share.
pub(crate) struct Shared {
    pub(crate) registry: Registry,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<dyn Ids>,
    pub(crate) watchers: Arc<Watchers>,
    pub(crate) condition: Condition,
    /// Instances that must not run.
    pub(crate) culprits: Culprits,
    pub(crate) meters: Arc<Meters>,
    pub(crate) settings: Settings,
    /// What activities share.
    pub(crate) dependencies: Arc<Dependencies>,
    /// How many live instances a shard keeps in memory at most. Of those that only wait, it keeps a [`RESTING`]th of that.
    pub(crate) cache: usize,
    /// How many instances a shard lets be under way before it begins others: see [`CROWD`].
    pub(crate) crowd: usize,
    /// Told of a wake from outside.
    pub(crate) on_foreign_wake: Box<dyn Fn(InstanceId, ExecutionId) + Send + Sync>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("registry", &self.registry)
            .finish_non_exhaustive()
    }
}

/// The step function. See the module.
#[derive(Debug)]
pub(crate) struct Shard {
    shared: Arc<Shared>,
    /// Told of the instance to whose code the shard turns.
    pulse: Arc<Pulse>,
    slots: Map<InstanceId, Slot>,
    /// Writes that the writer has not answered, in order.
    pending: VecDeque<Pending>,
    /// Activities that were handed out and whose end is not committed.
    running: Running,
    /// What is to be done later.
    delayed: BTreeMap<(Timestamp, u64), Later>,
    failures: u32,
    /// Whether nothing new is begun: the worker is stopping.
    stopping: bool,
    /// Whether activities may run that another thread of this shard has handed out, which was given up.
    inherits: bool,
    /// Why this shard has stopped for good: another owner has taken the store over.
    fenced: Option<Arc<StoreError>>,
    /// Instances in memory, the one that was used the longest ago first. A slot that was used since is further back again.
    recent: VecDeque<(InstanceId, u64)>,
    /// How many instances are live or held.
    resident: usize,
    uses: u64,
    /// Instances that the store has and that wait for room in memory, in their order.
    deferred: VecDeque<InstanceId>,
    /// What those of them are made of that were created a moment ago, so that they need not be loaded.
    created: Map<InstanceId, Box<LiveParts>>,
    /// Instances that have more to take than one episode takes, each once. Others have their turn in between.
    more: VecDeque<InstanceId>,
    /// How many episodes are on their way to the store.
    episodes: usize,
    now: Timestamp,
    outputs: Vec<ShardOutput>,
    tally: Tally,
}

/// Something that a shard does later.
#[derive(Debug)]
enum Later {
    /// The store failed when this instance was to be loaded.
    Load(InstanceId),
    /// This activity has reported, too soon after the last time.
    Report(InstanceId, TaskKey),
    /// A commit that others depend on was not acknowledged, and the store could not be asked what became of it.
    Recover,
}

impl Shard {
    /// A shard that knows no instance yet.
    pub(crate) fn new(shared: Arc<Shared>, pulse: Arc<Pulse>) -> Self {
        Self {
            shared,
            pulse,
            slots: Map::default(),
            pending: VecDeque::new(),
            running: Running::default(),
            delayed: BTreeMap::new(),
            failures: 0,
            stopping: false,
            inherits: false,
            fenced: None,
            recent: VecDeque::new(),
            resident: 0,
            uses: 0,
            deferred: VecDeque::new(),
            created: Map::default(),
            more: VecDeque::new(),
            episodes: 0,
            now: Timestamp::UNIX_EPOCH,
            outputs: Vec::new(),
            tally: Tally::default(),
        }
    }

    /// Goes on in the place of a thread that was given up. What that has handed out may still end.
    pub(crate) fn inherit(&mut self) {
        self.inherits = true;
    }

    /// Begins nothing new. Results of activities are still taken, so that their commits are not lost.
    pub(crate) fn stop(&mut self) {
        self.stopping = true;
        self.deferred.clear();
        self.created.clear();
    }

    /// Takes an input. What follows from it is in [`Self::outputs`].
    pub(crate) fn handle(&mut self, input: ShardInput) {
        self.look_at_the_clock();
        if let Some(error) = &self.fenced {
            return match input {
                ShardInput::Request(request) => {
                    request.refuse(RequestError::Store(Arc::clone(error)))
                }
                ShardInput::Written(answer) => self.written(answer),
                _ => {}
            };
        }
        if self.stopping {
            match input {
                ShardInput::Request(request) => return request.refuse(RequestError::ShutDown),
                // All of it is in the store, and found by the next worker.
                ShardInput::TimerDue(_)
                | ShardInput::Mail(_)
                | ShardInput::Attend(_)
                | ShardInput::Progress { .. }
                | ShardInput::Tick => return,
                _ => {}
            }
        }
        match input {
            ShardInput::Request(request) => self.request(request),
            ShardInput::Loaded { id, result } => self.loaded(id, result),
            ShardInput::Inbox {
                id,
                incarnation,
                result,
            } => self.take_inbox(&id, incarnation, result),
            ShardInput::Written(answer) => self.written(answer),
            // Nobody waits for it, or its end is committed.
            ShardInput::TaskEnded { instance, key, .. }
                if !self.running.contains(&instance, key) && !self.is_inherited(&instance, key) => {
            }
            ShardInput::TaskEnded {
                instance,
                key,
                outcome,
            } => {
                let task_scheduled_id = key.id;
                match outcome {
                    Ok(_) => self.tally.activities_completed += 1,
                    Err(_) => self.tally.activities_failed += 1,
                }
                let kind: HistoryEventKind = match outcome {
                    Ok(result) => TaskCompleted {
                        task_scheduled_id,
                        result: Some(result),
                    }
                    .into(),
                    Err(failure) => TaskFailed {
                        task_scheduled_id,
                        failure,
                    }
                    .into(),
                };
                let event = HistoryEvent::new(self.now(), kind);
                // The attempt that follows a failed one is told how far that came.
                if let HistoryEventKind::TaskFailed(_) = event.kind {
                    self.tell_reports(&instance, key);
                }
                self.tell(
                    instance,
                    Message::Event {
                        event,
                        source: Source::Activity(key),
                    },
                );
            }
            ShardInput::TimerDue(id) => self.tell(id, Message::TimersDue),
            ShardInput::Attend(id) | ShardInput::Mail(id) => {
                // Loading reads the inbox too.
                let known = self.slots.contains_key(&id) || self.created.contains_key(&id);
                self.tell(
                    id,
                    if known {
                        Message::Mail
                    } else {
                        Message::Attend
                    },
                );
            }
            ShardInput::Progress {
                instance,
                key,
                cell,
            } => self.reported(instance, key, cell),
            ShardInput::ForeignWake { id, execution } => self.foreign_wake(&id, execution),
            ShardInput::RecoveryFailed => self.later(Later::Recover),
            ShardInput::Tick => {
                let now = self.now();
                while let Some(first) = self.delayed.first_entry() {
                    if first.key().0 > now {
                        break;
                    }
                    match first.remove() {
                        Later::Load(id) => self.load(id),
                        Later::Report(id, key) => self.tell_reports(&id, key),
                        Later::Recover => self.outputs.push(ShardOutput::Recover),
                    }
                }
            }
        }
    }

    /// Whether an activity that this shard has not handed out may be that of an instance which it has not looked at. Then it counts as
    /// handed out, until the instance is there and says whether it waits for it.
    fn is_inherited(&mut self, instance: &InstanceId, key: TaskKey) -> bool {
        let is_unknown = self
            .slots
            .get(instance)
            .is_none_or(|slot| matches!(slot.state, SlotState::Loading));
        let is_inherited = self.inherits && is_unknown;
        if is_inherited {
            self.running.insert(instance, key, self.now());
        }
        is_inherited
    }

    fn request(&mut self, request: Request) {
        let now = self.now();
        match request {
            Request::Start(start) => self.start(start),
            Request::Import { import, reply } => {
                let id = import.create.id.clone();
                self.write(Write::Import(*import), Pending::Import { id, reply });
            }
            Request::Inspect { id, reply } => self.tell(id, Message::Inspect { reply }),
            Request::PurgeWhere {
                filter,
                limit,
                reply,
            } => self.write(
                Write::PurgeWhere { filter, limit },
                Pending::PurgeWhere { reply },
            ),
            Request::Control { id, control, reply } => match control {
                Control::RaiseEvent { name, payload } => {
                    let input = payload;
                    let event = HistoryEvent::new(now, EventRaised { name, input });
                    let source = Source::Client(reply);
                    self.tell(id, Message::Event { event, source });
                }
                Control::Terminate { reason, recursive } => {
                    let source = Source::Client(reply);
                    let message = Message::Terminate {
                        reason,
                        recursive,
                        source,
                    };
                    self.tell(id, message);
                }
                Control::Suspend { reason } => self.tell(id, Message::Suspend { reason, reply }),
                Control::Resume { reason } => self.tell(id, Message::Resume { reason, reply }),
                Control::Retry => self.tell(id, Message::Retry { reply }),
                Control::Rewind { reason } => {
                    let event = HistoryEvent::new(now, ExecutionRewound { reason });
                    let write = Write::Rewind {
                        id: id.clone(),
                        event: encode_events(std::slice::from_ref(&event)),
                        at: now,
                    };
                    let operation = Ended::Rewind;
                    let pending = Pending::Ended {
                        id,
                        operation,
                        reply,
                    };
                    self.write(write, pending);
                }
                Control::Purge => {
                    let write = Write::Purge { id: id.clone() };
                    let operation = Ended::Purge;
                    let pending = Pending::Ended {
                        id,
                        operation,
                        reply,
                    };
                    self.write(write, pending);
                }
            },
        }
    }

    fn write(&mut self, write: Write, pending: Pending) {
        self.outputs.push(ShardOutput::Write(write));
        self.pending.push_back(pending);
    }

    /// Takes the notice of a report: it is committed now, or when the pause since the last one is over.
    fn reported(&mut self, instance: InstanceId, key: TaskKey, cell: ProgressCell) {
        let now = self.now();
        let Some(reports) = self.running.reports(&instance, key) else {
            return;
        };
        reports.cell = Some(cell);
        match reports.not_before {
            Some(at) if at > now => {
                // The clock may have been set back since.
                let at = at.min(now.saturating_add(PROGRESS_PAUSE).unwrap_or(at));
                self.uses += 1;
                let later = Later::Report(instance, key);
                self.delayed.insert((at, self.uses), later);
            }
            _ => self.tell_reports(&instance, key),
        }
    }

    /// Tells an instance of what an activity has reported, when it has.
    fn tell_reports(&mut self, instance: &InstanceId, key: TaskKey) {
        let reports = self.running.reports(instance, key);
        if reports.is_some_and(|reports| reports.cell.is_some()) {
            self.tell(instance.clone(), Message::Progress(key));
        }
    }

    /// What has to be done now. Must be called after every input.
    pub(crate) fn outputs(&mut self) -> std::vec::Drain<'_, ShardOutput> {
        self.outputs.drain(..)
    }

    /// Hands over what was counted. Once for each step of the driver.
    pub(crate) fn hand_over(&mut self) {
        self.tally.hand_over(&self.shared.meters, self.resident);
        self.pulse.set_resident(self.tally.resident());
    }

    /// The shard turns to the code of an instance.
    fn turn_to(&self, known: &Known) {
        self.pulse.turn_to(&known.about, known.header.incarnation);
    }

    /// The shard turns to an instance whose code may be in memory, to drop it.
    fn turn_to_slot(&self, id: &InstanceId) {
        if let Some(SlotState::Live(live)) = self.slots.get(id).map(|slot| &slot.state) {
            self.turn_to(&live.known);
        }
    }

    /// When the shard must see a [`ShardInput::Tick`].
    pub(crate) fn next_tick(&mut self) -> Option<Timestamp> {
        self.look_at_the_clock();
        self.delayed.first_key_value().map(|((at, _), _)| *at)
    }

    /// What is to be done after a pause does not wait for longer when the clock is set back.
    fn look_at_the_clock(&mut self) {
        let now = self.shared.clock.now();
        if now < self.now && !self.delayed.is_empty() {
            let back = self.now.duration_since(now);
            let delayed = std::mem::take(&mut self.delayed).into_iter();
            let sooner = delayed.map(|((at, number), later)| {
                let at = at.saturating_sub(back).unwrap_or(Timestamp::MIN);
                ((at, number), later)
            });
            self.delayed = sooner.collect();
        }
        self.now = now;
    }

    /// Whether every write has been answered.
    pub(crate) fn is_settled(&self) -> bool {
        self.pending.is_empty()
    }

    /// The time of the input that is taken: the clock is read once for each.
    const fn now(&self) -> Timestamp {
        self.now
    }

    fn start(&mut self, start: StartRequest) {
        let now = self.now();
        let execution_id = self.shared.ids.new_execution();
        let started = ExecutionStarted {
            name: start.name.clone(),
            version: start.version.clone(),
            input: start.input.clone(),
            execution_id,
            parent: None,
            tags: start.tags.clone(),
            scheduled_start: start.start_at.filter(|at| *at > now),
            parent_trace: start.trace.clone(),
        };
        let create = CreateInstance {
            custom_status: start
                .custom_status
                .as_ref()
                .map(|status| status.as_json().to_owned()),
            replaces: start.on_existing.replaces(),
            ..outgoing::creation(start.id.clone(), &started, now)
        };
        let pending = PendingCreate {
            start,
            started: HistoryEvent::new(now, started),
        };
        self.write(Write::Create(create), Pending::Create(Box::new(pending)));
    }

    /// Puts a message into its instance's slot, and lets the instance take it if it can.
    fn tell(&mut self, id: InstanceId, message: Message) {
        if let Some(slot) = self.slots.get_mut(&id) {
            // One notice of mail is as good as many.
            let is_known = matches!(message, Message::Mail)
                && matches!(slot.waiting.back(), Some(Message::Mail));
            if !is_known {
                if slot.waiting.capacity() == 0 {
                    // Most have one message at a time; a queue that grows by itself begins with four.
                    slot.waiting.reserve_exact(1);
                }
                slot.waiting.push_back(message);
            }
            self.advance(&id);
        } else {
            let mut slot = Slot::new(SlotState::Loading);
            slot.waiting.push_back(message);
            self.slots.insert(id.clone(), slot);
            self.load(id);
        }
    }

    /// Looks into the store, after a pause, for what has become of an instance: a write of it failed. What is in memory of it
    /// may be out of date and is dropped; what waits for it stays.
    fn reload(&mut self, id: &InstanceId) {
        self.turn_to_slot(id);
        let slot = self
            .slots
            .entry(id.clone())
            .or_insert_with(|| Slot::new(SlotState::Loading));
        self.resident -= usize::from(slot.is_resident());
        slot.state = SlotState::Loading;
        slot.uncertain = true;
        self.created.remove(id);
        slot.waiting.push_back(Message::TimersDue);
        self.reload_if_drained(id);
    }

    /// Stops for good: another owner has taken the store over, and what is in memory is no longer true.
    fn stop_fenced(&mut self, error: &Arc<StoreError>) {
        if self.fenced.is_some() {
            return;
        }
        logged(|| tracing::error!(%error, "this worker no longer owns its store and stops"));
        self.fenced = Some(Arc::clone(error));
        self.shared.condition.becomes(State::Fenced);
        for slot in std::mem::take(&mut self.slots).into_values() {
            if let SlotState::Live(live) = &slot.state {
                self.turn_to(&live.known);
            }
            for message in slot.waiting {
                message.refuse(|| RequestError::Store(Arc::clone(error)));
            }
        }
        self.resident = 0;
        self.delayed.clear();
        self.deferred.clear();
        self.created.clear();
        self.more.clear();
        self.recent.clear();
        let running = self.running.take_all().into_iter();
        self.outputs
            .extend(running.map(|key| ShardOutput::Cancel(key, CancelReason::ShutDown)));
        self.shared.watchers.close();
    }

    fn load(&mut self, id: InstanceId) {
        if let Some(parts) = self.created.remove(&id) {
            self.enter(*parts);
        } else if matches!(
            self.slots.get(&id),
            Some(Slot {
                state: SlotState::Loading,
                ..
            })
        ) {
            self.outputs.push(ShardOutput::Load(id));
        }
    }

    /// Loads an instance again after a pause.
    fn load_later(&mut self, id: InstanceId) {
        self.later(Later::Load(id));
    }

    /// Does something after a pause that grows while the store keeps failing.
    fn later(&mut self, later: Later) {
        self.failures = self.failures.saturating_add(1);
        let pause = SignedDuration::from_millis(50 << self.failures.min(MANY_FAILURES));
        self.uses += 1;
        let at = self.now().saturating_add(pause).unwrap_or(Timestamp::MAX);
        self.delayed.insert((at, self.uses), later);
    }

    /// Marks an instance as used, and forgets others when too many are in memory.
    fn touch(&mut self, id: &InstanceId) {
        self.uses += 1;
        if let Some(slot) = self.slots.get_mut(id) {
            slot.used = self.uses;
            self.recent.push_back((id.clone(), self.uses));
        }
        while self.resident > self.shared.cache.div_ceil(RESTING) {
            // What is busy comes back here when it no longer is.
            let Some((oldest, used)) = self.recent.pop_front() else {
                break;
            };
            let is_full = self.resident > self.shared.cache;
            if self.slots.get(&oldest).is_some_and(|slot| {
                slot.used == used && slot.is_idle() && (is_full || !slot.is_busy())
            }) {
                self.remove(&oldest);
            }
        }
        if self.recent.len() > 4 * self.slots.len() + 64 {
            self.recent
                .retain(|(id, used)| self.slots.get(id).is_some_and(|slot| slot.used == *used));
        }
    }

    /// Lets instances begin, or go on, when there is room for them.
    pub(crate) fn defer(&mut self, ids: impl IntoIterator<Item = InstanceId>) {
        self.deferred.extend(ids);
    }

    /// Whether instances that wait for their turn or for room can go on now.
    pub(crate) fn can_admit(&self) -> bool {
        !self.more.is_empty()
            || !self.deferred.is_empty() && (self.has_room() || self.episodes == 0)
    }

    /// Lets those go on that have more to take, and the next instances that wait for room begin: so many as there is room for, but at least one, so that nobody waits for ever.
    /// Without a place in memory that one takes the place of another, which must be loaded again when its activity has ended; while
    /// all are busy that would be most of the work.
    pub(crate) fn admit(&mut self) {
        self.running.grow_old(self.now);
        if !self.more.is_empty() {
            self.now = self.shared.clock.now();
        }
        for _ in 0..self.more.len() {
            if let Some(id) = self.more.pop_front() {
                self.slots
                    .entry(id.clone())
                    .and_modify(|slot| slot.has_more = false);
                self.advance(&id);
            }
        }
        for admitted in 0..ADMITTED_PER_STEP {
            if admitted > 0 && !self.has_room() {
                return;
            }
            let Some(id) = self.deferred.pop_front() else {
                return;
            };
            if self.created.contains_key(&id) {
                self.load(id);
            } else {
                self.handle(ShardInput::Attend(id));
            }
        }
    }

    /// Whether another instance may begin: there is a place for it, and not a crowd before it. Those that have begun go on first, so
    /// that they end, and are out of the caches of the processor, before others come into them.
    pub(super) fn has_room(&self) -> bool {
        let under_way = self.episodes + self.running.young();
        let is_crowded = self.episodes > 0 && under_way >= self.shared.crowd;
        self.has_place() && !is_crowded
    }

    /// Whether another instance may be in memory.
    fn has_place(&self) -> bool {
        self.slots.len() < self.shared.cache
    }

    fn remove(&mut self, id: &InstanceId) -> Option<Slot> {
        self.turn_to_slot(id);
        let slot = self.slots.remove(id)?;
        self.resident -= usize::from(slot.is_resident());
        Some(slot)
    }
}
