//! What waits for a commit, and what follows when it is acknowledged or fails.

use std::collections::VecDeque;
use std::sync::Arc;

use jiff::Timestamp;

use super::Shard;
use super::created::PendingCreate;
use super::enter::LiveParts;
use super::later::MANY_FAILURES;
use super::slot::{InboxRead, Message, SlotState, Source, ended_task};
use crate::context::CancelReason;
use crate::model::history::HistoryEvent;
use crate::model::instance::{ExecutionId, Incarnation, InstanceId};
use crate::store::{Refused, StoreError, StoreErrorKind, TimerPosition, WriteResult, Written};
use crate::worker::logged::logged;
use crate::worker::message::{PurgedPart, Reply, RequestError, ShardOutput, Task, TaskKey};
use crate::worker::update::Published;

/// A write that the writer has not answered.
#[derive(Debug)]
pub(super) enum Pending {
    Create(Box<PendingCreate>),
    Episode(Box<PendingEpisode>),
    /// An instance with a history that it had elsewhere.
    Import {
        id: InstanceId,
        reply: Reply<Incarnation>,
    },
    /// What is only for instances that have ended.
    Ended {
        id: InstanceId,
        operation: Ended,
        reply: Reply<()>,
    },
    PurgeWhere {
        reply: Reply<PurgedPart>,
    },
    /// What an activity reported.
    Progress {
        id: InstanceId,
        incarnation: Incarnation,
        update: Arc<Published>,
    },
    /// A message for the inbox, or the reason why an instance cannot advance.
    Message {
        id: InstanceId,
        incarnation: Incarnation,
        message: Option<Box<Message>>,
    },
}

/// What is done to an instance that has ended.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ended {
    Rewind,
    Purge,
}

#[derive(Debug)]
pub(super) struct PendingEpisode {
    pub(super) id: InstanceId,
    pub(super) incarnation: Incarnation,
    pub(super) execution: ExecutionId,
    /// Where its events came from.
    pub(super) sources: Vec<Option<Source>>,
    /// Messages behind the event that ended the execution.
    pub(super) undelivered: Vec<Message>,
    /// The events of the episode. The results of activities among them must not be lost.
    pub(super) events: Vec<HistoryEvent>,
    pub(super) effects: Effects,
}

/// What takes effect once the commit is durable.
#[derive(Debug)]
pub(super) struct Effects {
    pub(super) run: Vec<Arc<Task>>,
    pub(super) cancel: Vec<TaskKey>,
    pub(super) cancel_all: bool,
    pub(super) next_timer: Option<Timestamp>,
    pub(super) update: Option<Arc<Published>>,
    pub(super) ended: bool,
    /// What the next execution begins with, when this one continued as new.
    pub(super) next: Option<Box<LiveParts>>,
    /// Whether something was sent to other instances.
    pub(super) sends: bool,
}

impl Shard {
    /// Takes the answer for the oldest unanswered write.
    pub(super) fn written(&mut self, answer: Result<WriteResult, Arc<StoreError>>) {
        match &answer {
            Ok(_) => (self.failures, self.fails_until) = (0, Timestamp::MIN),
            Err(error) if error.kind() == StoreErrorKind::Fenced => self.stop_fenced(error),
            Err(_) => {}
        }
        match self.pending.pop_front() {
            Some(Pending::Create(create)) => self.created(*create, answer),
            Some(Pending::Episode(episode)) => {
                self.episodes -= 1;
                match answer {
                    Ok(Ok(written)) => {
                        if let Written::Episode { notified } = written
                            && !notified.is_empty()
                        {
                            self.outputs.push(ShardOutput::Notify(notified));
                        }
                        self.episode_committed(episode);
                    }
                    Ok(Err(_)) => self.episode_failed(episode, None),
                    Err(error) => self.episode_failed(episode, Some(&error)),
                }
            }
            Some(Pending::Import { id, reply }) => self.imported(id, reply, answer),
            Some(Pending::Ended {
                id,
                operation,
                reply,
            }) => self.changed_ended(id, operation, reply, answer),
            Some(Pending::PurgeWhere { reply }) => {
                if !matches!(answer, Ok(Ok(Written::Purged { count: 0, .. }))) {
                    self.shared.watchers.publish_purge();
                }
                reply.send(match answer {
                    Ok(Ok(Written::Purged { count, next })) => Ok(PurgedPart { count, next }),
                    Ok(_) => Ok(PurgedPart {
                        count: 0,
                        next: None,
                    }),
                    Err(error) => Err(RequestError::Store(error)),
                });
            }
            Some(Pending::Progress {
                id,
                incarnation,
                update,
            }) => self.progress_stored(&id, incarnation, update, &answer),
            Some(Pending::Message {
                id,
                incarnation,
                message,
            }) => self.message_stored(&id, incarnation, message.map(|message| *message), answer),
            None => logged(|| tracing::error!("the writer answered a write that nobody made")),
        }
    }

    fn episode_committed(&mut self, episode: Box<PendingEpisode>) {
        let PendingEpisode {
            id,
            incarnation,
            sources,
            undelivered,
            effects,
            ..
        } = *episode;
        // Before the answers: who has got one must see what it asked for.
        if let Some(update) = effects.update {
            self.shared.watchers.publish(&id, update);
        }
        for source in sources.into_iter().flatten() {
            match source {
                Source::Client(reply) => reply.send(Ok(())),
                Source::Activity(key) => self.running.remove(&id, key),
                Source::Inbox(_) | Source::Begin => {}
            }
        }
        self.refuse(&id, undelivered);
        for key in effects.cancel {
            self.running.remove(&id, key);
            self.outputs
                .push(ShardOutput::Cancel(key, CancelReason::Withdrawn));
        }
        if effects.cancel_all {
            self.cancel_all(&id, CancelReason::Terminated);
        }
        if !self.answered(&id, incarnation) {
            return;
        }
        // Also when it has ended: what it asked for and does not wait for goes on.
        for task in effects.run {
            self.run(task);
        }
        if let Some(fire_at) = effects.next_timer {
            let position = TimerPosition {
                fire_at,
                incarnation,
            };
            self.outputs
                .push(ShardOutput::SetTimer(position, id.clone()));
        }
        if let Some(slot) = self.slots.get_mut(&id) {
            slot.obstacle = None;
        }
        if effects.ended {
            let slot = self.slots.remove(&id);
            let waiting = slot.map(|slot| slot.waiting).unwrap_or_default();
            // Another instance may have taken the id since.
            let look = waiting
                .iter()
                .any(|message| matches!(message, Message::Mail | Message::Attend));
            self.refuse(&id, waiting);
            if look {
                self.tell(id, Message::Attend);
            }
        } else if let Some(parts) = effects.next {
            // The commit of the execution before may have failed meanwhile, and then this one is loaded.
            match self.slots.get_mut(&id) {
                Some(slot) if matches!(slot.state, SlotState::Continuing(_)) => {
                    let has_mail = slot.inbox != InboxRead::No
                        || slot
                            .waiting
                            .iter()
                            .any(|message| matches!(message, Message::Mail));
                    // With what is in its inbox: an execution that continues as new again at once would never take it.
                    if self.stopping {
                        for message in self
                            .remove(&id)
                            .map(|slot| slot.waiting)
                            .unwrap_or_default()
                        {
                            message.refuse(|| RequestError::ShutDown);
                        }
                    } else if has_mail {
                        slot.state = SlotState::Loading;
                        self.reload_if_drained(&id);
                    } else {
                        self.enter(*parts);
                    }
                }
                _ => self.reload_if_drained(&id),
            }
        } else {
            self.touch(&id);
            self.reload_if_drained(&id);
        }
    }

    /// Drops from memory what the store did not take, and keeps what must not be lost. Clients are told: for them the outcome is
    /// unknown when the store failed.
    fn episode_failed(&mut self, episode: Box<PendingEpisode>, error: Option<&Arc<StoreError>>) {
        let PendingEpisode {
            id,
            incarnation,
            execution,
            sources,
            undelivered,
            events,
            effects,
        } = *episode;
        let of_one = error.filter(|error| error.is_of_one_write());
        let may_be_stored = error.is_some() && of_one.is_none();
        if effects.sends && may_be_stored && self.fenced.is_none() {
            self.recover_later();
        }
        logged(
            || tracing::warn!(instance = %id, error = ?error, "the commit of an episode failed; the instance is loaded again"),
        );
        let slot = self.slots.get_mut(&id);
        let reason = match (error, slot) {
            (Some(error), Some(slot)) => Some(Arc::clone(slot.failed.insert(Arc::clone(error)))),
            (Some(error), None) => Some(Arc::clone(error)),
            (None, slot) => slot.and_then(|slot| slot.failed.clone()),
        };
        let outcome = || match &reason {
            Some(error) => RequestError::Store(Arc::clone(error)),
            None => RequestError::NotFound { id: id.clone() },
        };
        let comes_again = |source: &Option<Source>| !matches!(source, Some(Source::Client(_)));
        let comes_again = sources.iter().any(comes_again);
        for source in sources.into_iter().flatten() {
            if let Source::Client(reply) = source {
                reply.send(Err(outcome()));
            }
        }
        // Results of activities are nowhere else. Timers and the inbox are found again.
        let is_result = |message: &Message| {
            matches!(
                message,
                Message::Event {
                    source: Source::Activity(_),
                    ..
                }
            )
        };
        let (results, refused): (Vec<_>, Vec<_>) = undelivered.into_iter().partition(is_result);
        for message in refused {
            message.refuse(outcome);
        }
        if !self.answered(&id, incarnation) {
            return;
        }
        let Some(slot) = self.slots.get_mut(&id) else {
            return;
        };
        slot.waiting.extend(events.into_iter().filter_map(|event| {
            let id = ended_task(&event)?;
            Some(Message::Event {
                event,
                source: Source::Activity(TaskKey { execution, id }),
            })
        }));
        slot.waiting.extend(results);
        if let Some(error) = of_one {
            self.expect_no_change();
            if error.kind() == StoreErrorKind::Codec && comes_again {
                self.set_obstructed(&id, error);
            }
        }
        self.reload(&id);
    }

    /// What is about one write stays so until somebody mends it, however well others are written meanwhile.
    fn expect_no_change(&mut self) {
        self.failures = self.failures.max(MANY_FAILURES);
    }

    /// Answers messages that nobody will take.
    pub(super) fn refuse(&mut self, id: &InstanceId, messages: impl IntoIterator<Item = Message>) {
        for message in messages {
            if let Message::Event {
                source: Source::Activity(key),
                ..
            } = message
            {
                self.running.remove(id, key);
            } else {
                message.refuse(|| RequestError::AlreadyEnded { id: id.clone() });
            }
        }
    }

    fn message_stored(
        &mut self,
        id: &InstanceId,
        incarnation: Incarnation,
        message: Option<Message>,
        answer: Result<WriteResult, Arc<StoreError>>,
    ) {
        let owned = self.answered(id, incarnation);
        match (message, answer) {
            (
                Some(Message::Event {
                    source: Source::Client(reply),
                    ..
                }),
                answer,
            ) => reply.send(match answer {
                Ok(Ok(_)) => Ok(()),
                Ok(Err(_)) => Err(RequestError::AlreadyEnded { id: id.clone() }),
                Err(error) => Err(RequestError::Store(error)),
            }),
            (
                Some(Message::Event {
                    source: Source::Activity(key),
                    ..
                }),
                Ok(_),
            ) => self.running.remove(id, key),
            // The instance stalls, or no longer does. What its watchers see of it is in the store.
            (None, Ok(_)) => self.shared.watchers.publish_uncertain(id),
            (message, Err(error)) if owned => {
                if error.is_of_one_write() {
                    self.expect_no_change();
                }
                // A result that must not be lost, or the reason of a stall, which loading finds again.
                if let Some(slot) = self.slots.get_mut(id) {
                    slot.waiting.extend(message);
                }
                return self.reload(id);
            }
            _ => {}
        }
        if owned {
            self.touch(id);
            self.reload_if_drained(id);
        }
    }

    /// Counts an answer, and says whether the slot is still that of the same incarnation.
    pub(super) fn answered(&mut self, id: &InstanceId, incarnation: Incarnation) -> bool {
        let Some(slot) = self.slots.get_mut(id) else {
            return false;
        };
        // While it is loading it has no header; it was this incarnation's when it failed.
        if slot
            .header()
            .is_some_and(|header| header.incarnation != incarnation)
        {
            return false;
        }
        slot.unanswered = slot.unanswered.saturating_sub(1);
        true
    }

    /// Loads an instance again, once nothing of it is on its way to the store any more. After a failure it waits a while.
    pub(super) fn reload_if_drained(&mut self, id: &InstanceId) {
        if let Some(slot) = self.slots.get(id)
            && matches!(slot.state, SlotState::Loading)
            && slot.unanswered == 0
        {
            if slot.uncertain {
                self.load_later(id.clone());
            } else {
                self.load(id.clone());
            }
        }
    }

    /// Hands out an activity, unless it is out already.
    pub(super) fn run(&mut self, task: Arc<Task>) {
        if self.running.insert(&task.instance, task.key, self.now()) {
            self.outputs.push(ShardOutput::Run(task));
        }
    }

    pub(super) fn cancel_all(&mut self, id: &InstanceId, reason: CancelReason) {
        let keys = self.running.take(id);
        self.cancel(keys, reason);
    }

    pub(super) fn cancel(&mut self, keys: Vec<TaskKey>, reason: CancelReason) {
        let keys = keys.into_iter();
        self.outputs
            .extend(keys.map(|key| ShardOutput::Cancel(key, reason)));
    }

    /// Takes the answer to the rewinding or purging of an instance that has ended.
    fn changed_ended(
        &mut self,
        id: InstanceId,
        operation: Ended,
        reply: Reply<()>,
        answer: Result<WriteResult, Arc<StoreError>>,
    ) {
        let outcome = match answer {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(Refused::Exists(existing))) => {
                let runtime_status = existing.runtime_status;
                return reply.send(Err(match operation {
                    Ended::Rewind => RequestError::NotFailed { id, runtime_status },
                    Ended::Purge => RequestError::NotEnded { id, runtime_status },
                }));
            }
            Ok(Err(Refused::Stale)) => return reply.send(Err(RequestError::NotFound { id })),
            Err(error) => Err(RequestError::Store(error)),
        };
        self.shared.watchers.publish_uncertain(&id);
        reply.send(outcome);
        if self.fenced.is_none() {
            self.tell(id, Message::Attend);
        }
    }
}

/// Answers a request that finds done what it asks for. The episode that did it may be on its way to the store: then its answer is this one's too.
pub(super) fn answer_behind(pending: &mut VecDeque<Pending>, id: &InstanceId, reply: Reply<()>) {
    let last = pending.iter_mut().rev().find_map(|pending| match pending {
        Pending::Episode(episode) if episode.id == *id => Some(episode),
        _ => None,
    });
    match last {
        Some(episode) => episode.sources.push(Some(Source::Client(reply))),
        None => reply.send(Ok(())),
    }
}
