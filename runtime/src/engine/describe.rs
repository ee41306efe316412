//! Words for what history has and what the code did.

use super::notes::{PATCH, REFUSED, SIDE_VALUE};
use crate::model::action::OrchestratorActionKind;
use crate::model::history::HistoryEventKind;

pub(super) fn event(event: &HistoryEventKind) -> String {
    match event {
        HistoryEventKind::TaskScheduled(task) => format!("a call of activity `{}`", task.name),
        HistoryEventKind::TimerCreated(_) => "a timer".into(),
        HistoryEventKind::SubOrchestrationInstanceCreated(child) => format!(
            "a call of sub-orchestration `{}` as instance `{}`",
            child.name, child.instance_id
        ),
        HistoryEventKind::EventSent(sent) => match &*sent.name {
            SIDE_VALUE => "a side value".into(),
            REFUSED => "a call that was refused".into(),
            name => name.strip_prefix(PATCH).map_or_else(
                || format!("the event `{name}` to instance `{}`", sent.instance_id),
                |patch| format!("the patch `{patch}`"),
            ),
        },
        HistoryEventKind::ExecutionCompleted(end) => {
            format!("the end of the orchestration ({})", end.status)
        }
        other => other.name().into(),
    }
}

pub(super) fn action(action: &OrchestratorActionKind) -> String {
    event(&action.confirmation())
}
