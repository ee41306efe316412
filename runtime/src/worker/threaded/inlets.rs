//! The ways into the shards, and who takes what comes in.
//!
//! What a shard has not taken does not belong to its thread: when that is given up, the next one takes it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use tokio::sync::{Semaphore, watch};

use crate::hash::hash_of;
use crate::model::instance::{ExecutionId, InstanceId};
use crate::worker::message::{Request, RequestError, ShardInput};
use crate::worker::meters::Meters;
use crate::worker::room::room;
use crate::worker::takeover::{Lost, Takeover, Ticket};
use crate::worker::writer::{Answer, Origin};

pub(super) enum ShardMessage {
    Input(ShardInput),
    Request(Ticket, Request),
    /// The answer to a write, which is for the thread that made it.
    Written(Answer),
    /// This thread knows all that the one before it has handed out.
    Accounted(Origin),
    /// Instances to look at when there is room for them.
    Attend(Vec<InstanceId>),
    Stop,
}

/// The thread has been given up, and another one owns its shard.
#[derive(Debug)]
pub(super) struct GivenUp;

/// How long to wait for a message.
#[derive(Clone, Copy)]
pub(super) enum Wait {
    Not,
    For(Duration),
    Ever,
}

/// The owner of a shard for which nothing is done any more.
const NOBODY: u64 = u64::MAX;

/// The ways into the shards.
#[derive(Clone)]
pub(crate) struct Inlets {
    shards: Arc<[Inlet]>,
    tickets: Arc<AtomicU64>,
    meters: Arc<Meters>,
}

/// The way into one shard.
struct Inlet {
    sender: Sender<ShardMessage>,
    queue: Mutex<Queue>,
    /// Which of its threads owns it, in their order.
    owner: AtomicU64,
    takeovers: watch::Sender<Takeover>,
    /// For the requests that are not answered. None when none are taken any more.
    room: Mutex<Option<Arc<Semaphore>>>,
}

/// What waits for a shard.
struct Queue {
    /// What comes before the channel.
    first: VecDeque<ShardMessage>,
    /// None when nobody takes anything any more.
    receiver: Option<Receiver<ShardMessage>>,
    /// How many were taken that the meters do not know of.
    taken: i64,
}

impl Inlets {
    /// The ways into this many shards.
    pub(crate) fn new(shards: usize, meters: &Arc<Meters>) -> Self {
        let inlet = || {
            let (sender, receiver) = mpsc::channel();
            Inlet {
                sender,
                queue: Mutex::new(Queue {
                    first: VecDeque::new(),
                    receiver: Some(receiver),
                    taken: 0,
                }),
                owner: AtomicU64::new(0),
                takeovers: watch::Sender::default(),
                room: Mutex::new(Some(room())),
            }
        };
        Self {
            shards: (0..shards).map(|_| inlet()).collect(),
            tickets: Arc::default(),
            meters: Arc::clone(meters),
        }
    }

    pub(super) fn meters(&self) -> &Meters {
        &self.meters
    }

    /// How many shards there are.
    pub(super) fn len(&self) -> usize {
        self.shards.len()
    }

    /// The shard that owns an instance, for as long as the process lives.
    pub(super) fn shard_of(&self, id: &InstanceId) -> usize {
        usize::try_from(hash_of(id) % self.shards.len() as u64).unwrap_or_default()
    }

    pub(super) fn send(&self, id: &InstanceId, input: ShardInput) {
        // A closed channel means that the worker is being dropped.
        drop(self.put(self.shard_of(id), ShardMessage::Input(input)));
    }

    /// Gives back what nobody takes any more.
    pub(super) fn put(&self, shard: usize, message: ShardMessage) -> Option<ShardMessage> {
        self.meters.message_sent(shard);
        let sent = self.shards[shard].sender.send(message);
        sent.err().map(|mpsc::SendError(message)| message)
    }

    /// What concerns no one instance is for any shard. Tells when there is no hope for an answer any more.
    pub(super) fn send_request(&self, request: Request) -> Lost {
        let shard = request.id().map_or(0, |id| self.shard_of(id));
        let ticket = self.tickets.fetch_add(1, Ordering::Relaxed);
        let lost = Lost::of(ticket, &self.shards[shard].takeovers);
        let message = ShardMessage::Request(ticket, request);
        if let Some(ShardMessage::Request(_, request)) = self.put(shard, message) {
            request.refuse(RequestError::ShutDown);
        }
        lost
    }

    /// The room for requests about an instance, or about none.
    pub(super) fn room(&self, id: Option<&InstanceId>) -> Option<Arc<Semaphore>> {
        let shard = id.map_or(0, |id| self.shard_of(id));
        self.shards[shard].room().clone()
    }

    /// Whether the thread owns its shard.
    pub(super) fn owns(&self, thread: Origin) -> bool {
        self.shards[thread.shard].owner.load(Ordering::SeqCst) == thread.generation
    }

    /// The next message for a thread. What was written for an earlier one is nobody's.
    pub(super) fn take(&self, thread: Origin, wait: Wait) -> Result<Option<ShardMessage>, GivenUp> {
        let mut queue = self.shards[thread.shard].queue();
        if !self.owns(thread) {
            return Err(GivenUp);
        }
        let message = match queue.first.pop_front() {
            Some(message) => Some(message),
            None => {
                let receiver = queue.receiver.as_ref().ok_or(GivenUp)?;
                match wait {
                    Wait::Not => receiver.try_recv().ok(),
                    Wait::For(time) => receiver.recv_timeout(time).ok(),
                    Wait::Ever => receiver.recv().ok(),
                }
            }
        };
        queue.taken += i64::from(message.is_some());
        Ok(message)
    }

    /// Waits until a shard has been given to this thread.
    pub(super) fn wait_to_own(&self, thread: Origin) -> Result<(), GivenUp> {
        let _queue = self.shards[thread.shard].queue();
        if self.owns(thread) {
            Ok(())
        } else {
            Err(GivenUp)
        }
    }

    /// A thread that was given up has nothing more to do, and ends.
    pub(super) fn came_back(&self, thread: Origin) {
        let owner = self.shards[thread.shard].owner.load(Ordering::SeqCst);
        if owner > thread.generation && owner != NOBODY {
            self.meters.threads_given_up.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Whether nothing waits for a shard.
    pub(super) fn is_quiet(&self, shard: usize) -> bool {
        let mut queue = self.shards[shard].queue();
        if queue.first.is_empty() {
            let next = queue
                .receiver
                .as_ref()
                .and_then(|next| next.try_recv().ok());
            queue.first.extend(next);
        }
        queue.first.is_empty()
    }

    /// Tells the meters what was taken. Once for each step.
    pub(super) fn note_taken(&self, shard: usize) {
        let taken = std::mem::take(&mut self.shards[shard].queue().taken);
        self.meters.messages_taken(shard, taken);
    }

    /// Gives a shard to another thread, which `start` is told of and starts. From then on the one before gets nothing, and nothing of
    /// it is committed; who waits for an answer of it is told. `None` when the one before waits for its next message, and so has
    /// come back.
    pub(super) fn take_over<E>(
        &self,
        shard: usize,
        start: impl FnOnce(Origin) -> Result<(), E>,
    ) -> Option<Result<(), E>> {
        let inlet = &self.shards[shard];
        let mut queue = match inlet.queue.try_lock() {
            Ok(queue) => queue,
            Err(TryLockError::Poisoned(queue)) => queue.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        let owner = inlet.owner.load(Ordering::SeqCst);
        if owner == NOBODY {
            return None;
        }
        let generation = owner + 1;
        // It waits for the queue.
        if let Err(error) = start(Origin { shard, generation }) {
            return Some(Err(error));
        }
        let Queue {
            first, receiver, ..
        } = &mut *queue;
        first.extend(receiver.iter().flat_map(Receiver::try_iter));
        let spared = first.iter().filter_map(|message| match message {
            ShardMessage::Request(ticket, _) => Some(*ticket),
            _ => None,
        });
        let (spared, closed) = (Arc::new(spared.collect()), false);
        self.meters.threads_given_up.fetch_add(1, Ordering::Relaxed);
        // Before the one before may find that it was given up, and drop what it had taken.
        inlet.takeovers.send_replace(Takeover { spared, closed });
        inlet.owner.store(generation, Ordering::SeqCst);
        // From here on the next thread may wait with it for a message.
        let taken = std::mem::take(&mut queue.taken);
        drop(queue);
        self.meters.messages_taken(shard, taken);
        // What the thread before has taken keeps its places for ever.
        let before = inlet.room().replace(room());
        before.inspect(|room| room.close());
        Some(Ok(()))
    }

    /// Takes nothing more for a shard: its thread ends, and nothing of it is committed any more. Whoever waits for an answer is told.
    pub(super) fn close(&self, shard: usize) {
        let inlet = &self.shards[shard];
        inlet.owner.store(NOBODY, Ordering::SeqCst);
        let left = match inlet.queue.try_lock() {
            Ok(mut queue) => Some((std::mem::take(&mut queue.first), queue.receiver.take())),
            // It waits for a message, and comes back here when it has one.
            Err(TryLockError::WouldBlock) => {
                drop(inlet.sender.send(ShardMessage::Stop));
                None
            }
            Err(TryLockError::Poisoned(_)) => None,
        };
        drop(left);
        let room = inlet.room().take();
        room.inspect(|room| room.close());
        inlet.takeovers.send_replace(Takeover {
            closed: true,
            ..Takeover::default()
        });
    }
}

impl Inlet {
    fn room(&self) -> MutexGuard<'_, Option<Arc<Semaphore>>> {
        self.room.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A way for the engine to say that an orchestrator was woken from outside.
pub(crate) fn foreign_wakes(inlets: Inlets) -> Box<dyn Fn(InstanceId, ExecutionId) + Send + Sync> {
    Box::new(move |id, execution| {
        inlets.send(&id.clone(), ShardInput::ForeignWake { id, execution })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_whose_thread_has_ended_gets_no_other() {
        let inlets = Inlets::new(1, &Arc::new(Meters::new(1)));
        inlets.close(0);
        assert!(inlets.take_over(0, |_| Ok::<_, ()>(())).is_none());
    }
}
