//! Loading an instance: rows in, a live execution out.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use super::Shard;
use super::slot::{Held, Live, Message, Slot, SlotState, Source, ended_task};
use crate::engine::{Execution, ExecutionInfo, Fault, Start};
use crate::model::custom_status::CustomStatus;
use crate::model::history::{HistoryEvent, HistoryEventKind, decode_events};
use crate::model::instance::{ExecutionId, InstanceId};
use crate::registration::{Function, OrchestratorFn};
use crate::store::{
    HistoryRow, InboxRow, InstanceHeader, StoreError, StoredInstance, TimerPosition,
};
use crate::worker::message::{RequestError, ShardOutput, Task, TaskKey};

/// What a live instance is made of.
pub(super) struct LiveParts {
    pub(super) header: InstanceHeader,
    /// The custom status that the execution began with.
    pub(super) custom_status: Option<CustomStatus>,
    /// The custom status as its last episode left it.
    pub(super) last_status: Option<CustomStatus>,
    /// The event that begins the execution, when no episode has delivered it.
    pub(super) begin: Option<HistoryEvent>,
    /// The events of its episodes.
    pub(super) past: Vec<HistoryEvent>,
    pub(super) inbox: Vec<Message>,
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
            Err(error) => {
                tracing::error!(instance = %id, %error, "an instance cannot be loaded; trying again later");
                let Some(slot) = self.slots.get_mut(&id) else {
                    return;
                };
                // Clients learn of it now; results of activities stay until the store answers.
                for message in std::mem::take(&mut slot.waiting) {
                    if let Message::Event {
                        source: Source::Activity(_),
                        ..
                    }
                    | Message::TimersDue
                    | Message::Attend = message
                    {
                        slot.waiting.push_back(message);
                    } else {
                        message.refuse(|| RequestError::Store(Arc::clone(&error)));
                    }
                }
                self.load_later(id);
            }
        }
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
        let StoredInstance {
            header,
            history,
            inbox,
            ..
        } = stored;
        let last_status = history
            .iter()
            .rev()
            .find_map(|row| row.custom_status.clone());
        let last_status = last_status.and_then(CustomStatus::from_stored);
        match parts(header.clone(), last_status.clone(), history, inbox) {
            Ok(parts) => self.enter(parts),
            Err(fault) => self.enter_held(header, last_status, &fault),
        }
    }

    /// Makes an instance live: replays its past, hands out its open activities, and lets it take what waits.
    pub(super) fn enter(&mut self, parts: LiveParts) {
        let LiveParts {
            header,
            custom_status,
            last_status,
            begin,
            past,
            inbox,
        } = parts;
        let id = header.id.clone();
        let Some(start) =
            self.shared
                .registry
                .newest(&header.name)
                .and_then(|found| match found.function {
                    Function::Orchestrator { start, .. } => Some(start),
                    Function::Activity { .. } => None,
                })
        else {
            let known = self.shared.registry.orchestrator_names().join(", ");
            let why = format!("it is not registered in this program, which has {known}");
            return self.enter_held(header, last_status, &why);
        };
        let started = begin.as_ref().or_else(|| past.iter().find(is_start));
        let mut execution = self.execution(&header, started, custom_status, start);
        if let Err(fault) = execution.replay(past) {
            return self.enter_held(header, last_status, &fault);
        }
        let tasks = execution.take_open_tasks();
        let open: HashSet<i32> = tasks.iter().map(|task| task.id).collect();
        let execution_id = header.execution_id;
        // What replay does not find open has been answered or withdrawn by a commit that was applied after all.
        self.running
            .retain(&id, execution_id, |task| open.contains(&task));
        // What ended while the instance was set aside is in the inbox.
        let ended = inbox.iter().filter_map(|message| match message {
            Message::Event { event, .. } => ended_task(event),
            _ => None,
        });
        let ended: HashSet<i32> = ended.collect();
        let open_tasks: HashMap<_, _> = tasks
            .iter()
            .map(|task| {
                (
                    task.id,
                    self.shared
                        .registry
                        .activity(&task.name)
                        .is_none()
                        .then(|| task.name.clone()),
                )
            })
            .collect();
        let committed_status = execution.custom_status();
        if let Some(fire_at) = execution.next_timer() {
            let position = TimerPosition {
                fire_at,
                incarnation: header.incarnation,
            };
            self.outputs
                .push(ShardOutput::SetTimer(position, id.clone()));
        }
        let live = Live {
            execution,
            header,
            committed_status,
            begin,
            open_tasks,
        };
        let stalled = live.stalled();
        let slot = self
            .slots
            .entry(id.clone())
            .or_insert_with(|| Slot::new(SlotState::Loading));
        slot.state = SlotState::Live(Box::new(live));
        for message in inbox.into_iter().rev() {
            slot.waiting.push_front(message);
        }
        self.resident += 1;
        for task in tasks.into_iter().filter(|task| !ended.contains(&task.id)) {
            let key = TaskKey {
                execution: execution_id,
                id: task.id,
            };
            self.run(Task {
                key,
                instance: id.clone(),
                name: task.name,
                input: task.input,
            });
        }
        self.set_stalled(&id, stalled);
        self.advance(&id);
    }

    fn enter_held(
        &mut self,
        header: InstanceHeader,
        custom_status: Option<CustomStatus>,
        why: &dyn fmt::Display,
    ) {
        let id = header.id.clone();
        let reason = format!("orchestrator `{}`: {why}", header.name);
        tracing::error!(instance = %id, reason, "an instance is set aside");
        let slot = self
            .slots
            .entry(id.clone())
            .or_insert_with(|| Slot::new(SlotState::Loading));
        slot.state = SlotState::Held(Box::new(Held {
            header,
            custom_status,
        }));
        self.resident += 1;
        self.set_stalled(&id, Some(reason));
        self.advance(&id);
    }

    fn execution(
        &self,
        header: &InstanceHeader,
        started: Option<&HistoryEvent>,
        custom_status: Option<CustomStatus>,
        start: OrchestratorFn,
    ) -> Execution {
        let parent = match started.map(|event| &event.kind) {
            Some(HistoryEventKind::ExecutionStarted(started)) => started.parent.clone(),
            _ => None,
        };
        let info = ExecutionInfo {
            name: header.name.clone(),
            instance_id: header.id.clone(),
            execution_id: header.execution_id,
            parent,
            version: None,
        };
        let start: Start =
            Box::new(move |handle, input| start(handle, input).map_err(|error| error.to_string()));
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
            self.shared.panics,
            self.shared.limits,
            on_foreign_wake,
        )
    }

    /// Sets an instance aside whose orchestrator was woken from outside an episode.
    pub(super) fn foreign_wake(&mut self, id: &InstanceId, execution: ExecutionId) {
        let live = self
            .slots
            .get(id)
            .and_then(|slot| if slot.is_live() { slot.header() } else { None });
        if live.is_some_and(|header| header.execution_id == execution) {
            let how = "it was woken from another thread or between episodes; \
                       what it waits for must be an activity, a timer or an external event";
            self.hold(id, &Fault::ForeignAwait(how.into()), Vec::new());
        }
    }
}

fn is_start(event: &&HistoryEvent) -> bool {
    matches!(event.kind, HistoryEventKind::ExecutionStarted(_))
}

/// Reads the rows of the current execution. The first one holds the event that begins it; the protocol has that event within
/// the first episode, so that is where it goes.
fn parts(
    header: InstanceHeader,
    last_status: Option<CustomStatus>,
    history: Vec<HistoryRow>,
    inbox: Vec<InboxRow>,
) -> Result<LiveParts, Fault> {
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
    let mut begin = decode(first.episode, &first.events)?.pop();
    let custom_status = first.custom_status.and_then(CustomStatus::from_stored);
    let mut past = Vec::new();
    for row in rows {
        let mut events = decode(row.episode, &row.events)?.into_iter();
        past.extend(events.next());
        past.extend(begin.take());
        past.extend(events);
    }
    let mut messages = Vec::new();
    let for_this_one = |row: &InboxRow| {
        row.execution
            .is_none_or(|execution| execution == header.execution_id)
    };
    for row in inbox.into_iter().filter(for_this_one) {
        let InboxRow {
            sequence, event, ..
        } = row;
        let events = decode_events(&event).map_err(|error| Fault::Undecodable {
            what: format!("message {sequence} of the inbox"),
            message: error.to_string(),
        })?;
        messages.extend(events.into_iter().map(|event| Message::Event {
            event,
            source: Source::Inbox(sequence),
        }));
    }
    Ok(LiveParts {
        header,
        last_status,
        custom_status,
        begin,
        past,
        inbox: messages,
    })
}
