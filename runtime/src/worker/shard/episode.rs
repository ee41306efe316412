//! Running episodes: messages in, one write out.

use std::collections::HashSet;

use super::Shard;
use super::commit::{Effects, Pending, PendingEpisode};
use super::slot::{Held, Live, Message, SlotState, Source, ended_task};
use crate::engine::{Episode, Fault};
use crate::model::action::OrchestratorActionKind;
use crate::model::custom_status::StatusChange;
use crate::model::history::{HistoryEvent, HistoryEventKind, TimerFired, encode_events};
use crate::model::instance::{Cursor, InstanceId};
use crate::model::status::RuntimeStatus;
use crate::store::{EpisodeWrite, HistoryRow, TimerPosition, Write};
use crate::worker::message::{Reply, ShardOutput, Task, TaskKey};
use crate::worker::watchers::Update;

impl Shard {
    /// Lets an instance take what waits for it.
    pub(super) fn advance(&mut self, id: &InstanceId) {
        let Some(slot) = self.slots.get_mut(id) else {
            return;
        };
        match slot.state {
            SlotState::Loading | SlotState::Ending(_) => return,
            SlotState::Held(_) => self.take_held(id),
            SlotState::Live(_) => self.take_live(id),
        }
        self.touch(id);
    }

    /// Delivers everything up to a termination in one episode; then terminates.
    fn take_live(&mut self, id: &InstanceId) {
        let now = self.now();
        let Some(slot) = self.slots.get_mut(id) else {
            return;
        };
        let SlotState::Live(live) = &mut slot.state else {
            return;
        };
        let mut batch = Batch::default();
        batch.extend(live.begin.take().map(|event| (event, None)));
        let execution = live.header.execution_id;
        let mut timers_taken = false;
        let mut terminate = None;
        while let Some(message) = slot.waiting.pop_front() {
            match message {
                // The result of an earlier execution, or one that was delivered before.
                Message::Event {
                    source: Source::Activity(key),
                    ..
                } if key.execution != execution || !self.running.contains(id, key) => {
                    self.running.remove(id, key);
                }
                Message::Event { event, source } => batch.push(event, Some(source)),
                Message::TimersDue => {
                    if !std::mem::replace(&mut timers_taken, true) {
                        let due = live.execution.due_timers(now);
                        if due.is_empty()
                            && let Some(fire_at) = live.execution.next_timer()
                        {
                            // The clock went back since the timer was found to be due.
                            let position = TimerPosition {
                                fire_at,
                                incarnation: live.header.incarnation,
                            };
                            self.outputs
                                .push(ShardOutput::SetTimer(position, id.clone()));
                        }
                        batch.extend(due.into_iter().map(|(fire_at, timer_id)| {
                            (
                                HistoryEvent::new(now, TimerFired { timer_id, fire_at }),
                                None,
                            )
                        }));
                    }
                }
                Message::Attend => {}
                Message::Retry { reply } => reply.send(Ok(())),
                Message::Terminate { reason, reply } => {
                    terminate = Some((reason, reply));
                    break;
                }
            }
        }
        if !batch.events.is_empty() {
            match live.execution.deliver(now, &mut batch.events) {
                Ok(episode) => {
                    let mut sources = batch.sources;
                    let left = sources.split_off(episode.delivered);
                    let left = Batch {
                        events: batch.events,
                        sources: left,
                    };
                    self.commit_episode(id, episode, sources, left.into_messages());
                }
                Err(fault) => {
                    let mut messages = batch.into_messages();
                    messages.extend(
                        terminate.map(|(reason, reply)| Message::Terminate { reason, reply }),
                    );
                    return self.hold(id, &fault, messages);
                }
            }
        }
        if let Some((reason, reply)) = terminate {
            self.terminate(id, reason, reply);
        }
    }

    /// Sets an instance aside. What the episode was to take goes back in front of what waits.
    pub(super) fn hold(&mut self, id: &InstanceId, fault: &Fault, messages: Vec<Message>) {
        let Some(slot) = self.slots.get_mut(id) else {
            return;
        };
        let SlotState::Live(live) = &slot.state else {
            return;
        };
        let header = live.header.clone();
        let custom_status = live.committed_status.clone();
        let reason = format!("orchestrator `{}`: {fault}", header.name);
        tracing::error!(instance = %id, reason, "an instance is set aside");
        for message in messages.into_iter().rev() {
            slot.waiting.push_front(message);
        }
        slot.state = SlotState::Held(Box::new(Held {
            header,
            custom_status,
        }));
        self.set_stalled(id, Some(reason));
        self.take_held(id);
    }

    /// Writes why an instance cannot advance, unless the store says the same already.
    pub(super) fn set_stalled(&mut self, id: &InstanceId, reason: Option<String>) {
        let Some(slot) = self.slots.get_mut(id) else {
            return;
        };
        let header = match &mut slot.state {
            SlotState::Live(live) => &mut live.header,
            SlotState::Held(held) => &mut held.header,
            SlotState::Loading | SlotState::Ending(_) => return,
        };
        if header.stalled == reason {
            return;
        }
        header.stalled.clone_from(&reason);
        let incarnation = header.incarnation;
        slot.unanswered += 1;
        self.outputs.push(ShardOutput::Write(Write::SetStalled {
            incarnation,
            reason,
        }));
        self.pending.push_back(Pending::Message {
            id: id.clone(),
            incarnation,
            message: None,
        });
    }

    /// Stores the messages of an instance that cannot take them.
    fn take_held(&mut self, id: &InstanceId) {
        let Some(slot) = self.slots.get_mut(id) else {
            return;
        };
        let SlotState::Held(held) = &slot.state else {
            return;
        };
        let (incarnation, execution) = (held.header.incarnation, held.header.execution_id);
        while let Some(message) = slot.waiting.pop_front() {
            match message {
                // The result of an earlier execution.
                Message::Event {
                    source: Source::Activity(key),
                    ..
                } if key.execution != execution => {
                    self.running.remove(id, key);
                }
                // Timers are found again when the instance is loaded, and inbox messages are stored already.
                Message::TimersDue
                | Message::Attend
                | Message::Event {
                    source: Source::Inbox(_),
                    ..
                } => {}
                Message::Event { event, source } => {
                    let text = encode_events(std::slice::from_ref(&event));
                    slot.unanswered += 1;
                    self.outputs.push(ShardOutput::Write(Write::Enqueue {
                        incarnation,
                        execution: None,
                        event: text,
                    }));
                    let message = Some(Box::new(Message::Event { event, source }));
                    self.pending.push_back(Pending::Message {
                        id: id.clone(),
                        incarnation,
                        message,
                    });
                }
                Message::Terminate { reason, reply } => return self.terminate(id, reason, reply),
                Message::Retry { reply } => {
                    reply.send(Ok(()));
                    slot.state = SlotState::Loading;
                    self.resident -= 1;
                    // Otherwise the last answer that is on its way lets it load.
                    if slot.unanswered == 0 {
                        self.load(id.clone());
                    }
                    return;
                }
            }
        }
    }

    /// Ends an instance without running its orchestrator.
    fn terminate(&mut self, id: &InstanceId, reason: Option<String>, reply: Reply<()>) {
        let now = self.now();
        let Some(slot) = self.slots.get_mut(id) else {
            return;
        };
        match &slot.state {
            SlotState::Live(_) | SlotState::Held(_) => {
                let episode = Episode::terminated(now, reason, false);
                self.commit_episode(id, episode, vec![Some(Source::Client(reply))], Vec::new());
            }
            // It is answered once the end, or its failure, is durable.
            SlotState::Loading | SlotState::Ending(_) => {
                slot.waiting.push_back(Message::Terminate { reason, reply });
            }
        }
    }

    /// Makes an episode's write, and keeps what must follow its commit. `sources` are those of the events that were
    /// delivered, in order; `undelivered` is what came behind the end of the execution.
    fn commit_episode(
        &mut self,
        id: &InstanceId,
        episode: Episode,
        sources: Vec<Option<Source>>,
        undelivered: Vec<Message>,
    ) {
        let Some(slot) = self.slots.get_mut(id) else {
            return;
        };
        let Episode {
            mut events,
            delivered: _,
            actions,
            withdrawn,
            status,
            ended,
            ..
        } = episode;
        let withdrawn: HashSet<i32> = withdrawn.into_iter().collect();
        let last_event = events.last().map(|event| event.timestamp);

        let mut stalls = false;
        let (mut header, mut custom_status) = match &mut slot.state {
            SlotState::Live(live) => {
                live.close_tasks(&events, &withdrawn);
                for action in &actions {
                    if let OrchestratorActionKind::ScheduleTask { name, .. } = &action.kind
                        && !withdrawn.contains(&action.id)
                    {
                        let missing = self
                            .shared
                            .registry
                            .activity(name)
                            .is_none()
                            .then(|| name.clone());
                        live.open_tasks.insert(action.id, missing);
                    }
                }
                let stalled = live.stalled();
                stalls = live.header.stalled != stalled;
                live.header.stalled = stalled;
                live.header.needs_attention = !live.open_tasks.is_empty();
                live.header.next_timer = live.execution.next_timer();
                (live.header.clone(), live.committed_status.take())
            }
            SlotState::Held(held) => (held.header.clone(), held.custom_status.take()),
            SlotState::Loading | SlotState::Ending(_) => return,
        };

        header.episode += 1;
        header.last_updated_at = last_event.unwrap_or(header.last_updated_at);
        let row_status = match status {
            StatusChange::Untouched => None,
            StatusChange::Set(status) => Some(custom_status.insert(status).as_json().to_owned()),
            StatusChange::Cleared => {
                custom_status = None;
                Some("null".to_owned())
            }
        };
        if row_status.is_some() {
            header.status_episode = Some(header.episode);
        }
        let runtime_status = ended
            .as_ref()
            .map_or(RuntimeStatus::Running, |ended| ended.status);
        let changed = runtime_status != header.runtime_status || row_status.is_some();
        header.runtime_status = runtime_status;
        header.sequence += u64::from(changed);
        if ended.is_some() {
            (header.next_timer, header.needs_attention, header.stalled) = (None, false, None);
        }

        // The event that begins the execution is in the row that created the instance.
        events.retain(|event| !matches!(event.kind, HistoryEventKind::ExecutionStarted(_)));
        let inbox_taken = sources.iter().filter_map(|source| match source {
            Some(Source::Inbox(sequence)) => Some(*sequence),
            _ => None,
        });
        self.outputs
            .push(ShardOutput::Write(Write::Episode(EpisodeWrite {
                incarnation: header.incarnation,
                execution_id: header.execution_id,
                row: HistoryRow {
                    episode: header.episode,
                    events: encode_events(&events),
                    custom_status: row_status,
                    runtime_status,
                    sequence: header.sequence,
                },
                last_updated_at: header.last_updated_at,
                next_timer: header.next_timer,
                needs_attention: header.needs_attention,
                stalled: header.stalled.clone(),
                // Nobody will take what is left when the instance has ended.
                inbox_taken: ended.as_ref().map(|_| u64::MAX).or(inbox_taken.max()),
                continued: None,
                children: Vec::new(),
                rewinds: Vec::new(),
                messages: Vec::new(),
                progress_ended: Vec::new(),
            })));

        let execution = header.execution_id;
        let run = actions
            .into_iter()
            .filter(|action| !withdrawn.contains(&action.id))
            .filter_map(|action| {
                let OrchestratorActionKind::ScheduleTask { name, input, .. } = action.kind else {
                    return None;
                };
                Some(Task {
                    key: TaskKey {
                        execution,
                        id: action.id,
                    },
                    instance: id.clone(),
                    name,
                    input,
                })
            });
        let effects = Effects {
            run: run.collect(),
            cancel: withdrawn
                .iter()
                .map(|id| TaskKey { execution, id: *id })
                .collect(),
            cancel_all: runtime_status == RuntimeStatus::Terminated,
            next_timer: header.next_timer,
            update: (changed || stalls).then(|| Update {
                cursor: Cursor {
                    incarnation: header.incarnation,
                    sequence: header.sequence,
                },
                runtime_status,
                custom_status: custom_status.clone(),
                output: ended.as_ref().and_then(|ended| ended.result.clone()),
                failure: ended.as_ref().and_then(|ended| ended.failure.clone()),
                stalled: header.stalled.clone(),
            }),
            ended: ended.is_some(),
        };
        self.pending
            .push_back(Pending::Episode(Box::new(PendingEpisode {
                id: id.clone(),
                incarnation: header.incarnation,
                execution,
                sources,
                undelivered,
                events,
                effects,
            })));
        slot.unanswered += 1;
        if ended.is_some() {
            self.resident -= usize::from(slot.is_resident());
            slot.state = SlotState::Ending(Box::new(header));
        } else if let SlotState::Live(live) = &mut slot.state {
            live.header = header;
            live.committed_status = custom_status;
        }
    }
}

/// The events that an episode is to take, each with where it came from.
#[derive(Default)]
struct Batch {
    events: Vec<HistoryEvent>,
    sources: Vec<Option<Source>>,
}

impl Batch {
    fn push(&mut self, event: HistoryEvent, source: Option<Source>) {
        self.events.push(event);
        self.sources.push(source);
    }

    /// The messages that the events came in. What came from the instance's own rows is found there again.
    fn into_messages(self) -> Vec<Message> {
        let messages = self.events.into_iter().zip(self.sources);
        messages
            .filter_map(|(event, source)| {
                Some(Message::Event {
                    event,
                    source: source?,
                })
            })
            .collect()
    }
}

impl Extend<(HistoryEvent, Option<Source>)> for Batch {
    fn extend<I: IntoIterator<Item = (HistoryEvent, Option<Source>)>>(&mut self, batch: I) {
        for (event, source) in batch {
            self.push(event, source);
        }
    }
}

impl Live {
    /// Keeps count of the activities that are open.
    fn close_tasks(&mut self, events: &[HistoryEvent], withdrawn: &HashSet<i32>) {
        for id in events.iter().filter_map(ended_task) {
            self.open_tasks.remove(&id);
        }
        for id in withdrawn {
            self.open_tasks.remove(id);
        }
    }
}
