//! A row of history, decoded.

use serde::Deserialize;
use steadfast::model::history::{HistoryEvent, HistoryEventKind as Event, decode_events};

/// Events that clients raise have numbers from here on; what orchestrators send is less.
pub(crate) const FIRST_NONCE: u64 = 1_000_000;

/// The events of a row.
pub(crate) struct Row(pub(crate) Result<Vec<HistoryEvent>, String>);

/// What the input of an execution says about it.
#[derive(Default, Deserialize)]
pub(crate) struct Begun {
    /// The events that the executions before it have taken.
    #[serde(default)]
    pub(crate) got: Vec<u64>,
    /// Whether its parent waits for it for a while only.
    #[serde(default)]
    pub(crate) is_raced: bool,
}

impl Row {
    pub(crate) fn decode(text: &str) -> Self {
        Self(decode_events(text).map_err(|error| format!("{error}: {text}")))
    }

    pub(crate) fn events(&self) -> &[HistoryEvent] {
        self.0.as_deref().unwrap_or_default()
    }

    /// The events of clients.
    pub(crate) fn raised(&self) -> impl Iterator<Item = u64> {
        self.events().iter().filter_map(|event| match &event.kind {
            Event::EventRaised(raised) => {
                let nonce: u64 = raised.input.as_ref()?.parse().ok()?;
                (nonce >= FIRST_NONCE).then_some(nonce)
            }
            _ => None,
        })
    }

    /// What an execution begins with that begins here.
    pub(crate) fn begun(&self) -> Begun {
        let input = self.events().iter().find_map(|event| match &event.kind {
            Event::ExecutionStarted(started) => started.input.as_deref(),
            _ => None,
        });
        let begun = input.and_then(|input| serde_json::from_str(input).ok());
        begun.unwrap_or_default()
    }

    /// Whether the orchestrator's code runs in this episode. It does not when its instance is paused or ended by somebody else.
    pub(crate) fn runs_code(&self) -> bool {
        let is_begun = |event: &HistoryEvent| matches!(event.kind, Event::OrchestratorStarted(_));
        let is_stopped = |event: &HistoryEvent| {
            use Event::{ExecutionResumed, ExecutionSuspended, ExecutionTerminated};
            matches!(
                event.kind,
                ExecutionSuspended(_) | ExecutionResumed(_) | ExecutionTerminated(_)
            )
        };
        self.events().iter().any(is_begun) && !self.events().iter().any(is_stopped)
    }

    pub(crate) fn is_rewound(&self) -> bool {
        self.events()
            .iter()
            .any(|event| matches!(event.kind, Event::ExecutionRewound(_)))
    }

    /// Whether it ends the instance with all that it has started.
    pub(crate) fn ends_all(&self) -> bool {
        self.events()
            .iter()
            .any(|event| matches!(&event.kind, Event::ExecutionTerminated(ended) if ended.recurse))
    }

    /// A timer that comes behind something which happened after its time.
    pub(crate) fn late_timer(&self) -> Option<i32> {
        let mut latest = None;
        for event in self.events() {
            match &event.kind {
                Event::TimerFired(timer) if latest > Some(timer.fire_at) => {
                    return Some(timer.timer_id);
                }
                Event::EventRaised(_)
                | Event::TaskCompleted(_)
                | Event::TaskFailed(_)
                | Event::SubOrchestrationInstanceCompleted(_)
                | Event::SubOrchestrationInstanceFailed(_) => {
                    latest = latest.max(Some(event.timestamp));
                }
                _ => {}
            }
        }
        None
    }

    pub(crate) fn describe(&self) -> String {
        let names = self.events().iter().map(|event| match &event.kind {
            Event::EventRaised(raised) => format!(
                "EventRaised {} {}",
                raised.name,
                raised.input.as_deref().unwrap_or_default()
            ),
            Event::TaskScheduled(_) => format!("TaskScheduled {}", event.event_id),
            Event::TaskCompleted(task) => format!("TaskCompleted {}", task.task_scheduled_id),
            Event::TaskFailed(task) => format!("TaskFailed {}", task.task_scheduled_id),
            Event::ExecutionCompleted(end) => format!("ExecutionCompleted as {}", end.status),
            kind => kind.name().to_owned(),
        });
        names.collect::<Vec<_>>().join(", ")
    }
}
