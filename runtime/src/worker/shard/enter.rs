//! How an instance comes into memory: live, or held when it cannot advance.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use super::Shard;
use super::live::set_timer;
use super::open_activities::OpenActivities;
use super::slot::{Aside, Held, Kept, Known, Live, Message, Slot, SlotState, Source, ended_task};
use super::tell::{reason, tell_set_aside};
use crate::context::CancelReason;
use crate::engine::{Execution, ExecutionInfo, OpenTask, Start};
use crate::model::custom_status::{CustomStatus, StatusChange};
use crate::model::history::{ExecutionStarted, HistoryEvent, HistoryEventKind};
use crate::model::instance::{ExecutionId, InstanceId};
use crate::model::retry::Attempt;
use crate::model::status::{ActivityProgress, RuntimeStatus};
use crate::registration::OrchestratorFn;
use crate::store::InstanceHeader;
use crate::worker::message::TaskKey;
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
        // In its first execution nothing of another one is its own: an acknowledgement was lost when it replaced whose that is.
        if known.header.first_episode == 0 {
            let (id, execution) = (&known.header.id, known.header.execution_id);
            let others = self.running.take_others(id, execution);
            self.cancel(others, CancelReason::Replaced);
        }
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
        let obstacle = self.slots.get(&id).and_then(|slot| slot.obstacle.as_ref());
        let stalled = match obstacle {
            Some(error) => Some(self.obstruction(&live.known.header, error)),
            None => live.open_activities.stalled(),
        };
        self.occupy(&id, SlotState::Live(Box::new(live)), inbox);
        if let Some((episode, message)) = rewound {
            let source = Some(Source::Inbox(message));
            let effects = self.commit_episode(&id, episode, vec![source], Vec::new());
            // Not at once: until the rewind is recorded, nothing tells what they give from the results that it undoes.
            if let Some(effects) = effects {
                effects.run.extend(to_run);
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

    pub(super) fn enter_stalled(
        &mut self,
        known: Known,
        inbox: Vec<Message>,
        why: &dyn fmt::Display,
    ) {
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
}

fn started(event: &HistoryEvent) -> Option<&ExecutionStarted> {
    match &event.kind {
        HistoryEventKind::ExecutionStarted(started) => Some(started),
        _ => None,
    }
}
