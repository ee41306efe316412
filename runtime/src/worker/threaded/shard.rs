//! The thread of a shard.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};

use futures_executor::block_on;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::mpsc::error::SendError;

use super::inlets::{Inlets, ShardMessage};
use super::timers::{TimerMessage, until};
use super::writer::WriterMessage;
use crate::model::instance::{Incarnation, InstanceId};
use crate::store::{Store, StoreError, Write};
use crate::worker::activities::run::DispatcherInput;
use crate::worker::message::{ShardInput, ShardOutput};
use crate::worker::shard::{Shard, Shared};
use crate::worker::turn::{Turn, guarded};
use crate::worker::writer::{MAX_BATCH, Writer};

/// How many instances are read at a time when a worker starts.
const ATTENTION_PAGE: usize = 1_000;

/// How many inputs a shard takes before it hands its writes to the writer.
const MAX_INPUTS_PER_STEP: usize = 1_024;

pub(super) struct ShardDriver {
    pub(super) index: usize,
    pub(super) shared: Arc<Shared>,
    pub(super) store: Arc<dyn Store>,
    pub(super) turn: Arc<Turn>,
    pub(super) receiver: Receiver<ShardMessage>,
    /// A message that was looked at and not taken.
    pub(super) next: Option<ShardMessage>,
    pub(super) writer: Sender<WriterMessage>,
    pub(super) timers: Sender<TimerMessage>,
    pub(super) dispatcher: UnboundedSender<DispatcherInput>,
    pub(super) inlets: Inlets,
}

impl ShardDriver {
    pub(super) fn run(mut self) {
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

/// Tells the shards of every instance that has something to do.
pub(super) async fn recover(store: &dyn Store, inlets: &Inlets) -> Result<(), StoreError> {
    let mut after = Incarnation(0);
    loop {
        let page = store.needing_attention(after, ATTENTION_PAGE).await?;
        let Some((last, _)) = page.last() else {
            return Ok(());
        };
        after = *last;
        let full = page.len() == ATTENTION_PAGE;
        let mut of_shard: Vec<Vec<InstanceId>> = vec![Vec::new(); inlets.len()];
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
