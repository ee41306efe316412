//! The thread of a shard.

use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::thread;
use std::time::Duration;

use futures_executor::block_on;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::mpsc::error::SendError;

use super::account::ThreadAccount;
use super::inlets::{GivenUp, Inlets, ShardMessage, Wait};
use super::timers::{TimerMessage, until};
use super::watchdog::Alarm;
use super::writer::WriterMessage;
use crate::model::instance::{Incarnation, InstanceId};
use crate::store::{Store, StoreError, Write};
use crate::worker::activities::run::DispatcherInput;
use crate::worker::logged::logged;
use crate::worker::message::{ShardInput, ShardOutput};
use crate::worker::pulse::{At, Pulse};
use crate::worker::shard::{Shard, Shared};
use crate::worker::turn::{Turn, guarded};
use crate::worker::writer::{Origin, Writer};

/// How many instances are read at a time when a worker starts.
const ATTENTION_PAGE: usize = 1_000;

/// How many inputs a shard takes before it hands its writes to the writer.
const MAX_INPUTS_PER_STEP: usize = 1_024;

/// How often a thread that comes after one that was given up looks whether the commits are over that may have something of that.
const FENCE_PAUSE: Duration = Duration::from_millis(1);

/// How often, and for how long each time, such a thread waits to be told what was handed out. Whoever tells it is a task of the program's
/// async runtime, whose threads activities may keep: then it goes on, and may start once more what ends before that task runs again.
const ACCOUNT_LOOKS: u32 = 10;
const ACCOUNT_PAUSE: Duration = Duration::from_millis(100);

/// What the threads of the shards share.
#[derive(Clone)]
pub(super) struct Surroundings {
    pub(super) shared: Arc<Shared>,
    pub(super) store: Arc<dyn Store>,
    pub(super) turn: Arc<Turn>,
    pub(super) writer: Sender<WriterMessage>,
    pub(super) timers: Sender<TimerMessage>,
    pub(super) dispatcher: UnboundedSender<DispatcherInput>,
    pub(super) inlets: Inlets,
    pub(super) alarm: Alarm,
}

/// One thread of a shard.
pub(super) struct ShardDriver {
    pub(super) thread: Origin,
    pub(super) pulse: Arc<Pulse>,
    pub(super) around: Surroundings,
}

impl ShardDriver {
    /// Drives the shard until the worker stops. A thread that comes after one that was given up begins with the instance that kept
    /// that one.
    pub(super) fn run(self, after: Option<At>) {
        let pulse = Arc::clone(&self.pulse);
        let mut shard = Shard::new(Arc::clone(&self.around.shared), pulse);
        // Also when it unwinds: then nobody takes anything for this shard any more.
        let _closes = Closes(&self.around.inlets.clone(), self.thread);
        let driven = match after {
            Some(at) => self.take_over(&mut shard, &at),
            None => Ok(()),
        };
        if let Err(GivenUp) = driven.and_then(|()| self.drive(&mut shard)) {
            // Its destructors are the authors', and may keep the thread once more.
            drop(shard);
            self.around.inlets.came_back(self.thread);
            logged(|| {
                tracing::info!(
                    shard = self.thread.shard,
                    "a thread that was given up has come back, and ends"
                )
            });
        }
    }

    /// Does what the thread before has left, once nothing of that is on its way to the store any more.
    fn take_over(&self, shard: &mut Shard, culprit: &At) -> Result<(), GivenUp> {
        self.around.inlets.wait_to_own(self.thread)?;
        let commits = self.around.turn.commits_begun();
        while !self.around.turn.are_over(commits) {
            thread::park_timeout(FENCE_PAUSE);
        }
        shard.inherit();
        let id = culprit.about.id.clone();
        self.step(shard, |shard| shard.handle(ShardInput::Attend(id)))?;
        self.put_out(shard, false)?;
        // Whatever the thread before has not told them.
        self.around.shared.watchers.publish_all_uncertain();
        drop(self.around.timers.send(TimerMessage::ReadAgain));
        let account = ThreadAccount::new(self.thread, self.around.inlets.clone());
        self.dispatch(DispatcherInput::Account(Box::new(account)));
        self.read(shard, Read::NeedingAttention)
    }

    fn drive(&self, shard: &mut Shard) -> Result<(), GivenUp> {
        let mut stopping = false;
        let mut looks = 0;
        while !stopping || !shard.is_settled() || shard.can_admit() {
            let mut next = self.receive(shard)?;
            let is_alone = shard.is_settled();
            let mut taken = 0;
            while let Some(message) = next {
                taken += 1;
                match message {
                    ShardMessage::Input(input) => self.step(shard, |shard| shard.handle(input))?,
                    ShardMessage::Request(_, request) => {
                        let input = ShardInput::Request(request);
                        self.step(shard, |shard| shard.handle(input))?;
                    }
                    ShardMessage::Written((thread, answer)) => {
                        if thread == self.thread {
                            self.step(shard, |shard| shard.handle(ShardInput::Written(answer)))?;
                        }
                    }
                    ShardMessage::Accounted(thread) => {
                        if thread == self.thread {
                            self.step(shard, |shard| shard.handle(ShardInput::Accounted))?;
                        }
                    }
                    ShardMessage::Attend(ids) => shard.defer(ids),
                    ShardMessage::Stop => stopping = true,
                }
                if taken >= MAX_INPUTS_PER_STEP {
                    break;
                }
                next = self.around.inlets.take(self.thread, Wait::Not)?;
            }
            self.around.inlets.note_taken(self.thread.shard);
            if stopping {
                shard.stop();
            }
            self.step(shard, Shard::admit)?;
            if shard
                .next_tick()
                .is_some_and(|at| at <= self.around.shared.clock.now())
            {
                self.step(shard, |shard| shard.handle(ShardInput::Tick))?;
            }
            if shard.may_put_out() {
                self.put_out(shard, is_alone)?;
            } else if taken == 0 && !shard.can_admit() {
                looks += 1;
                if looks == ACCOUNT_LOOKS {
                    self.step(shard, |shard| shard.handle(ShardInput::Accounted))?;
                    self.put_out(shard, false)?;
                }
            }
        }
        Ok(())
    }

    /// Lets the shard do something, watched over: it may run the code of orchestrators.
    fn step(&self, shard: &mut Shard, step: impl FnOnce(&mut Shard)) -> Result<(), GivenUp> {
        self.pulse.begin();
        step(shard);
        self.pulse.end();
        if self.around.inlets.owns(self.thread) {
            Ok(())
        } else {
            Err(GivenUp)
        }
    }

    /// Waits for the next message, the next tick, or not at all while instances wait for room.
    fn receive(&self, shard: &mut Shard) -> Result<Option<ShardMessage>, GivenUp> {
        let next = self.around.inlets.take(self.thread, Wait::Not)?;
        if next.is_some() || shard.can_admit() {
            return Ok(next);
        }
        let wait = match shard.next_tick() {
            _ if !shard.may_put_out() => Wait::For(ACCOUNT_PAUSE),
            None => Wait::Ever,
            Some(at) => Wait::For(until(at, &*self.around.shared.clock)),
        };
        self.pulse.set_resting(true);
        let next = self.around.inlets.take(self.thread, wait);
        self.pulse.set_resting(false);
        self.around.alarm.somebody_works();
        next
    }

    fn dispatch(&self, input: DispatcherInput) {
        if let Err(SendError(DispatcherInput::Run(task))) = self.around.dispatcher.send(input) {
            // The worker is being dropped, or the runtime that it was started on has gone before it.
            logged(
                || tracing::warn!(activity = task.name, instance = %task.instance, "an activity waits for the next start"),
            );
        }
    }

    /// Commits in this thread when nobody else is at it, so that a lone orchestration waits for the disk and not for two more threads
    /// to wake up. Else the writer does. Whether it is done.
    fn write(&self, shard: &mut Shard, writes: Vec<Write>) -> Result<bool, GivenUp> {
        let Some(turn) = self.around.turn.take() else {
            self.send_to_writer(writes);
            return Ok(false);
        };
        let mut writer = Writer::default();
        writes
            .into_iter()
            .for_each(|write| writer.push(self.thread, write));
        let mut answers = Vec::new();
        let owns = |origin| self.around.inlets.owns(origin);
        while let Some(more) = self.around.turn.commit(&mut writer, owns) {
            answers.extend(more);
        }
        // What follows runs the code of orchestrators, for which nobody else may have to wait.
        drop(turn);
        for (_, answer) in answers {
            self.step(shard, |shard| shard.handle(ShardInput::Written(answer)))?;
        }
        Ok(true)
    }

    fn send_to_writer(&self, writes: Vec<Write>) {
        self.around.shared.meters.writes_sent(writes.len());
        let writes = WriterMessage::Writes(self.thread, writes);
        drop(self.around.writer.send(writes));
    }

    fn read(&self, shard: &mut Shard, read: Read) -> Result<(), GivenUp> {
        let store = &*self.around.store;
        let input = match read {
            Read::Instance(id) => {
                let result = guarded(|| block_on(store.load(&id))).map_err(Arc::new);
                ShardInput::Loaded { id, result }
            }
            Read::Inbox(id, incarnation, after) => {
                let result = guarded(|| block_on(store.inbox(&id, incarnation, after)));
                ShardInput::Inbox {
                    id,
                    incarnation,
                    result: result.map_err(Arc::new),
                }
            }
            Read::NeedingAttention => {
                let Err(error) = guarded(|| block_on(recover(store, &self.around.inlets))) else {
                    return Ok(());
                };
                logged(
                    || tracing::error!(%error, "what an unacknowledged commit left cannot be looked for; trying again later"),
                );
                ShardInput::RecoveryFailed
            }
        };
        self.step(shard, |shard| shard.handle(input))
    }

    /// Passes on what a step gave: first what others can work on, then the reads. A closed channel means that the worker is
    /// being dropped. `is_alone` says that the writer has nothing of this shard.
    fn put_out(&self, shard: &mut Shard, mut is_alone: bool) -> Result<(), GivenUp> {
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
                            self.around.inlets.send(&id.clone(), ShardInput::Mail(id));
                        }
                    }
                    ShardOutput::Recover => reads.push(Read::NeedingAttention),
                }
            }
            if !timers.is_empty() {
                drop(self.around.timers.send(TimerMessage::Set(timers)));
            }
            if !writes.is_empty() {
                // What is written from here on must not overtake what the writer has.
                is_alone =
                    is_alone && reads.is_empty() && self.around.inlets.is_quiet(self.thread.shard);
                if is_alone {
                    is_alone = self.write(shard, writes)?;
                } else {
                    self.send_to_writer(writes);
                }
            } else if reads.is_empty() {
                return Ok(());
            }
            for read in reads {
                self.read(shard, read)?;
            }
        }
    }
}

/// When a thread ends that owns its shard, nobody takes anything for that any more.
struct Closes<'a>(&'a Inlets, Origin);

impl Drop for Closes<'_> {
    fn drop(&mut self) {
        let Self(inlets, thread) = self;
        if inlets.owns(*thread) {
            inlets.close(thread.shard);
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
