//! Whether the code asks for what history has.

use super::notes::{REFUSED, SIDE_VALUE};
use super::state::{State, Wanted};
use crate::model::action::OrchestratorActionKind as Action;
use crate::model::failure::kind;
use crate::model::history::{EventSent, HistoryEventKind as Event, TaskScheduled};

impl State {
    /// Whether an action is the very one that was recorded.
    pub(super) fn repeats(&self, event: &Event, wanted: &Wanted) -> bool {
        // A side value is not produced again, and history has a refusal in its place when that failed.
        if matches!(&wanted.kind, Action::SendEvent { name, .. } if name == SIDE_VALUE) {
            return true;
        }
        let action = wanted.kind.clone();
        let action = if wanted.limited {
            self.within_limits(action)
        } else {
            action
        };
        action.confirmation() == *event
    }
}

/// Whether a confirmation is that of an action: kind, name and id of a sub-orchestration must agree; inputs, times and tags are
/// history's. On a path that a rewind undid they count as well, and the end of that path is forgotten.
pub(super) fn agrees(event: &Event, wanted: &Wanted, strict: bool) -> bool {
    let same = |recorded: &str, asked: &str| recorded.eq_ignore_ascii_case(asked);
    match (event, &wanted.kind) {
        (Event::TaskScheduled(task), Action::ScheduleTask { name, input, .. }) => {
            same(&task.name, name) && (strict || task.input == *input)
        }
        (Event::TimerCreated(timer), Action::CreateTimer { fire_at }) => {
            strict || timer.fire_at == *fire_at
        }
        (
            Event::SubOrchestrationInstanceCreated(child),
            Action::CreateSubOrchestration {
                instance_id,
                name,
                input,
                ..
            },
        ) => {
            same(&child.name, name)
                && child.instance_id == *instance_id
                && (strict || child.input == *input)
        }
        (Event::EventSent(sent), Action::SendEvent { name, data, .. }) if sent.name != REFUSED => {
            same(&sent.name, name) && (strict || name == SIDE_VALUE || sent.input == *data)
        }
        (Event::EventSent(sent), kind) => {
            sent.name == REFUSED
                && wanted.limited
                && !matches!(
                    kind,
                    Action::CreateTimer { .. } | Action::CompleteOrchestration { .. }
                )
        }
        (Event::ExecutionCompleted(end), Action::CompleteOrchestration { status, .. }) => {
            let too_large = end
                .failure
                .as_ref()
                .is_some_and(|failure| failure.error_type == kind::PAYLOAD_TOO_LARGE);
            strict && (end.status == *status || too_large)
        }
        _ => false,
    }
}

/// The action that an event confirms.
pub(super) fn action_of(event: Event) -> Option<Action> {
    Some(match event {
        Event::TaskScheduled(TaskScheduled { name, input, tags }) => {
            Action::ScheduleTask { name, input, tags }
        }
        Event::TimerCreated(timer) => Action::CreateTimer {
            fire_at: timer.fire_at,
        },
        Event::SubOrchestrationInstanceCreated(child) => Action::CreateSubOrchestration {
            instance_id: child.instance_id,
            name: child.name,
            version: child.version,
            input: child.input,
            tags: child.tags,
        },
        Event::EventSent(EventSent {
            instance_id,
            name,
            input,
        }) => Action::SendEvent {
            instance_id,
            name,
            data: input,
        },
        Event::ExecutionCompleted(end) => Action::CompleteOrchestration {
            status: end.status,
            result: end.result,
            failure: end.failure,
        },
        _ => return None,
    })
}
