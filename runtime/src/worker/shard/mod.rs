//! A shard: the owner of some of the instances.
//!
//! An instance that the shard knows is in a [`Slot`]: loading, live (its orchestrator's future is in memory), held (it cannot
//! advance), or ending. Messages for it wait in the slot until it can take them. A live instance runs ahead of its own commits:
//! the next episode builds on the one before, whose write is ahead of it in the same queue. What an episode asked for is kept
//! with its write ([`Pending`]) and let go when the write is acknowledged. When a write fails, its instance is dropped from
//! memory with everything that ran ahead, and loaded again from what the store has.

mod commit;
mod episode;
mod load;
mod running;
mod slot;

// #[cfg(test)]
// mod tests;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::ids::Ids;
use super::message::{Request, RequestError, ShardInput, ShardOutput, StartRequest};
use super::watchers::Watchers;
use crate::clock::Clock;
use crate::dependency::Dependencies;
use crate::engine::{Limits, Panics};
use crate::model::history::{
    EventRaised, ExecutionStarted, HistoryEvent, HistoryEventKind, TaskCompleted, TaskFailed,
    encode_events,
};
use crate::model::instance::{ExecutionId, InstanceId};
use crate::model::tags::Tags;
use crate::registry::Registry;
use crate::store::{CreateInstance, StoreError, Write};
use commit::{Pending, PendingCreate};
use running::Running;
use slot::{Message, Slot, SlotState, Source};

/// What all shards of a worker share.
pub(crate) struct Shared {
    pub(crate) registry: Registry,
    /// What activities take as parameters.
    pub(crate) dependencies: Arc<Dependencies>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<dyn Ids>,
    pub(crate) watchers: Arc<Watchers>,
    pub(crate) panics: Panics,
    pub(crate) limits: Limits,
    /// How many live instances a shard keeps in memory.
    pub(crate) cache: usize,
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
    slots: HashMap<InstanceId, Slot>,
    /// Writes that the writer has not answered, in order.
    pending: VecDeque<Pending>,
    /// Activities that were handed out and whose end is not committed.
    running: Running,
    /// Loads to be asked for later, since the store failed.
    delayed: BTreeMap<(Timestamp, u64), InstanceId>,
    failures: u32,
    /// Why this shard has stopped for good: another owner has taken the store over.
    fenced: Option<Arc<StoreError>>,
    /// Instances in memory, the one that was used the longest ago first. A slot that was used since is further back again.
    recent: VecDeque<(InstanceId, u64)>,
    /// How many instances are live or held.
    resident: usize,
    uses: u64,
    outputs: Vec<ShardOutput>,
}

impl Shard {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            slots: HashMap::new(),
            pending: VecDeque::new(),
            running: Running::default(),
            delayed: BTreeMap::new(),
            failures: 0,
            fenced: None,
            recent: VecDeque::new(),
            resident: 0,
            uses: 0,
            outputs: Vec::new(),
        }
    }

    /// Takes an input. What follows from it is in [`Self::outputs`].
    pub(crate) fn handle(&mut self, input: ShardInput) {
        if let Some(error) = &self.fenced {
            return match input {
                ShardInput::Request(request) => {
                    request.refuse(RequestError::Store(Arc::clone(error)))
                }
                ShardInput::Written(answer) => self.written(answer),
                _ => {}
            };
        }
        match input {
            ShardInput::Request(Request::Start(start)) => self.start(start),
            ShardInput::Request(Request::RaiseEvent {
                id,
                name,
                payload,
                reply,
            }) => {
                let event = HistoryEvent::new(
                    self.now(),
                    EventRaised {
                        name,
                        input: payload,
                    },
                );
                self.tell(
                    id,
                    Message::Event {
                        event,
                        source: Source::Client(reply),
                    },
                );
            }
            ShardInput::Request(Request::Terminate { id, reason, reply }) => {
                self.tell(id, Message::Terminate { reason, reply });
            }
            ShardInput::Request(Request::Retry { id, reply }) => {
                self.tell(id, Message::Retry { reply })
            }
            ShardInput::Loaded { id, result } => self.loaded(id, result),
            ShardInput::Written(answer) => self.written(answer),
            // Nobody waits for it, or its end is committed.
            ShardInput::TaskEnded { instance, key, .. }
                if !self.running.contains(&instance, key) => {}
            ShardInput::TaskEnded {
                instance,
                key,
                outcome,
            } => {
                let task_scheduled_id = key.id;
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
                self.tell(
                    instance,
                    Message::Event {
                        event,
                        source: Source::Activity(key),
                    },
                );
            }
            ShardInput::TimerDue(id) => self.tell(id, Message::TimersDue),
            ShardInput::Attend(id) => self.tell(id, Message::Attend),
            ShardInput::ForeignWake { id, execution } => self.foreign_wake(&id, execution),
            ShardInput::Tick => {
                let now = self.now();
                while let Some(first) = self.delayed.first_entry() {
                    if first.key().0 > now {
                        break;
                    }
                    let id = first.remove();
                    self.load(id);
                }
            }
        }
    }

    /// What has to be done now. Must be called after every input.
    pub(crate) fn outputs(&mut self) -> std::vec::Drain<'_, ShardOutput> {
        self.outputs.drain(..)
    }

    /// When the shard must see a [`ShardInput::Tick`].
    pub(crate) fn next_tick(&self) -> Option<Timestamp> {
        self.delayed.first_key_value().map(|((at, _), _)| *at)
    }

    /// Whether every write has been answered.
    pub(crate) fn is_settled(&self) -> bool {
        self.pending.is_empty()
    }

    fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }

    fn start(&mut self, start: StartRequest) {
        let now = self.now();
        let execution_id = self.shared.ids.new_execution();
        let started = ExecutionStarted {
            name: start.name.clone(),
            input: start.input.clone(),
            execution_id,
            parent: None,
            version: None,
            tags: Tags::new(),
            scheduled_start: None,
        };
        let started = HistoryEvent::new(now, started);
        self.outputs
            .push(ShardOutput::Write(Write::Create(CreateInstance {
                id: start.id.clone(),
                name: start.name.clone(),
                version: None,
                execution_id,
                created_at: now,
                start_at: None,
                parent: None,
                tags: Tags::new(),
                events: encode_events(std::slice::from_ref(&started)),
                custom_status: start
                    .custom_status
                    .as_ref()
                    .map(|status| status.as_json().to_owned()),
                replaces: start.on_existing.replaces(),
            })));
        self.pending
            .push_back(Pending::Create(Box::new(PendingCreate {
                start,
                started,
                execution_id,
            })));
    }

    /// Puts a message into its instance's slot, and lets the instance take it if it can.
    fn tell(&mut self, id: InstanceId, message: Message) {
        if let Some(slot) = self.slots.get_mut(&id) {
            slot.waiting.push_back(message);
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
        let slot = self
            .slots
            .entry(id.clone())
            .or_insert_with(|| Slot::new(SlotState::Loading));
        self.resident -= usize::from(slot.is_resident());
        slot.state = SlotState::Loading;
        slot.uncertain = true;
        slot.waiting.push_back(Message::TimersDue);
        self.reload_if_drained(id);
    }

    /// Stops for good: another owner has taken the store over, and what is in memory is no longer true.
    fn stop_fenced(&mut self, error: &Arc<StoreError>) {
        if self.fenced.is_some() {
            return;
        }
        tracing::error!(%error, "this worker no longer owns its store and stops");
        self.fenced = Some(Arc::clone(error));
        for slot in std::mem::take(&mut self.slots).into_values() {
            for message in slot.waiting {
                message.refuse(|| RequestError::Store(Arc::clone(error)));
            }
        }
        self.resident = 0;
        self.delayed.clear();
        self.recent.clear();
        self.outputs
            .extend(self.running.take_all().map(ShardOutput::Cancel));
        self.shared.watchers.close();
    }

    fn load(&mut self, id: InstanceId) {
        if matches!(
            self.slots.get(&id),
            Some(Slot {
                state: SlotState::Loading,
                ..
            })
        ) {
            self.outputs.push(ShardOutput::Load(id));
        }
    }

    /// Loads an instance again after a pause that grows while the store keeps failing.
    fn load_later(&mut self, id: InstanceId) {
        self.failures = self.failures.saturating_add(1);
        let pause = SignedDuration::from_millis(50 << self.failures.min(8));
        self.uses += 1;
        let at = self.now().saturating_add(pause).unwrap_or(Timestamp::MAX);
        self.delayed.insert((at, self.uses), id);
    }

    /// Marks an instance as used, and forgets others when too many are in memory.
    fn touch(&mut self, id: &InstanceId) {
        self.uses += 1;
        if let Some(slot) = self.slots.get_mut(id) {
            slot.used = self.uses;
            self.recent.push_back((id.clone(), self.uses));
        }
        while self.resident > self.shared.cache {
            // What is busy comes back here when it no longer is.
            let Some((oldest, used)) = self.recent.pop_front() else {
                break;
            };
            if self
                .slots
                .get(&oldest)
                .is_some_and(|slot| slot.used == used && slot.is_idle())
            {
                self.remove(&oldest);
            }
        }
        if self.recent.len() > 4 * self.slots.len() + 64 {
            self.recent
                .retain(|(id, used)| self.slots.get(id).is_some_and(|slot| slot.used == *used));
        }
    }

    fn remove(&mut self, id: &InstanceId) -> Option<Slot> {
        let slot = self.slots.remove(id)?;
        self.resident -= usize::from(slot.is_resident());
        Some(slot)
    }
}
