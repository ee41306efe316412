//! Events made of bytes: some that fit what an execution asks for, and some that cannot be.

use arbitrary::{Arbitrary, Result, Unstructured};
use steadfast::model::failure::FailureDetails;
use steadfast::model::history::{
    EventRaised, EventSent, ExecutionCompleted, ExecutionResumed, ExecutionRewound,
    ExecutionStarted, ExecutionSuspended, ExecutionTerminated, HistoryEvent, HistoryEventKind,
    NO_ACTION, OrchestratorStarted, SubOrchestrationInstanceCompleted,
    SubOrchestrationInstanceCreated, SubOrchestrationInstanceFailed, TaskCompleted, TaskFailed,
    TaskScheduled, TimerCreated, TimerFired,
};
use steadfast::model::tags::Tags;
use steadfast::{ExecutionId, InstanceId, RuntimeStatus, Timestamp};

/// A moment that executions are at.
pub(super) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + second).unwrap()
}

pub(super) fn time(u: &mut Unstructured<'_>) -> Result<Timestamp> {
    if u.ratio(7, 8)? {
        return Ok(at(u.int_in_range(0..=60)?));
    }
    let range = Timestamp::MIN.as_microsecond()..=Timestamp::MAX.as_microsecond();
    let microseconds = u.int_in_range(range)?;
    let (seconds, rest) = (microseconds / 1_000_000, microseconds % 1_000_000);
    Ok(Timestamp::new(seconds, (rest * 1_000) as i32).unwrap())
}

/// The id of an action, most often one that a short history has.
pub(super) fn action(u: &mut Unstructured<'_>) -> Result<i32> {
    if u.ratio(15, 16)? {
        return u.int_in_range(0..=7);
    }
    u.arbitrary()
}

/// A short text, most often one that something is called.
pub(super) fn text(u: &mut Unstructured<'_>) -> Result<String> {
    if u.ratio(7, 8)? {
        let names = ["work", "Steps", "a", "b", "A", "other", "x", ""];
        return Ok((*u.choose(&names)?).to_owned());
    }
    String::arbitrary(u)
}

/// A payload: mostly JSON.
pub(super) fn payload(u: &mut Unstructured<'_>) -> Result<Option<String>> {
    if u.ratio(7, 8)? {
        let payloads = [
            "1",
            "null",
            "\"a\"",
            "[1]",
            "{}",
            "true",
            "[\"AAAA\"]",
            "{",
            "",
        ];
        return Ok(Some((*u.choose(&payloads)?).to_owned()));
    }
    u.arbitrary()
}

fn instance_id(u: &mut Unstructured<'_>) -> Result<InstanceId> {
    let id = text(u)?;
    Ok(InstanceId::parse(id).unwrap_or_else(|_| InstanceId::parse("other").unwrap()))
}

fn tags(u: &mut Unstructured<'_>) -> Result<Tags> {
    let mut tags = Tags::new();
    for _ in 0..u.int_in_range(0..=2)? {
        let names = [
            "steadfast.retry",
            "steadfast.attempt",
            "steadfast.first",
            "steadfast.timeout",
            "steadfast.total_timeout",
            "mine",
        ];
        let policies = [
            "2",
            "0",
            "99999999999999999999",
            r#"{"max_attempts":3,"first_interval":1000000}"#,
            r#"{"max_attempts":4294967295,"first_interval":18446744073709551615,"backoff_coefficient":1e300}"#,
        ];
        let value = match u.ratio(3, 4)? {
            true => (*u.choose(&policies)?).to_owned(),
            false => String::arbitrary(u)?,
        };
        tags.insert((*u.choose(&names)?).to_owned(), value);
    }
    Ok(tags)
}

pub(super) fn failure(u: &mut Unstructured<'_>) -> Result<FailureDetails> {
    Ok(FailureDetails {
        is_non_retriable: u.arbitrary()?,
        ..FailureDetails::new(text(u)?, text(u)?)
    })
}

pub(super) fn status(u: &mut Unstructured<'_>) -> Result<RuntimeStatus> {
    use RuntimeStatus as S;
    let all = [
        S::Running,
        S::Completed,
        S::Failed,
        S::Pending,
        S::Suspended,
        S::Terminated,
        S::Canceled,
        S::ContinuedAsNew,
    ];
    Ok(*u.choose(&all)?)
}

/// The event that begins an execution of `Steps`.
pub(super) fn started(program: &[u8], execution_id: ExecutionId) -> HistoryEvent {
    let started = ExecutionStarted {
        name: "Steps".into(),
        input: Some(serde_json::to_string(program).unwrap()),
        execution_id,
        parent: None,
        version: None,
        tags: Tags::new(),
        scheduled_start: None,
        parent_trace: None,
    };
    HistoryEvent::new(at(0), started)
}

/// What may happen to an execution.
pub(super) fn happening(u: &mut Unstructured<'_>) -> Result<HistoryEvent> {
    let kind: HistoryEventKind = match u.int_in_range(0..=11)? {
        0..=2 => TaskCompleted {
            task_scheduled_id: action(u)?,
            result: payload(u)?,
        }
        .into(),
        3 => TaskFailed {
            task_scheduled_id: action(u)?,
            failure: failure(u)?,
        }
        .into(),
        4 | 5 => TimerFired {
            timer_id: action(u)?,
            fire_at: time(u)?,
        }
        .into(),
        6 | 7 => EventRaised {
            name: text(u)?,
            input: payload(u)?,
        }
        .into(),
        8 => SubOrchestrationInstanceCompleted {
            task_scheduled_id: action(u)?,
            result: payload(u)?,
        }
        .into(),
        9 => SubOrchestrationInstanceFailed {
            task_scheduled_id: action(u)?,
            failure: failure(u)?,
        }
        .into(),
        10 => ExecutionTerminated {
            input: payload(u)?,
            recurse: u.arbitrary()?,
        }
        .into(),
        _ => match u.arbitrary()? {
            true => ExecutionSuspended { input: payload(u)? }.into(),
            false => ExecutionResumed { input: payload(u)? }.into(),
        },
    };
    Ok(HistoryEvent::new(time(u)?, kind))
}

/// Any event at all.
pub(super) fn any(u: &mut Unstructured<'_>) -> Result<HistoryEvent> {
    if u.ratio(1, 3)? {
        return happening(u);
    }
    let kind: HistoryEventKind = match u.int_in_range(0..=8)? {
        0 => OrchestratorStarted {}.into(),
        1 | 2 => TaskScheduled {
            name: text(u)?,
            input: payload(u)?,
            tags: tags(u)?,
        }
        .into(),
        3 => TimerCreated { fire_at: time(u)? }.into(),
        4 => EventSent {
            instance_id: instance_id(u)?,
            name: match u.arbitrary()? {
                true => text(u)?,
                false => format!(
                    "steadfast.{}",
                    u.choose(&["side", "patch", "refused", "x"])?
                ),
            },
            input: payload(u)?,
        }
        .into(),
        5 => SubOrchestrationInstanceCreated {
            instance_id: instance_id(u)?,
            name: text(u)?,
            version: u.arbitrary()?,
            input: payload(u)?,
            tags: tags(u)?,
        }
        .into(),
        6 => ExecutionCompleted {
            status: status(u)?,
            result: payload(u)?,
            failure: match u.arbitrary()? {
                true => Some(failure(u)?),
                false => None,
            },
        }
        .into(),
        7 => ExecutionRewound {
            reason: payload(u)?,
        }
        .into(),
        _ => started(&[], ExecutionId::from_u128(u.int_in_range(0..=2)?)).kind,
    };
    let event_id = match u.ratio(3, 4)? {
        true => action(u)?,
        false => NO_ACTION,
    };
    Ok(HistoryEvent {
        event_id,
        timestamp: time(u)?,
        kind,
    })
}

pub(super) fn several(
    u: &mut Unstructured<'_>,
    most: usize,
    one: fn(&mut Unstructured<'_>) -> Result<HistoryEvent>,
) -> Result<Vec<HistoryEvent>> {
    let count = u.int_in_range(0..=most)?;
    (0..count).map(|_| one(u)).collect()
}
