//! What an episode sends out: activities, children, messages to other instances.

use std::collections::HashSet;
use std::sync::Arc;

use jiff::Timestamp;

use super::slot::Known;
use crate::engine::Episode;
use crate::model::action::{OrchestratorAction, OrchestratorActionKind};
use crate::model::failure::{self, FailureDetails};
use crate::model::history::{
    EventRaised, ExecutionRewound, ExecutionStarted, ExecutionTerminated, HistoryEvent,
    HistoryEventKind, SubOrchestrationInstanceCompleted, SubOrchestrationInstanceFailed,
    encode_events,
};
use crate::model::instance::{InstanceId, ParentInstance};
use crate::model::on_existing::OnExisting;
use crate::model::retry::Attempt;
use crate::model::status::RuntimeStatus;
use crate::model::tags::{Tags, is_reserved};
use crate::registration::{Function, Registration};
use crate::store::{CreateChild, CreateInstance, Destination, OutgoingMessage, RewindChild};
use crate::worker::message::{Task, TaskKey};
use crate::worker::shard::Shared;

/// What an episode sends out with its commit, and the activities that follow it.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    pub(super) tasks: Vec<Arc<Task>>,
    pub(super) children: Vec<CreateChild>,
    pub(super) rewinds: Vec<RewindChild>,
    pub(super) messages: Vec<OutgoingMessage>,
}

/// A child to create.
struct Child<'a> {
    id: i32,
    instance_id: InstanceId,
    name: &'a str,
    version: Option<String>,
    input: Option<String>,
    tags: Tags,
}

impl Outgoing {
    /// What an episode of this instance sends out. Actions are taken out of it.
    pub(super) fn of(
        shared: &Shared,
        known: &Known,
        now: Timestamp,
        episode: &mut Episode,
    ) -> Self {
        let mut outgoing = Self::default();
        let header = &known.header;
        let withdrawn: HashSet<i32> = episode.withdrawn.iter().copied().collect();
        let mut dropped: Vec<_> = std::mem::take(&mut episode.withdrawn_children);
        for OrchestratorAction { id, kind } in std::mem::take(&mut episode.actions) {
            match kind {
                OrchestratorActionKind::ScheduleTask { name, input, tags }
                    if !withdrawn.contains(&id) =>
                {
                    let attempt = Attempt::of(&tags, id);
                    let key = TaskKey {
                        execution: header.execution_id,
                        id,
                    };
                    outgoing.tasks.push(known.task(key, name, input, attempt));
                }
                OrchestratorActionKind::CreateSubOrchestration {
                    instance_id,
                    name,
                    version,
                    input,
                    tags,
                } => {
                    // One that was created and dropped in one episode never was.
                    let before = dropped.len();
                    dropped.retain(|(child, _)| *child != id);
                    if dropped.len() == before {
                        let child = Child {
                            id,
                            instance_id,
                            name: &name,
                            version,
                            input,
                            tags,
                        };
                        outgoing.create_child(shared, known, now, child);
                    }
                }
                OrchestratorActionKind::SendEvent {
                    instance_id,
                    name,
                    data,
                } if !is_reserved(&name) => {
                    let event = HistoryEvent::new(now, EventRaised { name, input: data });
                    outgoing.send(Destination::Instance(instance_id), &event);
                }
                OrchestratorActionKind::ScheduleTask { .. }
                | OrchestratorActionKind::SendEvent { .. }
                | OrchestratorActionKind::CreateTimer { .. }
                | OrchestratorActionKind::CompleteOrchestration { .. } => {}
            }
        }
        for (task_scheduled_id, id) in dropped {
            let terminated = ExecutionTerminated {
                input: None,
                recurse: true,
            };
            let to = Destination::Child {
                id,
                task_scheduled_id,
            };
            outgoing.send(to, &HistoryEvent::new(now, terminated));
        }
        for child in std::mem::take(&mut episode.rewound_children) {
            let event = HistoryEvent::new(now, ExecutionRewound { reason: None });
            let answer = SubOrchestrationInstanceCompleted {
                task_scheduled_id: child.id,
                result: None,
            };
            let answer = HistoryEvent::new(now, answer);
            let otherwise = child_to_create(
                shared,
                known,
                now,
                Child {
                    id: child.id,
                    instance_id: child.instance_id.clone(),
                    name: &child.name,
                    version: child.version,
                    input: child.input,
                    tags: child.tags,
                },
            );
            outgoing.rewinds.push(RewindChild {
                id: child.instance_id,
                task_scheduled_id: child.id,
                event: encode_events(std::slice::from_ref(&event)),
                answer: encode_events(std::slice::from_ref(&answer)),
                otherwise,
            });
        }
        outgoing.tell_family(known, now, episode);
        outgoing
    }

    /// The end of an instance concerns its parent, and a termination its children.
    fn tell_family(&mut self, known: &Known, now: Timestamp, episode: &Episode) {
        for event in &episode.events {
            if let HistoryEventKind::ExecutionTerminated(terminated) = &event.kind
                && terminated.recurse
            {
                self.send(
                    Destination::Children,
                    &HistoryEvent::new(now, terminated.clone()),
                );
            }
        }
        let (Some(parent), Some(ended)) = (&known.header.parent, &episode.ended) else {
            return;
        };
        let task_scheduled_id = parent.task_scheduled_id;
        let event: HistoryEventKind = match ended.status {
            RuntimeStatus::ContinuedAsNew => return,
            RuntimeStatus::Completed => SubOrchestrationInstanceCompleted {
                task_scheduled_id,
                result: ended.result.clone(),
            }
            .into(),
            status => {
                let failure = ended.failure.clone().unwrap_or_else(|| {
                    let reason = ended.result.as_deref().unwrap_or("without a reason");
                    let id = &known.header.id;
                    let message = format!("sub-orchestration `{id}` ended as {status}: {reason}");
                    FailureDetails::new(failure::kind::TERMINATED, message)
                });
                SubOrchestrationInstanceFailed {
                    task_scheduled_id,
                    failure,
                }
                .into()
            }
        };
        let to = Destination::Execution(parent.instance_id.clone(), parent.execution_id);
        self.send(to, &HistoryEvent::new(now, event));
    }

    fn create_child(&mut self, shared: &Shared, known: &Known, now: Timestamp, child: Child<'_>) {
        let header = &known.header;
        let found = find(shared, child.name, child.version.as_deref());
        if let Some(Function::Orchestrator { check_input, .. }) = found.map(|found| found.function)
            && let Err(error) = check_input(child.input.as_deref())
        {
            let message = format!(
                "the input of orchestrator `{}` does not fit: {error}",
                child.name
            );
            let failure = FailureDetails {
                is_non_retriable: true,
                ..FailureDetails::new(failure::kind::DECODE, message)
            };
            let to = Destination::Execution(header.id.clone(), header.execution_id);
            return self.send(to, &child_failed(now, child.id, failure));
        }
        let child = child_to_create(shared, known, now, child);
        self.children.push(child);
    }

    fn send(&mut self, to: Destination, event: &HistoryEvent) {
        self.messages.push(OutgoingMessage {
            to,
            event: encode_events(std::slice::from_ref(event)),
        });
    }

    /// Whether anyone else has to be told of the commit.
    pub(super) fn concerns_others(&self) -> bool {
        !(self.children.is_empty() && self.rewinds.is_empty() && self.messages.is_empty())
    }
}

fn child_failed(now: Timestamp, task_scheduled_id: i32, failure: FailureDetails) -> HistoryEvent {
    let event = SubOrchestrationInstanceFailed {
        task_scheduled_id,
        failure,
    };
    HistoryEvent::new(now, event)
}

/// The creation of a child, and what becomes of the call when its id is taken.
fn child_to_create(
    shared: &Shared,
    known: &Known,
    now: Timestamp,
    child: Child<'_>,
) -> CreateChild {
    let message = format!(
        "the instance id `{}` is taken by one that has not ended",
        child.instance_id
    );
    let failure = FailureDetails::new(failure::kind::ALREADY_EXISTS, message);
    let refused = child_failed(now, child.id, failure);
    CreateChild {
        create: create_child(shared, known, now, child),
        on_refused: encode_events(std::slice::from_ref(&refused)),
    }
}

/// The creation of a child. Called by name, it gets the newest version that there is now.
fn create_child(
    shared: &Shared,
    known: &Known,
    now: Timestamp,
    child: Child<'_>,
) -> CreateInstance {
    let Child {
        id,
        instance_id,
        name,
        version,
        input,
        mut tags,
    } = child;
    let header = &known.header;
    tags.retain(|key, _| !is_reserved(key));
    let version = match version {
        None => find(shared, name, None).and_then(|newest| newest.version.map(str::to_owned)),
        Some(version) => Some(version).filter(|version| !version.is_empty()),
    };
    let started = ExecutionStarted {
        name: name.to_owned(),
        version,
        input,
        execution_id: shared.ids.new_execution(),
        parent: Some(ParentInstance {
            name: header.name.clone(),
            instance_id: header.id.clone(),
            execution_id: header.execution_id,
            task_scheduled_id: id,
        }),
        tags,
        scheduled_start: None,
        parent_trace: known.trace.as_deref().cloned(),
    };
    let mut create = creation(instance_id, &started, now);
    create.replaces = OnExisting::ReplaceTerminal.replaces();
    create
}

/// The orchestrator of this name and version: without one the newest, with the empty one that which has none.
fn find<'a>(shared: &'a Shared, name: &str, version: Option<&str>) -> Option<&'a Registration> {
    match version {
        None => shared.registry.newest(name),
        Some("") => shared.registry.orchestrator(name, None),
        Some(version) => shared.registry.orchestrator(name, Some(version)),
    }
}

/// The creation of an instance that begins with this event; it replaces none.
pub(super) fn creation(
    id: InstanceId,
    started: &ExecutionStarted,
    now: Timestamp,
) -> CreateInstance {
    let event = HistoryEvent::new(now, started.clone());
    CreateInstance {
        id,
        name: started.name.clone(),
        version: started.version.clone(),
        execution_id: started.execution_id,
        created_at: now,
        start_at: started.scheduled_start,
        parent: started.parent.clone(),
        tags: started.tags.clone(),
        events: encode_events(std::slice::from_ref(&event)),
        custom_status: None,
        replaces: Vec::new(),
    }
}

impl Known {
    /// An activity to hand out.
    pub(super) fn task(
        &self,
        key: TaskKey,
        name: String,
        input: Option<String>,
        attempt: Attempt,
    ) -> Arc<Task> {
        let before = self.progress.get(&attempt.first);
        Arc::new(Task {
            key,
            instance: self.header.id.clone(),
            name,
            input,
            last_heartbeat: before.map(|progress| progress.details.clone()),
            attempt,
            trace: self.trace.clone(),
        })
    }
}
