//! Words for what history has and what the code did.

use super::episode::{Continued, Ended};
use super::notes::{PATCH, REFUSED, SIDE_VALUE};
use crate::model::failure::FailureDetails;
use crate::model::history::HistoryEventKind;
use crate::model::instance::InstanceId;
use crate::model::tags::Tags;
use crate::model::waiting::{WaitingFor, WaitingOn};

/// How much of a payload a report shows.
const SHOWN: usize = 200;

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

/// With all that belongs to it.
pub(crate) fn in_full(kind: &HistoryEventKind) -> String {
    let said = event(kind);
    match kind {
        HistoryEventKind::TaskScheduled(task) => {
            format!("{said} with {}", call(task.input.as_deref(), &task.tags))
        }
        HistoryEventKind::SubOrchestrationInstanceCreated(child) => {
            let version = child.version.as_deref().unwrap_or_default();
            let call = call(child.input.as_deref(), &child.tags);
            format!("{said} in version `{version}` with {call}")
        }
        HistoryEventKind::TimerCreated(timer) => format!("{said} for {}", timer.fire_at),
        HistoryEventKind::EventSent(sent) => with(&said, sent.input.as_deref()),
        HistoryEventKind::ExecutionCompleted(end) => match (&end.result, &end.failure) {
            (_, Some(failure)) => format!("{said} with `{}`", shown(&failure.error_message)),
            (Some(result), None) => format!("{said} with {}", shown(result)),
            (None, None) => said,
        },
        HistoryEventKind::ExecutionStarted(started) => with(&said, started.input.as_deref()),
        HistoryEventKind::ExecutionTerminated(ended) => with(&said, ended.input.as_deref()),
        HistoryEventKind::EventRaised(raised) => with(
            &format!("{said} `{}`", raised.name),
            raised.input.as_deref(),
        ),
        HistoryEventKind::TaskCompleted(task) => with(
            &format!("{said} of event {}", task.task_scheduled_id),
            task.result.as_deref(),
        ),
        HistoryEventKind::SubOrchestrationInstanceCompleted(child) => with(
            &format!("{said} of event {}", child.task_scheduled_id),
            child.result.as_deref(),
        ),
        HistoryEventKind::TaskFailed(task) => failed(&said, task.task_scheduled_id, &task.failure),
        HistoryEventKind::SubOrchestrationInstanceFailed(child) => {
            failed(&said, child.task_scheduled_id, &child.failure)
        }
        HistoryEventKind::TimerFired(timer) => format!("{said} of event {}", timer.timer_id),
        _ => said,
    }
}

fn with(said: &str, payload: Option<&str>) -> String {
    match payload {
        Some(payload) => format!("{said} with {}", shown(payload)),
        None => said.to_owned(),
    }
}

fn failed(said: &str, id: i32, failure: &FailureDetails) -> String {
    format!(
        "{said} of event {id} with `{}`",
        shown(&failure.error_message)
    )
}

fn call(input: Option<&str>, tags: &Tags) -> String {
    let input = shown(input.unwrap_or("nothing"));
    if tags.is_empty() {
        format!("input {input}")
    } else {
        format!("input {input} and tags {tags:?}")
    }
}

/// As much of a text as a report can hold.
fn shown(text: &str) -> String {
    let mut chars = text.chars();
    let mut shown: String = chars.by_ref().take(SHOWN).collect();
    if chars.next().is_some() {
        shown.push_str("..");
    }
    shown
}

pub(super) fn status(status: Option<&str>) -> String {
    status.map_or_else(
        || "no custom status".into(),
        |status| format!("the custom status {}", shown(status)),
    )
}

/// How an execution ended, and what it hands to the next one.
pub(super) fn end(ended: Option<&Ended>, continued: Option<&Continued>) -> String {
    let ended = match ended {
        None => return "no end".into(),
        Some(ended) => in_full(&ended.clone().recorded().into()),
    };
    match continued {
        None => ended,
        Some(continued) => {
            let version = continued.version.as_deref().unwrap_or("the same");
            let carried = &continued.carried;
            let names = carried.iter().map(|event| match &event.kind {
                HistoryEventKind::EventRaised(raised) => &*raised.name,
                other => other.name(),
            });
            let names: Vec<_> = names.collect();
            format!("{ended}, version {version}, carrying the events {names:?}")
        }
    }
}

/// The calls that an episode withdrew.
pub(super) fn withdrawn(tasks: &[i32], children: &[(i32, InstanceId)]) -> String {
    let children = children.iter().map(|(id, _)| *id);
    let ids: Vec<_> = tasks.iter().copied().chain(children).collect();
    if ids.is_empty() {
        "no withdrawn call".into()
    } else {
        format!("the withdrawn calls {ids:?}")
    }
}

pub(super) fn wait(wait: Option<&WaitingOn>) -> String {
    match wait.map(|wait| &wait.kind) {
        None => "no further wait".into(),
        Some(WaitingFor::Activity { id, name, .. }) => {
            format!("a wait for activity `{name}` of event {id}")
        }
        Some(WaitingFor::Retry { id, name, .. }) => {
            format!("a wait for the next attempt of `{name}` with the timer of event {id}")
        }
        Some(WaitingFor::Timer { id, .. }) => format!("a wait for the timer of event {id}"),
        Some(WaitingFor::Event { name }) => format!("a wait for the event `{name}`"),
        Some(WaitingFor::Child { id, name, .. }) => {
            format!("a wait for sub-orchestration `{name}` of event {id}")
        }
    }
}
