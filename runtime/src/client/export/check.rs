//! What every history has in common, whatever the code of its orchestrator is.

use super::{ExportedEpisode, ExportedHistory, ImportError};
use crate::model::custom_status::CustomStatus;
use crate::model::history::{ExecutionStarted, HistoryEvent, HistoryEventKind, MAX_ACTION};
use crate::model::status::RuntimeStatus;

/// The greatest count of changes that a file may claim: every JSON reader can hold it, and there is room to count on.
const MAX_SEQUENCE: u64 = 1 << 53;

impl ExportedHistory {
    /// Checks what every history has in common, and gives the event that began the execution. Whether the orchestrator's code
    /// agrees with it, only a replay can say.
    pub(super) fn check(&self) -> Result<&ExecutionStarted, ImportError> {
        let wrong = |message: String| ImportError::Content {
            id: self.instance_id.clone(),
            message,
        };
        let mut episodes = self.episodes.iter();
        let first = episodes.next();
        let mut began = first.into_iter().flat_map(|first| &first.events);
        let Some(HistoryEventKind::ExecutionStarted(started)) =
            began.next().map(|event| &event.kind)
        else {
            return Err(wrong("it does not begin with `ExecutionStarted`".into()));
        };
        if let Some(other) = began.find(|event| !is_raised(event)) {
            let kind = other.kind.name();
            return Err(wrong(format!(
                "its first episode has a `{kind}`; only events that were raised follow `ExecutionStarted` there"
            )));
        }
        if (started.execution_id, &started.name, &started.version)
            != (self.execution_id, &self.name, &self.version)
        {
            return Err(wrong(
                "`ExecutionStarted` has another name, version or execution id than the instance"
                    .into(),
            ));
        }
        let mut before: Option<&ExportedEpisode> = None;
        for (number, episode) in self.episodes.iter().enumerate() {
            episode
                .check(before)
                .map_err(|message| wrong(format!("episode {number}: {message}")))?;
            before = Some(episode);
        }
        if self.runtime_status.is_terminal() && !self.inbox.is_empty() {
            return Err(wrong("it has ended, and has an inbox all the same".into()));
        }
        if let Some(other) = self.inbox.iter().find(|event| !may_wait(event)) {
            let kind = other.kind.name();
            return Err(wrong(format!(
                "its inbox has a `{kind}`, which is no message"
            )));
        }
        match before.map(|last| last.runtime_status) {
            Some(last) if last != self.runtime_status => Err(wrong(format!(
                "it is {}, and after its last episode it was {last}",
                self.runtime_status
            ))),
            _ => Ok(started),
        }
    }
}

impl ExportedEpisode {
    /// Checks it on top of the one before.
    fn check(&self, before: Option<&Self>) -> Result<(), String> {
        if let Some(status) = &self.custom_status {
            CustomStatus::from_json(status).map_err(|error| {
                use std::error::Error as _;
                error.source().map_or_else(
                    || error.to_string(),
                    |source| format!("the custom status is no JSON: {source}"),
                )
            })?;
        }
        if self.sequence > MAX_SEQUENCE || before.is_some_and(|b| b.sequence > self.sequence) {
            return Err(format!(
                "its sequence of changes, {}, goes back or is too large",
                self.sequence
            ));
        }
        if let Some(event) = self.events.iter().find(|event| event.event_id > MAX_ACTION) {
            let id = event.event_id;
            return Err(format!(
                "the action id {id} is larger than any instance reaches"
            ));
        }
        let ended = self.events.iter().find_map(|event| match &event.kind {
            HistoryEventKind::ExecutionCompleted(ended) => Some(ended.status),
            _ => None,
        });
        let status = self.runtime_status;
        if ended.unwrap_or(status) != status
            || status.is_terminal() != ended.is_some()
            || status == RuntimeStatus::ContinuedAsNew
        {
            return Err(format!(
                "its status {status} is not what its events lead to"
            ));
        }
        let Some(before) = before else { return Ok(()) };
        let is_a = |kind: fn(&HistoryEventKind) -> bool| self.events.iter().any(|e| kind(&e.kind));
        if is_a(|kind| matches!(kind, HistoryEventKind::ExecutionStarted(_))) {
            return Err("an execution begins only once".into());
        }
        let goes_on = !before.runtime_status.is_terminal()
            || before.runtime_status == RuntimeStatus::Failed
                && is_a(|kind| matches!(kind, HistoryEventKind::ExecutionRewound(_)));
        match self.events.is_empty() {
            _ if !goes_on => Err(format!(
                "it comes after the end of the instance, which was {}",
                before.runtime_status
            )),
            true => Err("it has no events".into()),
            false => Ok(()),
        }
    }
}

fn is_raised(event: &HistoryEvent) -> bool {
    matches!(event.kind, HistoryEventKind::EventRaised(_))
}

/// Whether an event may wait in an inbox. What ends or rewinds an instance is asked for anew.
pub(super) fn may_wait(event: &HistoryEvent) -> bool {
    use HistoryEventKind as Event;
    matches!(
        event.kind,
        Event::EventRaised(_)
            | Event::TaskCompleted(_)
            | Event::TaskFailed(_)
            | Event::SubOrchestrationInstanceCompleted(_)
            | Event::SubOrchestrationInstanceFailed(_)
    )
}
