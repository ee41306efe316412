//! Whether the code asks for what history has.

use serde_json::Value;

use super::notes::{REFUSED, SIDE_VALUE};
use super::options::Limits;
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
        // Under another limit it would not be refused.
        if matches!(event, Event::EventSent(sent) if sent.name == REFUSED)
            && self.limits == Limits::NONE
        {
            return true;
        }
        let action = wanted.kind.clone();
        let action = if wanted.limited {
            self.within_limits(action)
        } else {
            action
        };
        let confirmation = action.confirmation();
        confirmation == *event || same_event(&confirmation, event).is_some_and(|is_same| is_same)
    }
}

/// Whether two events differ in the order of the keys of their payloads only.
fn same_event(one: &Event, other: &Event) -> Option<bool> {
    fn same(one: &Value, other: &Value) -> bool {
        match (one, other) {
            (Value::String(one), Value::String(other)) => same_json(Some(one), Some(other)),
            (Value::Array(one), Value::Array(other)) => {
                one.len() == other.len()
                    && one.iter().zip(other).all(|(one, other)| same(one, other))
            }
            (Value::Object(one), Value::Object(other)) => {
                one.len() == other.len()
                    && one
                        .iter()
                        .all(|(key, value)| other.get(key).is_some_and(|other| same(value, other)))
            }
            (one, other) => one == other,
        }
    }
    let one = serde_json::to_value(one).ok()?;
    let other = serde_json::to_value(other).ok()?;
    Some(same(&one, &other))
}

/// Whether two JSON texts are of the same value. A map with a random hasher writes its keys in another order each time, which nobody
/// can observe.
pub(super) fn same_json(one: Option<&str>, other: Option<&str>) -> bool {
    if one == other {
        return true;
    }
    let value = |text: &str| serde_json::from_str::<Value>(text).ok();
    match (one.and_then(value), other.and_then(value)) {
        (Some(one), Some(other)) => one == other,
        _ => false,
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
