//! Running episodes: messages in, one write out.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;

use super::Shard;
use super::Shared;
use super::commit::{Effects, Pending, PendingEpisode, answer_behind};
use super::load::LiveParts;
use super::outgoing::Outgoing;
use super::slot::{
    Aside, Held, Kept, Known, Message, SlotState, Source, ended_task, is_raised, payload_bytes,
};
use crate::engine::{Continued, Episode, Fault};
use crate::limits::{HISTORY_LENGTH_WARNING, MAX_EVENT_BYTES_PER_EPISODE, MAX_EVENTS_PER_EPISODE};
use crate::model::custom_status::StatusChange;
use crate::model::history::{
    ExecutionStarted, HistoryEvent, HistoryEventKind, TimerFired, encode_events,
};
use crate::model::instance::InstanceId;
use crate::model::status::RuntimeStatus;
use crate::model::waiting::WaitingOn;
use crate::registration::{Function, Location};
use crate::registry::Registry;
use crate::store::TimerPosition;
use crate::store::{ContinuedExecution, EpisodeWrite, HistoryRow, InstanceHeader, Write};
use crate::worker::logged::{aloud, logged};
use crate::worker::message::{Reply, RequestError, ShardOutput, TaskKey};
use crate::worker::update::{About, Published, Update};

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
        let now = self.now();
        let Some(slot) = self.slots.get_mut(id) else {
            return;
        };
        let SlotState::Live(live) = &mut slot.state else {
            return;
        };
        // Between two executions, the first of which has run: one that continues as new at once would never take it.
        if live.known.header.first_episode > 0 && !live.begin.is_empty() {
            let is_stop = |message: &mut Message| {
                matches!(message, Message::Terminate { .. } | Message::Suspend { .. })
            };
            if let Some(stop) = slot.waiting.pop_front_if(is_stop) {
                return self.stop_by(id, stop);
            }
        }
        self.pulse
            .turn_to(&live.known.about, live.known.header.incarnation);
        let mut batch =
            Batch::with_capacity(live.begin.len() + slot.waiting.len().min(MAX_EVENTS_PER_EPISODE));
        for event in std::mem::take(&mut live.begin) {
            batch.push(event, Some(Source::Begin));
        }
        let begin = batch.events.len();
        let execution = live.known.header.execution_id;
        let mut due = None;
        let mut last = None;
        let mut kept = Kept {
            events: live.execution.buffered_events(),
            bytes: live.execution.buffered_bytes(),
        };
        let mut dropped = 0;
        let mut has_more = false;
        let (mut mail, mut reports, mut inspections) = (false, Vec::new(), Vec::new());
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
                Message::Event { event, source } if is_raised(&event) => {
                    kept.add(&event);
                    batch.push(event, Some(source));
                }
                Message::Event { event, source } => batch.push(event, Some(source)),
                Message::TimersDue => due = Some(live.execution.due_timers(now)),
                Message::Attend | Message::Rewind { .. } => {}
                Message::Mail => mail = true,
                Message::Progress(key) => reports.push(key),
                Message::Inspect { reply } => inspections.push(reply),
                Message::Retry { reply } | Message::Resume { reply, .. } => reply.send(Ok(())),
                Message::Terminate { .. } | Message::Suspend { .. } => {
                    last = Some(message);
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
        // They came before whatever ends their activities now, and what continues as new has no more use for its inbox.
        for key in reports {
            self.report_progress(id, key);
        }
        if mail {
            self.read_inbox(id);
        }
        let Some(SlotState::Live(live)) = self.slots.get_mut(id).map(|slot| &mut slot.state) else {
            return;
        };
        if !batch.events.is_empty() {
            let was_long = live.execution.history_length() >= HISTORY_LENGTH_WARNING;
            match live.execution.deliver(now, &mut batch.events) {
                Ok(episode) => {
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
                    let left = sources.split_off(episode.delivered);
                    let left = Batch {
                        bytes: 0,
                        events: batch.events,
                        sources: left,
                    };
                    self.commit_episode(id, episode, sources, left.into_messages());
                }
                Err(fault) => {
                    let mut messages = batch.into_messages();
                    // What begins the execution is in its first row.
                    messages.retain(|message| !message.is_beginning());
                    messages.extend(
                        inspections
                            .into_iter()
                            .map(|reply| Message::Inspect { reply }),
                    );
                    messages.extend(last);
                    return self.hold(id, &fault, messages);
                }
            }
        }
        self.inspect(id, inspections);
        if let Some(last) = last {
            self.stop_by(id, last);
        }
    }

    /// Ends or pauses an instance, as a message says.
    fn stop_by(&mut self, id: &InstanceId, message: Message) {
        match message {
            Message::Terminate {
                reason,
                recursive,
                source,
            } => self.terminate(id, reason, recursive, source),
            Message::Suspend { reason, reply } => self.suspend(id, reason, reply),
            _ => {}
        }
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

    /// Sets an instance aside. What the episode was to take goes back in front of what waits.
    pub(super) fn hold(&mut self, id: &InstanceId, fault: &Fault, messages: Vec<Message>) {
        let Some(slot) = self.slots.get_mut(id) else {
            return;
        };
        let SlotState::Live(live) = &slot.state else {
            return;
        };
        self.pulse
            .turn_to(&live.known.about, live.known.header.incarnation);
        let InstanceHeader { name, version, .. } = &live.known.header;
        let reason = reason(&self.shared.registry, name, version.as_deref(), fault);
        tell_set_aside(id, &reason);
        for message in messages.into_iter().rev() {
            slot.waiting.push_front(message);
        }
        self.set_aside(id, Aside::Stalled);
        self.set_stalled(id, Some(reason));
        self.take_held(id);
    }

    /// Drops an orchestrator from memory, and lets its instance take no events.
    fn set_aside(&mut self, id: &InstanceId, why: Aside) {
        let Some(slot) = self.slots.get_mut(id) else {
            return;
        };
        slot.state = match std::mem::replace(&mut slot.state, SlotState::Loading) {
            SlotState::Live(live) => SlotState::Held(Box::new(Held {
                kept: Kept {
                    events: live.execution.buffered_events(),
                    bytes: live.execution.buffered_bytes(),
                },
                known: live.known,
                why,
            })),
            SlotState::Held(mut held) => {
                held.why = why;
                SlotState::Held(held)
            }
            other => other,
        };
    }

    /// Writes why an instance cannot advance, unless the store says the same already.
    pub(super) fn set_stalled(&mut self, id: &InstanceId, reason: Option<String>) {
        let Some(slot) = self.slots.get_mut(id) else {
            return;
        };
        let Some(Known { header, .. }) = slot.known() else {
            return;
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
        let now = self.now();
        let Some(slot) = self.slots.get_mut(id) else {
            return;
        };
        let SlotState::Held(held) = &slot.state else {
            return;
        };
        let why = held.why;
        let (incarnation, execution) = (
            held.known.header.incarnation,
            held.known.header.execution_id,
        );
        let (mut mail, mut reports) = (false, Vec::new());
        while let Some(message) = slot.waiting.pop_front() {
            match message {
                // The result of an earlier execution.
                Message::Event {
                    source: Source::Activity(key),
                    ..
                } if key.execution != execution => {
                    self.running.remove(id, key);
                }
                // It may start.
                Message::TimersDue | Message::Attend if matches!(why, Aside::Scheduled(at) if at <= now) =>
                {
                    return self.load_again(id);
                }
                // Timers are found again when the instance is loaded, and what is in the inbox is stored already.
                Message::TimersDue
                | Message::Attend
                | Message::Rewind { .. }
                | Message::Event {
                    source: Source::Inbox(_),
                    ..
                } => {}
                Message::Event { event, source } => {
                    if let SlotState::Held(held) = &slot.state
                        && let Source::Client(_) = source
                        && let Some(error) =
                            objection(&self.shared.registry, &held.known.header, &event, held.kept)
                    {
                        Message::Event { event, source }.refuse(|| error);
                        continue;
                    }
                    if let SlotState::Held(held) = &mut slot.state {
                        held.kept.add(&event);
                    }
                    let of_execution = matches!(source, Source::Activity(_)).then_some(execution);
                    slot.unanswered += 1;
                    self.outputs.push(ShardOutput::Write(Write::Enqueue {
                        incarnation,
                        execution: of_execution,
                        event: encode_events(std::slice::from_ref(&event)),
                    }));
                    let message = Some(Box::new(Message::Event { event, source }));
                    self.pending.push_back(Pending::Message {
                        id: id.clone(),
                        incarnation,
                        message,
                    });
                }
                Message::Terminate {
                    reason,
                    recursive,
                    source,
                } => return self.terminate(id, reason, recursive, source),
                Message::Suspend { reply, .. } if why == Aside::Suspended => {
                    answer_behind(&mut self.pending, id, reply);
                }
                Message::Suspend { reason, reply } => return self.suspend(id, reason, reply),
                Message::Resume { reason, reply } if why == Aside::Suspended => {
                    let source = Some(Source::Client(reply));
                    let episode = Episode::resumed(now, reason);
                    self.commit_episode(id, episode, vec![source], Vec::new());
                    return self.load_again(id);
                }
                Message::Resume { reply, .. } => reply.send(Ok(())),
                Message::Inspect { reply } => reply.send(Ok(Vec::new())),
                Message::Mail => mail = true,
                Message::Progress(key) => reports.push(key),
                Message::Retry { reply } => {
                    reply.send(Ok(()));
                    if why == Aside::Stalled {
                        self.shared.culprits.forgive(incarnation);
                        return self.load_again(id);
                    }
                }
            }
        }
        for key in reports {
            self.report_progress(id, key);
        }
        if mail {
            self.read_inbox(id);
        }
    }

    /// Loads an instance anew, once what is on its way to the store has arrived there.
    fn load_again(&mut self, id: &InstanceId) {
        let Some(slot) = self.slots.get_mut(id) else {
            return;
        };
        self.resident -= usize::from(slot.is_resident());
        slot.state = SlotState::Loading;
        self.reload_if_drained(id);
    }

    /// Lets an instance take no events until it is resumed.
    fn suspend(&mut self, id: &InstanceId, reason: Option<String>, reply: Reply<()>) {
        let now = self.now();
        let Some(slot) = self.slots.get_mut(id) else {
            return;
        };
        match slot.state {
            SlotState::Live(_) | SlotState::Held(_) => {
                let source = Some(Source::Client(reply));
                let episode = Episode::suspended(now, reason);
                self.commit_episode(id, episode, vec![source], Vec::new());
                self.set_aside(id, Aside::Suspended);
                self.take_held(id);
            }
            // It is taken, or answered, once what is on its way is durable.
            SlotState::Loading | SlotState::Continuing(_) | SlotState::Ending(_) => {
                slot.waiting.push_front(Message::Suspend { reason, reply });
            }
        }
    }

    /// Ends an instance without running its orchestrator.
    fn terminate(
        &mut self,
        id: &InstanceId,
        reason: Option<String>,
        recursive: bool,
        source: Source,
    ) {
        let now = self.now();
        let Some(slot) = self.slots.get_mut(id) else {
            return;
        };
        match &slot.state {
            SlotState::Live(_) | SlotState::Held(_) => {
                let episode = Episode::terminated(now, reason, recursive);
                self.commit_episode(id, episode, vec![Some(source)], Vec::new());
            }
            // It is answered once the end, or its failure, is durable.
            SlotState::Loading | SlotState::Continuing(_) | SlotState::Ending(_) => {
                slot.waiting.push_front(Message::Terminate {
                    reason,
                    recursive,
                    source,
                });
            }
        }
    }

    /// Makes an episode's write, and keeps what must follow its commit. `sources` are those of the events that were
    /// delivered, in order; `undelivered` is what came behind the end of the execution.
    pub(super) fn commit_episode(
        &mut self,
        id: &InstanceId,
        mut episode: Episode,
        mut sources: Vec<Option<Source>>,
        mut undelivered: Vec<Message>,
    ) {
        let shared = &*self.shared;
        let now = shared.clock.now();
        let Some(slot) = self.slots.get_mut(id) else {
            return;
        };
        let (known, live) = match &mut slot.state {
            SlotState::Live(live) => {
                let live = &mut **live;
                (
                    &mut live.known,
                    Some((&live.execution, &mut live.open_activities)),
                )
            }
            SlotState::Held(held) => (&mut held.known, None),
            SlotState::Loading | SlotState::Continuing(_) | SlotState::Ending(_) => return,
        };
        let execution = known.header.execution_id;
        let cancel: Vec<_> = episode
            .withdrawn
            .iter()
            .map(|id| TaskKey { execution, id: *id })
            .collect();
        log(&shared.registry, &known.header, &episode);
        let outgoing = Outgoing::of(shared, known, now, &mut episode);
        let Episode {
            mut events,
            withdrawn,
            status,
            ended,
            continued,
            ..
        } = episode;

        // What is open, and what nobody reports on any more.
        let mut progress_ended = Vec::new();
        let was_stalled = known.header.stalled.clone();
        if let Some((running, open)) = live {
            let withdrawn = withdrawn.into_iter();
            for id in events.iter().filter_map(ended_task).chain(withdrawn) {
                if let Some(first) = open.remove(id)
                    && !running.is_open(first)
                    && known.progress.remove(&first).is_some()
                {
                    progress_ended.push(first);
                }
            }
            for task in &outgoing.tasks {
                open.insert(
                    task.key.id,
                    &task.name,
                    &task.attempt,
                    &shared.registry,
                    running,
                );
            }
            known.header.needs_attention = !open.is_empty();
            known.header.next_timer = running.next_timer();
            known.header.stalled = open.stalled();
        }
        let runtime_status =
            runtime_status_after(known, &events, ended.as_ref().map(|end| end.status));
        let header = &mut known.header;
        header.episode += 1;
        if let Some(last) = events.last() {
            header.last_updated_at = last.timestamp;
        }
        let row_status = match status {
            StatusChange::Untouched => None,
            StatusChange::Set(status) => {
                let text = status.as_json().to_owned();
                known.custom_status = Some(status);
                Some(text)
            }
            StatusChange::Cleared => {
                known.custom_status = None;
                Some("null".to_owned())
            }
        };
        if row_status.is_some() {
            self.tally.status_writes += 1;
            header.status_episode = Some(header.episode);
        }
        let changed = runtime_status != header.runtime_status || row_status.is_some();
        header.runtime_status = runtime_status;
        header.sequence += u64::from(changed);
        let is_terminal = runtime_status.is_terminal();
        if is_terminal {
            (header.next_timer, header.needs_attention, header.stalled) = (None, false, None);
            progress_ended.extend(std::mem::take(&mut known.progress).into_keys());
        } else if events.iter().any(is_resumed) {
            header.needs_attention = true;
        }

        let mut row = HistoryRow {
            episode: header.episode,
            events: String::new(),
            custom_status: row_status,
            runtime_status,
            sequence: header.sequence,
        };
        let mut next = None;
        let mut successor = None;
        if let Some(continued) = continued {
            let carried = carry(&mut sources, &mut undelivered);
            let parts = continue_as_new(shared, known, continued, carried, now);
            row.events = encode_events(&parts.begin);
            row.custom_status = known.status_text();
            successor = Some(ContinuedExecution {
                execution_id: parts.header.execution_id,
                version: parts.header.version.clone(),
            });
            next = Some(Box::new(parts));
        } else {
            // What begins the execution is in the row that created it.
            let begun = sources
                .iter()
                .filter(|source| matches!(source, Some(Source::Begin)));
            events.drain(1..=begun.count());
            row.events = encode_events(&events);
        }
        let header = &known.header;
        let inbox_taken = sources.iter().filter_map(|source| match source {
            Some(Source::Inbox(sequence)) => Some(*sequence),
            _ => None,
        });
        let sends = outgoing.concerns_others();
        let Outgoing {
            tasks,
            children,
            rewinds,
            messages,
        } = outgoing;
        self.outputs
            .push(ShardOutput::Write(Write::Episode(EpisodeWrite {
                incarnation: header.incarnation,
                execution_id: execution,
                row,
                last_updated_at: header.last_updated_at,
                next_timer: header.next_timer,
                needs_attention: header.needs_attention,
                stalled: header.stalled.clone(),
                // Nobody will take what is left when the instance has ended.
                inbox_taken: is_terminal.then_some(u64::MAX).or(inbox_taken.max()),
                continued: successor,
                children,
                rewinds,
                messages,
                progress_ended,
            })));
        let update = (changed || header.stalled != was_stalled).then(|| {
            Published::new(Update {
                output: ended.as_ref().and_then(|ended| ended.result.clone()),
                failure: ended.as_ref().and_then(|ended| ended.failure.clone()),
                ..known.update()
            })
        });
        let effects = Effects {
            run: tasks,
            cancel,
            cancel_all: runtime_status == RuntimeStatus::Terminated,
            next_timer: header.next_timer,
            update,
            ended: is_terminal,
            next,
            sends,
        };
        let incarnation = header.incarnation;
        let continues = effects.next.is_some();
        self.pending
            .push_back(Pending::Episode(Box::new(PendingEpisode {
                id: id.clone(),
                incarnation,
                execution,
                sources,
                undelivered,
                events,
                effects,
            })));
        self.episodes += 1;
        slot.unanswered += 1;
        if is_terminal || continues {
            self.resident -= usize::from(slot.is_resident());
            let header = match std::mem::replace(&mut slot.state, SlotState::Loading) {
                SlotState::Live(live) => Box::new(live.known.header),
                SlotState::Held(held) => Box::new(held.known.header),
                SlotState::Continuing(header) | SlotState::Ending(header) => header,
                SlotState::Loading => return,
            };
            slot.state = if is_terminal {
                SlotState::Ending(header)
            } else {
                SlotState::Continuing(header)
            };
        }
    }
}

/// The runtime status of an instance after these events.
fn runtime_status_after(
    known: &Known,
    events: &[HistoryEvent],
    ended: Option<RuntimeStatus>,
) -> RuntimeStatus {
    let suspended = events
        .iter()
        .any(|event| matches!(event.kind, HistoryEventKind::ExecutionSuspended(_)));
    match ended {
        Some(RuntimeStatus::ContinuedAsNew) => RuntimeStatus::Running,
        Some(ended) => ended,
        None if suspended => RuntimeStatus::Suspended,
        None if known.begun => RuntimeStatus::Running,
        None => RuntimeStatus::Pending,
    }
}

fn is_resumed(event: &HistoryEvent) -> bool {
    matches!(event.kind, HistoryEventKind::ExecutionResumed(_))
}

/// Takes the external events that an execution did not live to see out of what was not delivered. The next execution begins with
/// them.
fn carry(sources: &mut Vec<Option<Source>>, undelivered: &mut Vec<Message>) -> Vec<HistoryEvent> {
    let mut carried = Vec::new();
    for message in std::mem::take(undelivered) {
        match message {
            Message::Event { event, source } if is_raised(&event) => {
                carried.push(event);
                sources.push(Some(source));
            }
            other => undelivered.push(other),
        }
    }
    carried
}

/// Makes an instance that of its next execution, and returns what that begins with.
fn continue_as_new(
    shared: &Shared,
    known: &mut Known,
    continued: Continued,
    carried: Vec<HistoryEvent>,
    now: Timestamp,
) -> LiveParts {
    let execution_id = shared.ids.new_execution();
    let header = &mut known.header;
    header.execution_id = execution_id;
    header.first_episode = header.episode;
    if let Some(version) = continued.version {
        header.version = Some(version).filter(|version| !version.is_empty());
        known.about = About::of(header, &known.tags);
    }
    header.status_episode = known.custom_status.as_ref().map(|_| header.episode);
    (header.next_timer, header.needs_attention, header.stalled) = (None, true, None);
    let started = ExecutionStarted {
        name: header.name.clone(),
        version: header.version.clone(),
        input: continued.input,
        execution_id,
        parent: known.parent.clone(),
        tags: known.tags.clone(),
        scheduled_start: None,
        parent_trace: known.trace.as_deref().cloned(),
    };
    let mut begin = vec![HistoryEvent::new(now, started)];
    begin.extend(continued.carried);
    begin.extend(carried);
    known.progress.clear();
    LiveParts {
        header: header.clone(),
        custom_status: known.custom_status.clone(),
        last_status: known.custom_status.clone(),
        progress: BTreeMap::new(),
        begin,
        past: Vec::new(),
        inbox: Vec::new(),
        inbox_seen: known.inbox_seen,
    }
}

/// What speaks against giving an event to an instance, which keeps so much that nobody has taken.
fn objection(
    registry: &Registry,
    header: &InstanceHeader,
    event: &HistoryEvent,
    kept: Kept,
) -> Option<RequestError> {
    let HistoryEventKind::EventRaised(raised) = &event.kind else {
        return None;
    };
    let id = &header.id;
    if kept.is_full() {
        return Some(RequestError::TooManyEvents { id: id.clone() });
    }
    let found = registry.orchestrator(&header.name, header.version.as_deref())?;
    let Function::Orchestrator {
        events: Some(events),
        ..
    } = found.function
    else {
        return None;
    };
    let declared = events
        .iter()
        .find(|declared| declared.name.to_lowercase() == raised.name.to_lowercase());
    let Some(declared) = declared else {
        return Some(RequestError::UndeclaredEvent {
            id: id.clone(),
            event: raised.name.clone(),
            declared: events.iter().map(|event| event.name).collect(),
        });
    };
    let error = (declared.check)(raised.input.as_deref()).err()?;
    Some(RequestError::EventPayload {
        id: id.clone(),
        error,
    })
}

/// Why an instance cannot advance, with the place of its orchestrator where that is in the program.
pub(in crate::worker) fn reason(
    registry: &Registry,
    name: &str,
    version: Option<&str>,
    why: &(impl fmt::Display + ?Sized),
) -> String {
    match place(registry, name, version) {
        Some(place) => format!("orchestrator `{name}` at {place}: {why}"),
        None => format!("orchestrator `{name}`: {why}"),
    }
}

/// Where an orchestrator is defined.
fn place(registry: &Registry, name: &str, version: Option<&str>) -> Option<String> {
    let Location { file, line, .. } = registry.orchestrator(name, version)?.location;
    Some(format!("{file}:{line}"))
}

/// Says that an instance does not move, and why. Without a subscriber of `tracing` nobody would learn it who waits for its output, so then
/// it goes to the standard error.
pub(super) fn tell_set_aside(id: &InstanceId, reason: &str) {
    logged(|| tracing::error!(instance = %id, reason, "an instance is set aside"));
    aloud(|| format!("instance `{id}` is set aside: {reason}"));
}

/// Tells of an episode what nobody can see in its history.
fn log(registry: &Registry, header: &InstanceHeader, episode: &Episode) {
    let failure = episode.ended.as_ref().and_then(|end| end.failure.as_ref());
    if episode.suspicion.is_none() && failure.is_none() {
        return;
    }
    let (instance, orchestrator) = (&header.id, &header.name);
    let defined_at = place(registry, orchestrator, header.version.as_deref());
    let defined_at = defined_at.as_deref();
    if let Some(suspicion) = &episode.suspicion {
        logged(|| tracing::warn!(%instance, %orchestrator, defined_at, "{suspicion}"));
    }
    if let Some(failure) = failure {
        logged(|| {
            tracing::warn!(
                %instance, %orchestrator, defined_at, failed_at = episode.failed_at.as_deref(),
                error_type = failure.error_type, error = failure.error_message, "an orchestration failed"
            )
        });
    }
}

pub(super) fn set_timer(header: &InstanceHeader, fire_at: Timestamp) -> ShardOutput {
    let position = TimerPosition {
        fire_at,
        incarnation: header.incarnation,
    };
    ShardOutput::SetTimer(position, header.id.clone())
}

/// The events that an episode is to take, each with where it came from.
#[derive(Default)]
struct Batch {
    /// How many bytes the payloads of the events have.
    bytes: usize,
    events: Vec<HistoryEvent>,
    sources: Vec<Option<Source>>,
}

impl Batch {
    fn with_capacity(events: usize) -> Self {
        Self {
            bytes: 0,
            events: Vec::with_capacity(events),
            sources: Vec::with_capacity(events),
        }
    }

    /// Whether what comes next is for the next episode.
    fn is_full(&self) -> bool {
        self.events.len() >= MAX_EVENTS_PER_EPISODE || self.bytes >= MAX_EVENT_BYTES_PER_EPISODE
    }

    fn push(&mut self, event: HistoryEvent, source: Option<Source>) {
        self.bytes += payload_bytes(&event);
        self.events.push(event);
        self.sources.push(source);
    }

    /// Puts due timers, earliest first, in front of the events that happened after their time. The first events are left alone:
    /// they begin the execution.
    fn insert_timers(&mut self, begin: usize, due: Vec<(Timestamp, i32)>, now: Timestamp) {
        let mut from = begin;
        for (fire_at, timer_id) in due {
            let later = self.events[from..]
                .iter()
                .position(|event| event.timestamp > fire_at);
            let at = later.map_or(self.events.len(), |later| from + later);
            let fired = HistoryEvent::new(now, TimerFired { timer_id, fire_at });
            self.events.insert(at, fired);
            self.sources.insert(at, None);
            from = at + 1;
        }
    }

    /// The messages that the events came in. Timers are found again.
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
