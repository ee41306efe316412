//! Loading an instance: rows in, a live execution out.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use super::Shard;
use super::commit::Pending;
use super::live::set_timer;
use super::open_activities::OpenActivities;
use super::slot::{
    Aside, Held, InboxRead, Kept, Known, Live, Message, Slot, SlotState, Source, ended_task,
};
use super::tell::{reason, tell_set_aside};
use crate::context::CancelReason;
use crate::engine::{Execution, ExecutionInfo, Fault, OpenTask, Start};
use crate::model::custom_status::{CustomStatus, StatusChange};
use crate::model::history::{
    ExecutionStarted, HistoryEvent, HistoryEventKind, decode_events, events_to_replay,
};
use crate::model::instance::{ExecutionId, Incarnation, InstanceId};
use crate::model::retry::Attempt;
use crate::model::status::{ActivityProgress, RuntimeStatus};
use crate::model::tags::Tags;
use crate::registration::OrchestratorFn;
use crate::store::{
    HistoryRow, InboxRow, InstanceHeader, StoreError, StoreErrorKind, StoredInstance,
};
use crate::worker::logged::logged;
use crate::worker::message::{RequestError, ShardOutput, TaskKey};
use crate::worker::update::About;

/// What a live instance is made of.
#[derive(Debug)]
pub(super) struct LiveParts {
    pub(super) header: InstanceHeader,
    /// The custom status that the execution began with.
    pub(super) custom_status: Option<CustomStatus>,
    /// The custom status as its last episode left it.
    pub(super) last_status: Option<CustomStatus>,
    pub(super) progress: BTreeMap<i32, ActivityProgress>,
    /// The events that begin the execution, when no episode has delivered them.
    pub(super) begin: Vec<HistoryEvent>,
    /// The events of its episodes.
    pub(super) past: Vec<HistoryEvent>,
    pub(super) inbox: Vec<Message>,
    /// The messages of its inbox up to this one have been read.
    pub(super) inbox_seen: u64,
}

impl Shard {
    /// Takes the rows of an instance that something waits for.
    pub(super) fn loaded(
        &mut self,
        id: InstanceId,
        result: Result<Option<StoredInstance>, Arc<StoreError>>,
    ) {
        let Some(slot) = self.slots.get_mut(&id) else {
            return;
        };
        if !matches!(slot.state, SlotState::Loading) || slot.unanswered > 0 {
            return;
        }
        slot.failed = None;
        if slot.uncertain && result.is_ok() {
            slot.uncertain = false;
            self.shared.watchers.publish_uncertain(&id);
        }
        match result {
            Ok(Some(stored)) if stored.header.runtime_status.is_terminal() => {
                self.dismiss(&id, || RequestError::AlreadyEnded { id: id.clone() });
            }
            Ok(Some(stored)) => self.revive(stored),
            Ok(None) => self.dismiss(&id, || RequestError::NotFound { id: id.clone() }),
            Err(error) => self.load_failed(id, &error),
        }
    }

    fn load_failed(&mut self, id: InstanceId, error: &Arc<StoreError>) {
        logged(|| tracing::error!(instance = %id, %error, "an instance cannot be loaded"));
        if error.kind() == StoreErrorKind::Corrupt {
            // Reading it again gives the same. What waits for it is told, and the next message tries again.
            return self.dismiss(&id, || RequestError::Store(Arc::clone(error)));
        }
        let Some(slot) = self.slots.get_mut(&id) else {
            return;
        };
        // Clients learn of it now; results of activities stay until the store answers.
        for message in std::mem::take(&mut slot.waiting) {
            if message.is_nobodys() {
                slot.waiting.push_back(message);
            } else {
                message.refuse(|| RequestError::Store(Arc::clone(error)));
            }
        }
        self.load_later(id);
    }

    /// Forgets an instance that is not there or has ended.
    fn dismiss(&mut self, id: &InstanceId, error: impl Fn() -> RequestError) {
        for message in self.remove(id).map(|slot| slot.waiting).unwrap_or_default() {
            if let Message::Event {
                source: Source::Activity(key),
                ..
            } = message
            {
                self.running.remove(id, key);
            } else {
                message.refuse(&error);
            }
        }
    }

    fn revive(&mut self, stored: StoredInstance) {
        // What waits of its inbox has been read again.
        if let Some(slot) = self.slots.get_mut(&stored.header.id) {
            slot.waiting.retain(|message| !message.is_of_inbox());
        }
        let StoredInstance {
            header,
            history,
            inbox,
            progress,
        } = stored;
        let last_status = history
            .iter()
            .rev()
            .find_map(|row| row.custom_status.clone());
        let last_status = last_status.and_then(CustomStatus::from_stored);
        let inbox_seen = inbox.last().map_or(0, |row| row.sequence);
        let progress = progress.into_iter().map(|row| (row.task_id, row)).collect();
        match parts(&header, history, inbox) {
            Ok(Rows {
                custom_status,
                begin,
                past,
                inbox,
            }) => self.enter(LiveParts {
                header,
                custom_status,
                last_status,
                progress,
                begin,
                past,
                inbox,
                inbox_seen,
            }),
            Err(fault) => {
                let known = Known {
                    about: About::of(&header, &Tags::default()),
                    header,
                    custom_status: last_status,
                    progress,
                    inbox_seen,
                    begun: true,
                    parent: None,
                    tags: Tags::default(),
                    trace: None,
                };
                self.enter_stalled(known, Vec::new(), &fault);
            }
        }
    }

    /// Makes an instance live: replays its past, hands out its open activities, and lets it take what waits.
    pub(super) fn enter(&mut self, parts: LiveParts) {
        let LiveParts {
            header,
            custom_status,
            last_status,
            progress,
            begin,
            mut past,
            inbox,
            inbox_seen,
        } = parts;
        let started = begin.iter().chain(&past).find_map(started).cloned();
        let (parent, tags, scheduled, trace) = started.map_or_else(Default::default, |started| {
            let trace = started.parent_trace.map(Arc::new);
            (started.parent, started.tags, started.scheduled_start, trace)
        });
        let known = Known {
            about: About::of(&header, &tags),
            header,
            custom_status: last_status,
            progress,
            inbox_seen,
            begun: begin.is_empty(),
            parent,
            tags,
            trace,
        };
        // Also of one that is held now, and whose history is not replayed.
        self.forget_recorded_ends(&known.header, &past);
        if known.header.runtime_status == RuntimeStatus::Suspended {
            return self.enter_held(known, inbox, Aside::Suspended);
        }
        if let Some(at) = scheduled
            && !known.begun
            && at > self.now()
        {
            self.outputs.push(set_timer(&known.header, at));
            return self.enter_held(known, inbox, Aside::Scheduled(at));
        }
        if let Some(reason) = self.shared.culprits.reason(known.header.incarnation) {
            return self.enter_stalled_for(known, inbox, reason);
        }
        self.turn_to(&known);
        let (name, version) = (&known.header.name, known.header.version.as_deref());
        let start = match self.shared.registry.start_of(name, version) {
            Ok(start) => start,
            Err(why) => return self.enter_stalled(known, inbox, &why),
        };
        let mut execution = self.execution(&known, custom_status, start);
        if !past.is_empty() {
            self.tally.replays += 1;
            self.tally.replayed_events += past.len() as u64;
        }
        let mut inbox = inbox;
        let rewind = inbox
            .iter()
            .position(|message| matches!(message, Message::Rewind { .. }));
        let rewind = rewind.map(|at| inbox.remove(at));
        let rewound = if let Some(Message::Rewind { reason, message }) = rewind {
            let now = self.now();
            match execution.rewind(std::mem::take(&mut past), now, reason) {
                Ok(episode) => Some((episode, message)),
                Err(fault) => return self.enter_stalled(known, inbox, &fault),
            }
        } else {
            if let Err(fault) = execution.replay(past) {
                return self.enter_stalled(known, inbox, &fault);
            }
            if execution.ended().is_some() {
                let why = "its history has ended, and its status says otherwise";
                return self.enter_stalled(known, inbox, &why);
            }
            None
        };
        self.enter_live(known, execution, begin, inbox, rewound);
    }

    fn enter_live(
        &mut self,
        mut known: Known,
        mut execution: Execution,
        begin: Vec<HistoryEvent>,
        inbox: Vec<Message>,
        rewound: Option<(crate::engine::Episode, u64)>,
    ) {
        let id = known.header.id.clone();
        let execution_id = known.header.execution_id;
        let tasks: Vec<(OpenTask, Attempt)> = execution
            .take_open_tasks()
            .into_iter()
            .map(|task| {
                let attempt = Attempt::of(&task.tags, task.id);
                (task, attempt)
            })
            .collect();
        let open: HashSet<i32> = tasks.iter().map(|(task, _)| task.id).collect();
        // What replay does not find open has been answered or withdrawn by a commit that was applied after all, or before the thread
        // was given up that made it.
        let closed = self
            .running
            .retain(&id, execution_id, |task| open.contains(&task));
        self.cancel(closed, CancelReason::Withdrawn);
        // What ended while the instance was set aside is in the inbox.
        let ended = inbox.iter().filter_map(|message| match message {
            Message::Event { event, .. } => ended_task(event),
            _ => None,
        });
        let ended: HashSet<i32> = ended.collect();
        self.forget_ends(&id, execution_id, &ended);
        let mut open_activities = OpenActivities::default();
        for (task, attempt) in &tasks {
            let registry = &self.shared.registry;
            open_activities.insert(task.id, &task.name, attempt, registry, &execution);
        }
        let to_run: Vec<_> = tasks
            .into_iter()
            .filter(|(task, _)| !ended.contains(&task.id))
            .map(
                |(
                    OpenTask {
                        id, name, input, ..
                    },
                    attempt,
                )| {
                    let key = TaskKey {
                        execution: execution_id,
                        id,
                    };
                    known.task(key, name, input, attempt)
                },
            )
            .collect();
        let mut inbox = inbox;
        if let Some(fire_at) = execution.next_timer() {
            self.outputs.push(set_timer(&known.header, fire_at));
            if fire_at <= self.now() {
                // It takes its place among the events that came while the instance was not in memory.
                inbox.push(Message::TimersDue);
            }
        }
        let status = execution.custom_status();
        let rewound = match rewound {
            None => {
                known.custom_status = status;
                None
            }
            // What the code published on the way to the failure no longer holds.
            Some((mut episode, message)) => {
                episode.status = if status == known.custom_status {
                    StatusChange::Untouched
                } else {
                    status.map_or(StatusChange::Cleared, StatusChange::Set)
                };
                Some((episode, message))
            }
        };
        let live = Live {
            execution,
            known,
            begin,
            open_activities,
        };
        let stalled = live.open_activities.stalled();
        self.occupy(&id, SlotState::Live(Box::new(live)), inbox);
        if let Some((episode, message)) = rewound {
            let source = Some(Source::Inbox(message));
            self.commit_episode(&id, episode, vec![source], Vec::new());
            // Not at once: until the rewind is recorded, nothing tells what they give from the results that it undoes.
            if let Some(Pending::Episode(rewind)) = self.pending.back_mut() {
                rewind.effects.run.extend(to_run);
            }
        } else {
            for task in to_run {
                self.run(task);
            }
        }
        self.set_stalled(&id, stalled);
        self.advance(&id);
    }

    /// Forgets results that history has already, whose commit was not acknowledged. After a rewind they would be taken for those of
    /// the activities that run again.
    fn forget_recorded_ends(&mut self, header: &InstanceHeader, past: &[HistoryEvent]) {
        // What failed before a rewind is open again.
        let is_rewound =
            |event: &HistoryEvent| matches!(event.kind, HistoryEventKind::ExecutionRewound(_));
        let since = past
            .iter()
            .rposition(is_rewound)
            .map_or(0, |marker| marker + 1);
        let recorded = past[since..].iter().filter_map(ended_task).collect();
        self.forget_ends(&header.id, header.execution_id, &recorded);
    }

    /// Forgets results of these activities that wait in memory: the store has them.
    fn forget_ends(&mut self, id: &InstanceId, execution: ExecutionId, stored: &HashSet<i32>) {
        if stored.is_empty() {
            return;
        }
        self.running
            .retain(id, execution, |task| !stored.contains(&task));
        if let Some(slot) = self.slots.get_mut(id) {
            slot.waiting.retain(|message| {
                !matches!(
                    message,
                    Message::Event { source: Source::Activity(key), .. }
                        if key.execution == execution && stored.contains(&key.id)
                )
            });
        }
    }

    /// Puts a loaded instance into its slot, with what came before what waits.
    fn occupy(&mut self, id: &InstanceId, state: SlotState, before: Vec<Message>) {
        let slot = self
            .slots
            .entry(id.clone())
            .or_insert_with(|| Slot::new(SlotState::Loading));
        slot.state = state;
        for message in before.into_iter().rev() {
            slot.waiting.push_front(message);
        }
        self.resident += 1;
    }

    fn enter_stalled(&mut self, known: Known, inbox: Vec<Message>, why: &dyn fmt::Display) {
        let InstanceHeader { name, version, .. } = &known.header;
        let reason = reason(&self.shared.registry, name, version.as_deref(), why);
        self.enter_stalled_for(known, inbox, reason);
    }

    fn enter_stalled_for(&mut self, known: Known, inbox: Vec<Message>, reason: String) {
        let id = known.header.id.clone();
        tell_set_aside(&id, &reason);
        self.occupy_held(known, inbox, Aside::Stalled);
        // First, because it may have to leave its place in memory at once.
        self.set_stalled(&id, Some(reason));
        self.advance(&id);
    }

    fn enter_held(&mut self, known: Known, inbox: Vec<Message>, why: Aside) {
        let id = known.header.id.clone();
        self.occupy_held(known, inbox, why);
        self.advance(&id);
    }

    /// Keeps an instance that takes no events. What is in its inbox stays there, but for a termination.
    fn occupy_held(&mut self, known: Known, inbox: Vec<Message>, why: Aside) {
        let id = known.header.id.clone();
        let ended = inbox.iter().filter_map(|message| match message {
            Message::Event { event, .. } => ended_task(event),
            _ => None,
        });
        self.forget_ends(&id, known.header.execution_id, &ended.collect());
        let mut kept = Kept::default();
        for message in &inbox {
            if let Message::Event { event, .. } = message {
                kept.add(event);
            }
        }
        let mut inbox = inbox;
        inbox.retain(|message| matches!(message, Message::Terminate { .. }));
        let held = Held { known, why, kept };
        self.occupy(&id, SlotState::Held(Box::new(held)), inbox);
    }

    fn execution(
        &self,
        known: &Known,
        custom_status: Option<CustomStatus>,
        start: OrchestratorFn,
    ) -> Execution {
        let header = &known.header;
        let info = ExecutionInfo {
            name: header.name.clone(),
            version: header.version.clone(),
            instance_id: header.id.clone(),
            execution_id: header.execution_id,
            parent: known.parent.clone(),
            trace: known.trace.clone(),
        };
        let start: Start =
            Rc::new(move |handle, input| start(handle, input).map_err(|error| error.to_string()));
        let (shared, id, execution) = (
            Arc::clone(&self.shared),
            header.id.clone(),
            header.execution_id,
        );
        let on_foreign_wake = Arc::new(move || (shared.on_foreign_wake)(id.clone(), execution));
        Execution::new(
            info,
            custom_status,
            start,
            self.shared.settings,
            on_foreign_wake,
        )
    }

    /// Sets an instance aside whose orchestrator was woken from outside an episode.
    pub(super) fn foreign_wake(&mut self, id: &InstanceId, execution: ExecutionId) {
        if let Some(SlotState::Live(live)) = self.slots.get(id).map(|slot| &slot.state)
            && live.known.header.execution_id == execution
        {
            let fault = live.execution.woken_from_outside();
            self.hold(id, &fault, Vec::new());
        }
    }

    /// Takes what was read from the inbox of an instance that is in memory.
    pub(super) fn take_inbox(
        &mut self,
        id: &InstanceId,
        incarnation: Incarnation,
        result: Result<Vec<InboxRow>, Arc<StoreError>>,
    ) {
        let Some(slot) = self.slots.get_mut(id) else {
            return;
        };
        let more = std::mem::take(&mut slot.inbox) == InboxRead::ReadingAndMore;
        if matches!(slot.state, SlotState::Continuing(_)) {
            return slot.waiting.push_back(Message::Mail);
        }
        // Loading reads the inbox too.
        let is_held = matches!(slot.state, SlotState::Held(_));
        let Some(known) = slot.known() else { return };
        if known.header.incarnation != incarnation {
            return;
        }
        match result {
            Ok(rows) => {
                let rows = rows
                    .into_iter()
                    .filter(|row| row.sequence > known.inbox_seen);
                let rows: Vec<_> = rows.collect();
                known.inbox_seen = rows.last().map_or(known.inbox_seen, |row| row.sequence);
                match messages(&known.header, rows) {
                    Ok(messages) => slot.waiting.extend(messages.into_iter().filter(|message| {
                        !is_held || matches!(message, Message::Terminate { .. })
                    })),
                    Err(fault) if !is_held => self.hold(id, &fault, Vec::new()),
                    Err(_) => {}
                }
            }
            Err(error) => {
                logged(
                    || tracing::error!(instance = %id, %error, "an inbox cannot be read; the instance is loaded again"),
                );
                return self.reload(id);
            }
        }
        if more {
            self.read_inbox(id);
        }
        self.advance(id);
    }

    /// Asks for what is new in the inbox of an instance that is in memory.
    pub(super) fn read_inbox(&mut self, id: &InstanceId) {
        let Some(slot) = self.slots.get_mut(id) else {
            return;
        };
        if matches!(slot.state, SlotState::Continuing(_)) {
            slot.waiting.push_back(Message::Mail);
        } else if slot.inbox != InboxRead::No {
            slot.inbox = InboxRead::ReadingAndMore;
        } else if let Some(known) = slot.known() {
            let (incarnation, seen) = (known.header.incarnation, known.inbox_seen);
            slot.inbox = InboxRead::Reading;
            self.outputs
                .push(ShardOutput::ReadInbox(id.clone(), incarnation, seen));
        }
    }
}

fn started(event: &HistoryEvent) -> Option<&ExecutionStarted> {
    match &event.kind {
        HistoryEventKind::ExecutionStarted(started) => Some(started),
        _ => None,
    }
}

/// The rows of an instance, decoded.
struct Rows {
    custom_status: Option<CustomStatus>,
    begin: Vec<HistoryEvent>,
    past: Vec<HistoryEvent>,
    inbox: Vec<Message>,
}

/// Reads the rows of the current execution.
fn parts(
    header: &InstanceHeader,
    history: Vec<HistoryRow>,
    inbox: Vec<InboxRow>,
) -> Result<Rows, Fault> {
    let decode = |episode: u64, text: &str| {
        decode_events(text).map_err(|error| Fault::Undecodable {
            what: format!("the history of episode {episode}"),
            message: error.to_string(),
        })
    };
    let mut rows = history.into_iter();
    let Some(first) = rows.next() else {
        return Err(Fault::MalformedHistory(
            "the execution has no first row".into(),
        ));
    };
    let begin = decode(first.episode, &first.events)?;
    let custom_status = first.custom_status.and_then(CustomStatus::from_stored);
    let episodes = rows.map(|row| decode(row.episode, &row.events));
    let episodes: Vec<_> = episodes.collect::<Result<_, _>>()?;
    let (begin, past) = events_to_replay(begin, episodes);
    Ok(Rows {
        custom_status,
        begin,
        past,
        inbox: messages(header, inbox)?,
    })
}

/// The one event of a message. The answer of a child that had completed before its parent was rewound is without its output, and followed
/// by the episode in which the child ended; whatever else is behind an event was put there by nobody who may.
fn only_event(events: Vec<HistoryEvent>) -> Result<HistoryEvent, &'static str> {
    let mut events = events.into_iter();
    let mut event = events.next().ok_or("it has no event")?;
    if events.len() == 0 {
        return Ok(event);
    }
    let end = events.rev().find_map(|event| match event.kind {
        HistoryEventKind::ExecutionCompleted(ended) => Some(ended),
        _ => None,
    });
    match (&mut event.kind, end) {
        (HistoryEventKind::SubOrchestrationInstanceCompleted(answer), Some(end))
            if answer.result.is_none() =>
        {
            answer.result = end.result;
            Ok(event)
        }
        _ => Err("it has more than one event"),
    }
}

/// The messages of an inbox that are for this execution.
fn messages(header: &InstanceHeader, inbox: Vec<InboxRow>) -> Result<Vec<Message>, Fault> {
    let mut messages = Vec::with_capacity(inbox.len());
    for InboxRow {
        sequence,
        execution,
        event,
    } in inbox
    {
        if execution.is_some_and(|execution| execution != header.execution_id) {
            continue;
        }
        let undecodable = |message| Fault::Undecodable {
            what: format!("message {sequence} of the inbox"),
            message,
        };
        let events = decode_events(&event).map_err(|error| undecodable(error.to_string()))?;
        let event = only_event(events).map_err(|why| undecodable(why.to_owned()))?;
        messages.push(match event.kind {
            HistoryEventKind::ExecutionTerminated(terminated) => Message::Terminate {
                reason: terminated.input,
                recursive: terminated.recurse,
                source: Source::Inbox(sequence),
            },
            HistoryEventKind::ExecutionRewound(rewound) => Message::Rewind {
                reason: rewound.reason,
                message: sequence,
            },
            kind => Message::Event {
                event: HistoryEvent { kind, ..event },
                source: Source::Inbox(sequence),
            },
        });
    }
    Ok(messages)
}
