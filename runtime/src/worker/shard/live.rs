//! Delivering to a live instance: what waits for it goes into one episode.

use jiff::Timestamp;

use super::Shard;
use super::batch::Batch;
use super::objection::objection;
use super::slot::{Kept, Message, SlotState, Source, is_raised};
use crate::engine::Fault;
use crate::limits::{HISTORY_LENGTH_WARNING, MAX_EVENTS_PER_EPISODE};
use crate::model::instance::InstanceId;
use crate::model::waiting::WaitingOn;
use crate::store::{InstanceHeader, TimerPosition};
use crate::worker::logged::logged;
use crate::worker::message::{Reply, ShardOutput, TaskKey};

/// What a live instance takes at once.
struct Taken {
    /// The events of its next episode.
    batch: Batch,
    /// The activities that have reported.
    reports: Vec<TaskKey>,
    /// Whether there is something in its inbox.
    mail: bool,
    /// Who asks what it waits for.
    inspections: Vec<Reply<Vec<WaitingOn>>>,
    /// What ends or pauses it behind the episode. What came after that still waits.
    stop: Option<Message>,
}

impl Taken {
    fn with_capacity(events: usize) -> Self {
        Self {
            batch: Batch::with_capacity(events),
            reports: Vec::new(),
            mail: false,
            inspections: Vec::new(),
            stop: None,
        }
    }
}

impl Shard {
    /// Lets an instance take what waits for it.
    pub(super) fn advance(&mut self, id: &InstanceId) {
        let Some(slot) = self.slots.get_mut(id) else {
            return;
        };
        match slot.state {
            SlotState::Loading | SlotState::Continuing(_) | SlotState::Ending(_) => return,
            SlotState::Held(_) => self.take_held(id),
            SlotState::Live(_) => self.take_live(id),
        }
        self.touch(id);
    }

    /// Delivers everything up to a termination or suspension in one episode; then terminates or suspends.
    fn take_live(&mut self, id: &InstanceId) {
        if let Some(stop) = self.stop_first(id) {
            return self.stop_by(id, stop);
        }
        let Some(Taken {
            batch,
            reports,
            mail,
            inspections,
            stop,
        }) = self.gather(id)
        else {
            return;
        };
        // They came before whatever ends their activities now, and what continues as new has no more use for its inbox.
        for key in reports {
            self.report_progress(id, key);
        }
        if mail {
            self.read_inbox(id);
        }
        if let Err((fault, mut messages)) = self.deliver(id, batch) {
            let inspections = inspections.into_iter();
            messages.extend(inspections.map(|reply| Message::Inspect { reply }));
            messages.extend(stop);
            return self.hold(id, &fault, messages);
        }
        self.inspect(id, inspections);
        if let Some(stop) = stop {
            self.stop_by(id, stop);
        }
    }

    /// What stops an instance before it takes anything else.
    fn stop_first(&mut self, id: &InstanceId) -> Option<Message> {
        let slot = self.slots.get_mut(id)?;
        let SlotState::Live(live) = &slot.state else {
            return None;
        };
        let waiting = &mut slot.waiting;
        if slot.obstacle.is_some() {
            // What came before it cannot be stored.
            let stop = waiting.iter().position(Message::is_stop)?;
            waiting.remove(stop)
        } else if live.known.header.first_episode > 0 && !live.begin.is_empty() {
            // Between two executions, the first of which has run: one that continues as new at once would never take it.
            waiting.pop_front_if(|message| message.is_stop())
        } else {
            None
        }
    }

    /// Takes what waits for a live instance, up to what stops it or to as much as an episode takes.
    fn gather(&mut self, id: &InstanceId) -> Option<Taken> {
        let now = self.now();
        let slot = self.slots.get_mut(id)?;
        let SlotState::Live(live) = &mut slot.state else {
            return None;
        };
        self.pulse
            .turn_to(&live.known.about, live.known.header.incarnation);
        let events = live.begin.len() + slot.waiting.len().min(MAX_EVENTS_PER_EPISODE);
        let mut taken = Taken::with_capacity(events);
        let batch = &mut taken.batch;
        for event in std::mem::take(&mut live.begin) {
            batch.push(event, Some(Source::Begin));
        }
        let begin = batch.events.len();
        let execution = live.known.header.execution_id;
        let mut due = None;
        let mut kept = Kept {
            events: live.execution.buffered_events(),
            bytes: live.execution.buffered_bytes(),
        };
        let mut dropped = 0;
        let mut has_more = false;
        while let Some(message) = slot.waiting.pop_front() {
            if batch.is_full() && matches!(message, Message::Event { .. }) {
                slot.waiting.push_front(message);
                has_more = true;
                break;
            }
            match message {
                // The result of an earlier execution, or one that was delivered before.
                Message::Event {
                    source: Source::Activity(key),
                    ..
                } if key.execution != execution || !self.running.contains(id, key) => {
                    self.running.remove(id, key);
                }
                Message::Event {
                    event,
                    source: Source::Client(reply),
                } => match objection(&self.shared.registry, &live.known.header, &event, kept) {
                    Some(error) => reply.send(Err(error)),
                    None => {
                        kept.add(&event);
                        batch.push(event, Some(Source::Client(reply)));
                    }
                },
                Message::Event { event, .. } if is_raised(&event) && kept.overflows() => {
                    dropped += 1;
                }
                Message::Event { event, source } => {
                    kept.add(&event);
                    batch.push(event, Some(source));
                }
                Message::TimersDue => due = Some(live.execution.due_timers(now)),
                Message::Attend | Message::Rewind { .. } => {}
                Message::Mail => taken.mail = true,
                Message::Progress(key) => taken.reports.push(key),
                Message::Inspect { reply } => taken.inspections.push(reply),
                Message::Retry { reply } | Message::Resume { reply, .. } => reply.send(Ok(())),
                Message::Terminate { .. } | Message::Suspend { .. } => {
                    taken.stop = Some(message);
                    break;
                }
            }
        }
        if dropped > 0 {
            let name = &live.known.header.name;
            logged(|| {
                tracing::error!(
                    instance = %id, orchestrator = %name, dropped, keeps = kept.events,
                    "events of other orchestrations are dropped: the instance keeps as many as it may that its orchestrator has not taken"
                )
            });
        }
        if let Some(mut due) = due {
            if due.len() > MAX_EVENTS_PER_EPISODE {
                due.truncate(MAX_EVENTS_PER_EPISODE);
                slot.waiting.push_front(Message::TimersDue);
                has_more = true;
            }
            if due.is_empty()
                && let Some(fire_at) = live.execution.next_timer()
            {
                // The clock went back since the timer was found to be due.
                self.outputs.push(set_timer(&live.known.header, fire_at));
            }
            batch.insert_timers(begin, due, now);
        }
        if has_more && !std::mem::replace(&mut slot.has_more, true) {
            self.more.push_back(id.clone());
        }
        Some(taken)
    }

    /// Delivers events in one episode. When that is a fault, they are given back with it.
    fn deliver(&mut self, id: &InstanceId, mut batch: Batch) -> Result<(), (Fault, Vec<Message>)> {
        let now = self.now();
        let Some(SlotState::Live(live)) = self.slots.get_mut(id).map(|slot| &mut slot.state) else {
            return Ok(());
        };
        if batch.events.is_empty() {
            return Ok(());
        }
        let was_long = live.execution.history_length() >= HISTORY_LENGTH_WARNING;
        let episode = match live.execution.deliver(now, &mut batch.events) {
            Ok(episode) => episode,
            Err(fault) => {
                let mut messages = batch.into_messages();
                // What begins the execution is in its first row.
                messages.retain(|message| !message.is_beginning());
                return Err((fault, messages));
            }
        };
        self.tally.episodes += 1;
        live.known.begun = true;
        let length = live.execution.history_length();
        if !was_long && length >= HISTORY_LENGTH_WARNING {
            let name = &live.known.header.name;
            logged(|| {
                tracing::warn!(
                    instance = %id, orchestrator = %name, events = length,
                    "a history is getting long: every replay reads all of it; `continue_as_new` begins a new one"
                )
            });
        }
        let mut sources = batch.sources;
        let left = Batch {
            bytes: 0,
            events: batch.events,
            sources: sources.split_off(episode.delivered),
        };
        self.commit_episode(id, episode, sources, left.into_messages());
        Ok(())
    }

    /// Says what an instance waits for.
    fn inspect(&mut self, id: &InstanceId, replies: Vec<Reply<Vec<WaitingOn>>>) {
        if replies.is_empty() {
            return;
        }
        let waiting = match self.slots.get(id).map(|slot| &slot.state) {
            Some(SlotState::Live(live)) => live.execution.waiting_on(),
            _ => Vec::new(),
        };
        for reply in replies {
            reply.send(Ok(waiting.clone()));
        }
    }
}

pub(super) fn set_timer(header: &InstanceHeader, fire_at: Timestamp) -> ShardOutput {
    let position = TimerPosition {
        fire_at,
        incarnation: header.incarnation,
    };
    ShardOutput::SetTimer(position, header.id.clone())
}
