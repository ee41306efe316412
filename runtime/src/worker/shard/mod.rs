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
mod enter;
mod episode_write;
mod held;
mod inbox;
mod later;
mod live;
mod load;
mod objection;
mod open_activities;
mod outgoing;
mod progress;
mod requests;
mod residency;
mod running;
mod slot;
mod stop;
mod tell;

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

use super::activities::progress::ProgressCell;
use super::condition::{Condition, State};
use super::culprits::Culprits;
use super::ids::Ids;
use super::logged::logged;
use super::message::{RequestError, ShardInput, ShardOutput, TaskKey};
use super::meters::{Meters, Tally};
use super::pulse::Pulse;
use super::watchers::Watchers;
use crate::clock::Clock;
use crate::context::CancelReason;
use crate::dependency::Dependencies;
use crate::engine::{Outcome, Settings};
use crate::hash::Map;
use crate::model::history::{HistoryEvent, HistoryEventKind, TaskCompleted, TaskFailed};
use crate::model::instance::{ExecutionId, InstanceId};
use crate::registry::Registry;
use crate::store::StoreError;
use commit::Pending;
use enter::LiveParts;
use later::Later;
pub(crate) use residency::CROWD;
use running::Running;
use slot::{Known, Message, Slot, SlotState, Source};
pub(super) use tell::reason;

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
    /// What fails before this time is of the last failure.
    fails_until: Timestamp,
    /// Whether it will look for those who may have got something by a commit that was not acknowledged.
    recovers: bool,
    /// Whether nothing new is begun: the worker is stopping.
    stopping: bool,
    /// Whether activities may run that another thread of this shard has handed out, which was given up.
    inherits: bool,
    /// Whether it is still being told which.
    awaits_account: bool,
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
            fails_until: Timestamp::MIN,
            recovers: false,
            stopping: false,
            inherits: false,
            awaits_account: false,
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
        (self.inherits, self.awaits_account) = (true, true);
    }

    /// Whether what follows from its inputs may happen. Before it knows what was handed out, it would do that once more.
    pub(crate) const fn may_put_out(&self) -> bool {
        !self.awaits_account || self.stopping || self.fenced.is_some()
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
                | ShardInput::HandedOut { .. }
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
            ShardInput::TaskEnded {
                instance,
                key,
                outcome,
            } => self.task_ended(instance, key, outcome),
            ShardInput::HandedOut {
                instance,
                key,
                progress,
            } => self.handed_out(instance, key, progress),
            ShardInput::Accounted => self.awaits_account = false,
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
            ShardInput::RecoveryFailed => self.recover_later(),
            ShardInput::Tick => self.tick(),
        }
    }

    fn task_ended(&mut self, instance: InstanceId, key: TaskKey, outcome: Outcome) {
        if !self.running.contains(&instance, key) && !self.is_inherited(&instance, key) {
            // Nobody waits for it, or its end is committed.
            return;
        }
        let task_scheduled_id = key.id;
        let kind: HistoryEventKind = match outcome {
            Ok(result) => {
                self.tally.activities_completed += 1;
                TaskCompleted {
                    task_scheduled_id,
                    result: Some(result),
                }
                .into()
            }
            Err(failure) => {
                self.tally.activities_failed += 1;
                // The attempt that follows is told how far this one came.
                self.tell_reports(&instance, key);
                TaskFailed {
                    task_scheduled_id,
                    failure,
                }
                .into()
            }
        };
        let event = HistoryEvent::new(self.now(), kind);
        let source = Source::Activity(key);
        self.tell(instance, Message::Event { event, source });
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

    /// Takes over an activity that another thread of this shard has handed out, which was given up, and cancels it when nobody waits for
    /// it any more: that thread may have had no time for that.
    fn handed_out(&mut self, instance: InstanceId, key: TaskKey, progress: Option<ProgressCell>) {
        match self.slots.get(&instance).map(|slot| &slot.state) {
            // Whether it waits for it is known when it is there.
            None | Some(SlotState::Loading) => {
                self.running.insert(&instance, key, self.now());
                self.tell(instance.clone(), Message::Attend);
            }
            Some(SlotState::Held(held)) if held.known.header.execution_id == key.execution => {
                self.running.insert(&instance, key, self.now());
            }
            Some(SlotState::Live(live))
                if live.known.header.execution_id == key.execution
                    && !live.open_activities.contains(key.id) =>
            {
                self.cancel(vec![key], CancelReason::Withdrawn);
            }
            Some(_) => {}
        }
        if let Some(progress) = progress {
            self.reported(instance, key, progress);
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

    /// Whether every write has been answered.
    pub(crate) fn is_settled(&self) -> bool {
        self.pending.is_empty()
    }

    /// The time of the input that is taken: the clock is read once for each.
    const fn now(&self) -> Timestamp {
        self.now
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
}
