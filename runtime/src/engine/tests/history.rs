//! Histories and new events, written down.

use jiff::Timestamp;

use crate::model::failure::FailureDetails;
use crate::model::history::{
    EventRaised, EventSent, ExecutionCompleted, ExecutionStarted, ExecutionTerminated,
    HistoryEvent, HistoryEventKind, NO_ACTION, OrchestratorStarted,
    SubOrchestrationInstanceCompleted, SubOrchestrationInstanceCreated,
    SubOrchestrationInstanceFailed, TaskCompleted, TaskFailed, TaskScheduled, TimerCreated,
    TimerFired,
};
use crate::model::instance::{ExecutionId, InstanceId};
use crate::model::status::RuntimeStatus;
use crate::model::tags::Tags;

pub(super) const EXECUTION: ExecutionId = ExecutionId::from_u128(0x5eed);

/// The time that lies so many seconds after the time at which the tests begin.
pub(super) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + seconds).unwrap()
}

/// No events yet. Also the way to write new events, which are a history without its episodes.
pub(super) fn history() -> History {
    History {
        events: Vec::new(),
        time: at(0),
    }
}

/// What the first episode of every execution is given.
pub(super) fn started() -> History {
    history().started("E", None)
}

#[derive(Clone, Debug)]
pub(super) struct History {
    events: Vec<HistoryEvent>,
    time: Timestamp,
}

impl History {
    /// An episode begins. What follows happened at this time.
    pub(super) fn episode(mut self, time: Timestamp) -> Self {
        self.time = time;
        self.happened(OrchestratorStarted {})
    }

    pub(super) fn started(self, name: &str, input: Option<&str>) -> Self {
        self.happened(ExecutionStarted {
            name: name.into(),
            input: input.map(Into::into),
            execution_id: EXECUTION,
            parent: None,
            version: None,
            tags: Tags::new(),
            scheduled_start: None,
            parent_trace: None,
        })
    }

    pub(super) fn scheduled(self, id: i32, name: &str, input: &str) -> Self {
        let scheduled = TaskScheduled {
            name: name.into(),
            input: Some(input.into()),
            tags: Tags::new(),
        };
        self.confirmed(id, scheduled)
    }

    pub(super) fn completed(self, task_scheduled_id: i32, result: &str) -> Self {
        self.happened(TaskCompleted {
            task_scheduled_id,
            result: Some(result.into()),
        })
    }

    pub(super) fn failed(self, task_scheduled_id: i32, failure: &FailureDetails) -> Self {
        self.happened(TaskFailed {
            task_scheduled_id,
            failure: failure.clone(),
        })
    }

    pub(super) fn child_created(self, id: i32, child: &str, name: &str, input: &str) -> Self {
        self.confirmed(
            id,
            SubOrchestrationInstanceCreated {
                instance_id: InstanceId::parse(child).unwrap(),
                name: name.into(),
                version: None,
                input: Some(input.into()),
                tags: Tags::new(),
            },
        )
    }

    pub(super) fn child_completed(self, task_scheduled_id: i32, result: &str) -> Self {
        self.happened(SubOrchestrationInstanceCompleted {
            task_scheduled_id,
            result: Some(result.into()),
        })
    }

    pub(super) fn child_failed(self, task_scheduled_id: i32, failure: &FailureDetails) -> Self {
        self.happened(SubOrchestrationInstanceFailed {
            task_scheduled_id,
            failure: failure.clone(),
        })
    }

    pub(super) fn sent(self, id: i32, to: &str, name: &str, data: Option<&str>) -> Self {
        self.confirmed(
            id,
            EventSent {
                instance_id: InstanceId::parse(to).unwrap(),
                name: name.into(),
                input: data.map(Into::into),
            },
        )
    }

    pub(super) fn timer_created(self, id: i32, fire_at: Timestamp) -> Self {
        self.confirmed(id, TimerCreated { fire_at })
    }

    pub(super) fn timer_fired(self, timer_id: i32, fire_at: Timestamp) -> Self {
        self.happened(TimerFired { timer_id, fire_at })
    }

    pub(super) fn raised(self, name: &str, payload: &str) -> Self {
        self.happened(EventRaised {
            name: name.into(),
            input: Some(payload.into()),
        })
    }

    pub(super) fn terminated(self, reason: &str) -> Self {
        self.happened(ExecutionTerminated {
            input: Some(reason.into()),
            recurse: false,
        })
    }

    /// The orchestrator returned this.
    pub(super) fn ended(self, id: i32, result: &str) -> Self {
        self.confirmed(
            id,
            ExecutionCompleted {
                status: RuntimeStatus::Completed,
                result: Some(result.into()),
                failure: None,
            },
        )
    }

    /// Something happened to the execution.
    pub(super) fn happened(self, kind: impl Into<HistoryEventKind>) -> Self {
        self.confirmed(NO_ACTION, kind)
    }

    /// An action was confirmed.
    pub(super) fn confirmed(mut self, event_id: i32, kind: impl Into<HistoryEventKind>) -> Self {
        self.events.push(HistoryEvent {
            event_id,
            timestamp: self.time,
            kind: kind.into(),
        });
        self
    }

    /// What follows happened at this time, in the same episode.
    pub(super) const fn at(mut self, time: Timestamp) -> Self {
        self.time = time;
        self
    }

    /// The same events, all at this time.
    pub(super) fn all_at(mut self, time: Timestamp) -> Self {
        for event in &mut self.events {
            event.timestamp = time;
        }
        self
    }

    pub(super) fn build(self) -> Vec<HistoryEvent> {
        self.events
    }
}
