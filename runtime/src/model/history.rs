//! The events an execution's history is made of.
//!
//! Kinds, fields and the matching of completions to actions are those of the Durable Task protocol. Payloads are JSON texts,
//! kept byte for byte. Kinds for features that do not exist yet are not here: a history that holds one does not decode.

use jiff::Timestamp;
use serde::{Deserialize, Serialize, Serializer};

use super::encoded;
use super::failure::FailureDetails;
use super::instance::{ExecutionId, InstanceId, ParentInstance};
use super::status::RuntimeStatus;
use super::tags::Tags;
use super::trace_context::TraceContext;

/// The [`HistoryEvent::event_id`] of events that are not the confirmation of an action.
pub const NO_ACTION: i32 = -1;

/// The greatest id that an action in a history may have: there is room behind it for those that follow.
pub const MAX_ACTION: i32 = 1 << 30;

/// A persisted fact about an execution.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "StoredEvent")]
pub struct HistoryEvent {
    /// The id of the action that this event confirms, or [`NO_ACTION`]. Not unique within a history.
    pub event_id: i32,
    /// When it happened, to the microsecond.
    pub timestamp: Timestamp,
    /// What happened.
    pub kind: HistoryEventKind,
}

impl HistoryEvent {
    /// An event that confirms no action.
    #[must_use]
    pub fn new(timestamp: Timestamp, kind: impl Into<HistoryEventKind>) -> Self {
        Self {
            event_id: NO_ACTION,
            timestamp,
            kind: kind.into(),
        }
    }
}

/// How a kind is held: the rare large ones behind a pointer, so that all others stay small.
macro_rules! held {
    ($kind:ident) => { $kind };
    ($kind:ident boxed) => { Box<$kind> };
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident $($boxed:ident)?,)*) => {
        /// What happened.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[non_exhaustive]
        pub enum HistoryEventKind {
            $($(#[$doc])* $kind(held!($kind $($boxed)?)),)*
        }

        impl HistoryEventKind {
            /// The kind's name in the protocol.
            #[must_use]
            pub const fn name(&self) -> &'static str {
                match self { $(Self::$kind(_) => stringify!($kind),)* }
            }
        }

        $(impl From<$kind> for HistoryEventKind {
            fn from(event: $kind) -> Self {
                Self::$kind(event.into())
            }
        })*
    };
}

kinds! {
    /// An execution began.
    ExecutionStarted boxed,
    /// An execution ended.
    ExecutionCompleted boxed,
    /// A client asked for the end of the instance.
    ExecutionTerminated,
    /// An activity was asked for.
    TaskScheduled,
    /// An activity returned.
    TaskCompleted,
    /// An activity failed.
    TaskFailed boxed,
    /// A durable timer was asked for.
    TimerCreated,
    /// A durable timer fired.
    TimerFired,
    /// An episode began; its timestamp is the orchestrator's current time.
    OrchestratorStarted,
    /// An external event arrived.
    EventRaised,
    /// An event was sent to an instance, or a value was recorded: the engine keeps those under reserved names.
    EventSent,
    /// A sub-orchestration was asked for.
    SubOrchestrationInstanceCreated boxed,
    /// A sub-orchestration returned.
    SubOrchestrationInstanceCompleted,
    /// A sub-orchestration failed, was terminated, or could not be created.
    SubOrchestrationInstanceFailed boxed,
    /// A client paused the instance.
    ExecutionSuspended,
    /// A client let the instance go on.
    ExecutionResumed,
    /// A client let a failed execution go on from before its failures.
    ExecutionRewound,
}

/// An execution began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecutionStarted {
    /// The orchestrator's registered name.
    pub name: String,
    /// The input as JSON text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<String>,
    /// The execution that began.
    pub execution_id: ExecutionId,
    /// The orchestration that asked for this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<ParentInstance>,
    /// The version of the orchestrator that was chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// What the starter marked it with.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
    /// When it was to begin, if that was later than its creation.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "optional_micros"
    )]
    pub scheduled_start: Option<Timestamp>,
    /// The place in a trace that the start was asked for from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_trace: Option<TraceContext>,
}

/// An execution ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecutionCompleted {
    /// How it ended.
    pub status: RuntimeStatus,
    /// What it returned, as JSON text; the input of the next execution when it continued as new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<String>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<FailureDetails>,
}

/// A client asked for the end of the instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecutionTerminated {
    /// The reason as JSON text: it becomes the output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<String>,
    /// Whether its unfinished sub-orchestrations end too, and theirs.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub recurse: bool,
}

/// An activity was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskScheduled {
    /// The activity's registered name.
    pub name: String,
    /// Its input as JSON text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<String>,
    /// The author's tags, and what [`retry`](super::retry) keeps in them.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

/// An activity returned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskCompleted {
    /// The action that scheduled it.
    pub task_scheduled_id: i32,
    /// What it returned, as JSON text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<String>,
}

/// An activity failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskFailed {
    /// The action that scheduled it.
    pub task_scheduled_id: i32,
    /// Why.
    pub failure: FailureDetails,
}

/// A durable timer was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimerCreated {
    /// It fires not before this time.
    #[serde(with = "micros")]
    pub fire_at: Timestamp,
}

/// A durable timer fired.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimerFired {
    /// The action that created it.
    pub timer_id: i32,
    /// When it was due.
    #[serde(with = "micros")]
    pub fire_at: Timestamp,
}

/// An episode began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrchestratorStarted {}

/// An external event arrived.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventRaised {
    /// Its name as given; names are matched without regard to case.
    pub name: String,
    /// Its payload as JSON text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<String>,
}

/// An event was sent to an instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventSent {
    /// The instance that it was sent to.
    pub instance_id: InstanceId,
    /// Its name.
    pub name: String,
    /// Its payload as JSON text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<String>,
}

/// A sub-orchestration was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubOrchestrationInstanceCreated {
    /// Its instance.
    pub instance_id: InstanceId,
    /// Its orchestrator's registered name.
    pub name: String,
    /// The version that was asked for; without one, the newest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Its input as JSON text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<String>,
    /// The author's tags, and what [`retry`](super::retry) keeps in them.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

/// A sub-orchestration returned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubOrchestrationInstanceCompleted {
    /// The action that created it.
    pub task_scheduled_id: i32,
    /// What it returned, as JSON text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<String>,
}

/// A sub-orchestration failed, was terminated, or could not be created.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubOrchestrationInstanceFailed {
    /// The action that created it.
    pub task_scheduled_id: i32,
    /// Why.
    pub failure: FailureDetails,
}

/// A client paused the instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecutionSuspended {
    /// The reason as JSON text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<String>,
}

/// A client let the instance go on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecutionResumed {
    /// The reason as JSON text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<String>,
}

/// A client let a failed execution go on from before its failures. Nothing is deleted: a replay that knows of this event reads
/// what lies before it differently.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecutionRewound {
    /// The reason as JSON text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The stored form: `[event_id, microseconds, {"Kind": {..}}]`, short and still readable in the database.
#[derive(Deserialize)]
struct StoredEvent(i32, #[serde(with = "micros")] Timestamp, HistoryEventKind);

impl From<StoredEvent> for HistoryEvent {
    fn from(StoredEvent(event_id, timestamp, kind): StoredEvent) -> Self {
        Self {
            event_id,
            timestamp,
            kind,
        }
    }
}

/// As `StoredEvent`, without a copy of the event.
impl Serialize for HistoryEvent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.event_id, self.timestamp.as_microsecond(), &self.kind).serialize(serializer)
    }
}

/// Times are stored as whole microseconds since 1970.
mod micros {
    use jiff::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    use crate::model::time::from_microseconds;

    pub(super) fn serialize<S: Serializer>(
        time: &Timestamp,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(time.as_microsecond())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Timestamp, D::Error> {
        from_microseconds(i64::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// The same for a time that may be absent.
mod optional_micros {
    use jiff::Timestamp;
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    use crate::model::time::from_microseconds;

    #[expect(clippy::ref_option, reason = "serde asks for this signature")]
    pub(super) fn serialize<S: Serializer>(
        time: &Option<Timestamp>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        time.map(Timestamp::as_microsecond).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Timestamp>, D::Error> {
        let micros = Option::<i64>::deserialize(deserializer)?;
        micros
            .map(|micros| from_microseconds(micros).map_err(D::Error::custom))
            .transpose()
    }
}

/// The events of one episode as stored text.
#[must_use]
pub fn encode_events(events: &[HistoryEvent]) -> String {
    // For usual events this is enough, so that the text is seldom moved.
    let mut text = Vec::with_capacity(128 * events.len());
    serde_json::to_writer(&mut text, events)
        .expect("events are numbers, texts and maps of texts, which JSON can hold");
    String::from_utf8(text).expect("JSON is UTF-8")
}

/// The events of one episode from stored text.
///
/// # Errors
///
/// When the text is not such events, for example because a newer version wrote a kind that this one does not know, or because it
/// is encoded.
pub fn decode_events(text: &str) -> Result<Vec<HistoryEvent>, serde_json::Error> {
    serde_json::from_str(text).map_err(|error| match encoded::why_no_events(text) {
        Some(why) => serde::de::Error::custom(why),
        None => error,
    })
}

/// The events of an execution as a replay reads them, out of those of its rows, and what of the first row no episode has delivered.
///
/// The first row holds the events that begin the execution; the protocol has them within the first episode that ran code, so that is
/// where they go. Episodes that only say that the instance was suspended or resumed ran no code.
#[cfg(feature = "local")]
pub(crate) fn events_to_replay<E>(
    mut begin: Vec<HistoryEvent>,
    episodes: impl IntoIterator<Item = Result<Vec<HistoryEvent>, E>>,
) -> Result<(Vec<HistoryEvent>, Vec<HistoryEvent>), E> {
    let mut past = Vec::new();
    for events in episodes {
        let events = events?;
        if events.iter().any(is_pause) {
            continue;
        }
        let mut events = events.into_iter();
        past.extend(events.next());
        past.append(&mut begin);
        past.extend(events);
    }
    Ok((begin, past))
}

/// Whether an event is of an episode that only pauses or resumes: it has an episode of its own.
#[cfg(feature = "local")]
pub(crate) fn is_pause(event: &HistoryEvent) -> bool {
    use HistoryEventKind as Event;
    matches!(
        event.kind,
        Event::ExecutionSuspended(_) | Event::ExecutionResumed(_)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_events_are_short_and_read_back_the_same() {
        let event = HistoryEvent {
            event_id: 0,
            timestamp: Timestamp::from_microsecond(1_700_000_000_123_456).unwrap(),
            kind: TaskScheduled {
                name: "E1_SayHello".into(),
                input: Some("\"Tokyo\"".into()),
                tags: Tags::new(),
            }
            .into(),
        };
        let text = encode_events(std::slice::from_ref(&event));
        assert_eq!(
            text,
            r#"[[0,1700000000123456,{"TaskScheduled":{"name":"E1_SayHello","input":"\"Tokyo\""}}]]"#
        );
        assert_eq!(decode_events(&text).unwrap(), [event]);
    }

    #[test]
    fn the_first_and_the_last_moment_read_back() {
        for time in [Timestamp::MIN, Timestamp::UNIX_EPOCH, Timestamp::MAX] {
            let fire_at =
                Timestamp::new(time.as_second(), time.subsec_nanosecond() / 1_000 * 1_000);
            let fire_at = fire_at.unwrap();
            let event = HistoryEvent::new(fire_at, TimerCreated { fire_at });
            let text = encode_events(std::slice::from_ref(&event));
            assert_eq!(decode_events(&text).unwrap(), [event]);
        }
    }

    #[test]
    fn what_is_usual_takes_no_space_and_may_be_missing() {
        let all = concat!(
            r#"[[-1,0,{"ExecutionStarted":{"name":"E","execution_id":"0000000000000000000000000000002a"}}],"#,
            r#"[-1,0,{"ExecutionTerminated":{}}],"#,
            r#"[0,0,{"TaskScheduled":{"name":"a"}}],"#,
            r#"[1,0,{"SubOrchestrationInstanceCreated":{"instance_id":"c","name":"C"}}],"#,
            r#"[-1,0,{"SubOrchestrationInstanceCompleted":{"task_scheduled_id":1}}],"#,
            r#"[2,0,{"EventSent":{"instance_id":"c","name":"go"}}],"#,
            r#"[-1,0,{"ExecutionSuspended":{}}],"#,
            r#"[-1,0,{"ExecutionResumed":{}}],"#,
            r#"[-1,0,{"ExecutionRewound":{}}],"#,
            r#"[3,0,{"ExecutionCompleted":{"status":"ContinuedAsNew"}}]]"#,
        );
        let events = decode_events(all).unwrap();
        assert_eq!(events.len(), 10);
        assert_eq!(encode_events(&events), all);
    }

    #[test]
    fn what_is_not_usual_reads_back_the_same() {
        let tags = Tags::from([("colour".to_owned(), "red".to_owned())]);
        let started = ExecutionStarted {
            name: "E".into(),
            input: Some("1".into()),
            execution_id: ExecutionId::from_u128(42),
            parent: None,
            version: Some("1.2".into()),
            tags: tags.clone(),
            scheduled_start: Some(Timestamp::from_microsecond(1_234_567).unwrap()),
            parent_trace: TraceContext::parse(
                "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            )
            .ok(),
        };
        let failed = SubOrchestrationInstanceFailed {
            task_scheduled_id: 1,
            failure: FailureDetails::new("Lost", "lost"),
        };
        let created = SubOrchestrationInstanceCreated {
            instance_id: InstanceId::parse("c").unwrap(),
            name: "C".into(),
            version: Some("2".into()),
            input: Some("1".into()),
            tags,
        };
        let terminated = ExecutionTerminated {
            input: None,
            recurse: true,
        };
        let events = [
            HistoryEventKind::from(started),
            failed.into(),
            created.into(),
            terminated.into(),
        ]
        .map(|kind| HistoryEvent::new(Timestamp::UNIX_EPOCH, kind));
        assert_eq!(decode_events(&encode_events(&events)).unwrap(), events);
    }

    /// A replay moves each event a few times.
    #[test]
    fn an_event_is_small() {
        assert!(size_of::<HistoryEvent>() <= 96);
    }

    #[test]
    fn an_unknown_kind_does_not_decode() {
        let error = decode_events(r#"[[-1,0,{"EntityUnlockSent":{}}]]"#).unwrap_err();
        assert!(error.to_string().contains("EntityUnlockSent"), "{error}");
    }
}
