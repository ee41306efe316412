//! A history as a file: to look at, to keep, to replay elsewhere, to go on with in another store.

use std::fs;
use std::io;
use std::path::Path;

use jiff::Timestamp;
use serde::de::Error as _;
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use super::{Client, ClientError, InstanceHandle};
use crate::model::custom_status::CustomStatus;
use crate::model::history::{
    ExecutionStarted, HistoryEvent, HistoryEventKind, NO_ACTION, decode_events, encode_events,
};
use crate::model::instance::{ExecutionId, InstanceId, InstanceIdError};
use crate::model::status::RuntimeStatus;
use crate::store::{CreateInstance, HistoryRow, ImportInstance, StoredInstance};
use crate::worker::message::Request;

/// What the field `format` of every file says.
const FORMAT: &str = "steadfast.history";

/// The newest version of the format, and the only one so far.
const VERSION: u32 = 1;

/// The greatest count of changes that a file may claim: every JSON reader can hold it, and there is room to count on.
const MAX_SEQUENCE: u64 = 1 << 53;

/// The greatest action id that a file may have: those that follow must not run over.
const MAX_ACTION: i32 = 1 << 30;

/// The history of the current execution of an instance, as a file: JSON that people can read, of a stable format.
///
/// It holds what replay needs and a reader wants to know: the events of every episode, the custom statuses, and the events that
/// wait while the instance cannot take them. A rewind that was asked for and has not begun, the reports of its activities, and
/// the instances that it started are not part of it.
///
/// # The format
///
/// ```json
/// {
///   "format": "steadfast.history",
///   "format_version": 1,
///   "instance_id": "order-7",
///   "name": "ship",
///   "version": "1.2",
///   "execution_id": "0190f5b0a1b27c3d8e4f5a6b7c8d9e0f",
///   "runtime_status": "Running",
///   "created_at": "2026-01-01T12:00:00.123456Z",
///   "last_updated_at": "2026-01-01T12:00:00.123999Z",
///   "episodes": [
///     {
///       "runtime_status": "Pending",
///       "sequence": 0,
///       "events": [
///         {
///           "at": "2026-01-01T12:00:00.123456Z",
///           "ExecutionStarted": { "name": "ship", "input": "7", "execution_id": "0190f5b0a1b27c3d8e4f5a6b7c8d9e0f" }
///         }
///       ]
///     },
///     {
///       "runtime_status": "Running",
///       "sequence": 2,
///       "custom_status": "\"packing\"",
///       "events": [
///         { "at": "2026-01-01T12:00:00.123999Z", "OrchestratorStarted": {} },
///         { "at": "2026-01-01T12:00:00.123999Z", "action": 0, "TaskScheduled": { "name": "pack", "input": "7" } }
///       ]
///     }
///   ]
/// }
/// ```
///
/// The first episode is what the execution began with, and its custom status that with which it began. An event has its time,
/// the id of the action that it confirms when it confirms one, and under the name of its kind the fields of that kind: those of
/// [`HistoryEventKind`], times among them in microseconds since 1970. Payloads and custom statuses are JSON texts in strings, byte
/// for byte as they are stored. What is `null`, empty or `false` may be missing.
///
/// ```
/// # use steadfast::prelude::*;
/// use steadfast::ExportedHistory;
///
/// # async fn example(here: &Client, there: &Client) -> Result<(), Box<dyn std::error::Error>> {
/// here.instance("order-7")?.export().await?.write_to("order-7.json")?;
/// there.import(&ExportedHistory::read_from("order-7.json")?).await?;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ExportedHistory {
    /// `steadfast.history`.
    format: String,
    /// Of the format.
    format_version: u32,
    /// The instance.
    pub instance_id: InstanceId,
    /// Its orchestrator's registered name.
    pub name: String,
    /// Its orchestrator's version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Its current execution.
    pub execution_id: ExecutionId,
    /// Where it was in its life after the last episode.
    pub runtime_status: RuntimeStatus,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last committed anything.
    pub last_updated_at: Timestamp,
    /// Whether its payloads are [blanked](Self::redact).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub redacted: bool,
    /// Its episodes. The first one holds what began the execution.
    pub episodes: Vec<ExportedEpisode>,
    /// What waited in its inbox: events that came while it was suspended, stalled or not begun.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        serialize_with = "write_events",
        deserialize_with = "read_events"
    )]
    pub inbox: Vec<HistoryEvent>,
}

/// An episode of an [`ExportedHistory`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ExportedEpisode {
    /// Where the instance was in its life after it.
    pub runtime_status: RuntimeStatus,
    /// How many visible changes the instance had had.
    pub sequence: u64,
    /// The JSON text of the custom status, when the episode changed it: `null` when it was cleared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_status: Option<String>,
    /// What happened.
    #[serde(serialize_with = "write_events", deserialize_with = "read_events")]
    pub events: Vec<HistoryEvent>,
}

fn write_events<S: Serializer>(events: &[HistoryEvent], serializer: S) -> Result<S::Ok, S::Error> {
    struct Readable<'a>(&'a HistoryEvent);

    impl Serialize for Readable<'_> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let event = self.0;
            let mut map = serializer.serialize_map(None)?;
            map.serialize_entry("at", &event.timestamp)?;
            if event.event_id != NO_ACTION {
                map.serialize_entry("action", &event.event_id)?;
            }
            // A kind is stored as a map of its name to its fields.
            let kind = serde_json::to_value(&event.kind).map_err(serde::ser::Error::custom)?;
            for (name, fields) in kind.as_object().into_iter().flatten() {
                map.serialize_entry(name, fields)?;
            }
            map.end()
        }
    }

    serializer.collect_seq(events.iter().map(Readable))
}

fn read_events<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<HistoryEvent>, D::Error> {
    let events = Vec::<Map<String, Value>>::deserialize(deserializer)?;
    let event = |mut event: Map<String, Value>| -> Result<HistoryEvent, serde_json::Error> {
        let Some(at) = event.remove("at") else {
            return Err(serde_json::Error::custom("an event has no time `at`"));
        };
        let action = event.remove("action");
        if event.len() != 1 {
            return Err(serde_json::Error::custom(
                "an event has `at`, perhaps `action`, and its kind, and nothing else",
            ));
        }
        Ok(HistoryEvent {
            event_id: action.map_or(Ok(NO_ACTION), serde_json::from_value)?,
            timestamp: serde_json::from_value(at)?,
            kind: serde_json::from_value(Value::Object(event))?,
        })
    };
    let events = events.into_iter().map(event);
    events.collect::<Result<_, _>>().map_err(D::Error::custom)
}

/// A file or text is not a history that can be imported.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// The file cannot be read or written.
    #[error("the file `{path}` cannot be used")]
    File {
        /// The file.
        path: String,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// It is not JSON of this format.
    #[error("it is not an exported history: {0}")]
    Json(#[from] serde_json::Error),
    /// It is JSON of another format, or of a newer version of this one.
    #[error(
        "it is of the format `{format}` version {version}; this program reads `{FORMAT}` up to version {VERSION}: use the \
         steadfast that wrote it, or a newer one"
    )]
    Format {
        /// Its format.
        format: String,
        /// The format's version.
        version: u32,
    },
    /// It is of the format, and what it says cannot be.
    #[error("the exported history of `{id}` is not one that an instance can have: {message}")]
    Content {
        /// The instance.
        id: InstanceId,
        /// What cannot be.
        message: String,
    },
    /// The instance cannot be created.
    #[error(transparent)]
    Client(#[from] ClientError),
}

impl ExportedHistory {
    /// That of an instance in a store.
    ///
    /// # Errors
    ///
    /// What of it cannot be decoded, and why.
    pub(crate) fn of(stored: StoredInstance) -> Result<Self, String> {
        let episodes = stored.history.into_iter().map(|row| {
            Ok(ExportedEpisode {
                events: decode_events(&row.events)
                    .map_err(|error| format!("the history of episode {}: {error}", row.episode))?,
                runtime_status: row.runtime_status,
                sequence: row.sequence,
                custom_status: row.custom_status,
            })
        });
        let episodes = episodes.collect::<Result<Vec<ExportedEpisode>, String>>()?;
        let mut inbox = Vec::new();
        for row in stored.inbox {
            let events = decode_events(&row.event)
                .map_err(|error| format!("message {} of the inbox: {error}", row.sequence))?;
            inbox.extend(events.into_iter().filter(may_wait));
        }
        let header = stored.header;
        // One that is rewound and has not begun to go on: the request for it is a message.
        let last = episodes.last().map(|last| last.runtime_status);
        Ok(Self {
            format: FORMAT.into(),
            format_version: VERSION,
            instance_id: header.id,
            name: header.name,
            version: header.version,
            execution_id: header.execution_id,
            runtime_status: last.unwrap_or(header.runtime_status),
            created_at: header.created_at,
            last_updated_at: header.last_updated_at,
            redacted: false,
            inbox,
            episodes,
        })
    }

    /// As JSON text, for people and programs.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self)
            .expect("a history is numbers, texts and maps of texts, which JSON can hold")
    }

    /// From JSON text.
    ///
    /// # Errors
    ///
    /// [`ImportError`] says what is wrong.
    pub fn from_json(json: &str) -> Result<Self, ImportError> {
        #[derive(Deserialize)]
        struct Header {
            format: String,
            format_version: u32,
        }
        let header: Header = serde_json::from_str(json)?;
        if header.format != FORMAT || !(1..=VERSION).contains(&header.format_version) {
            return Err(ImportError::Format {
                format: header.format,
                version: header.format_version,
            });
        }
        let history: Self = serde_json::from_str(json)?;
        history.check()?;
        Ok(history)
    }

    /// Writes it to a file, in place of what is there.
    ///
    /// # Errors
    ///
    /// [`ImportError::File`].
    pub fn write_to(&self, path: impl AsRef<Path>) -> Result<(), ImportError> {
        let path = path.as_ref();
        fs::write(path, self.to_json()).map_err(|source| file(path, source))
    }

    /// Reads it from a file.
    ///
    /// # Errors
    ///
    /// [`ImportError`] says what is wrong.
    pub fn read_from(path: impl AsRef<Path>) -> Result<Self, ImportError> {
        let path = path.as_ref();
        let json = fs::read_to_string(path).map_err(|source| file(path, source))?;
        Self::from_json(&json)
    }

    /// The same history for an instance of another id.
    ///
    /// The execution stays the same, and with it the ids of the orchestrations that it started without giving them one. So this is
    /// for another store, or for one from which the original is gone: in the same store both would have the same children.
    ///
    /// # Errors
    ///
    /// When the text is not an instance id.
    pub fn with_id(mut self, id: impl Into<String>) -> Result<Self, InstanceIdError> {
        self.instance_id = InstanceId::parse(id)?;
        Ok(self)
    }

    /// Checks what every history has in common, and gives the event that began the execution. Whether the orchestrator's code
    /// agrees with it, only a replay can say.
    fn check(&self) -> Result<&ExecutionStarted, ImportError> {
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
fn may_wait(event: &HistoryEvent) -> bool {
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

fn file(path: &Path, source: io::Error) -> ImportError {
    ImportError::File {
        path: path.display().to_string(),
        source,
    }
}

impl InstanceHandle {
    /// The history of the current execution, to be written to a file.
    ///
    /// # Errors
    ///
    /// [`ClientError::NotFound`] when there is no such instance.
    pub async fn export(&self) -> Result<ExportedHistory, ClientError> {
        let stored = self.client().load(self.id()).await?;
        ExportedHistory::of(stored).map_err(|message| ClientError::Undecodable {
            id: self.id().clone(),
            message,
        })
    }
}

impl Client {
    /// Creates an instance with the history that it had elsewhere, under the id that it had there or
    /// [another](ExportedHistory::with_id). One that had not ended goes on here: its activities run, its timers fire. Make sure that
    /// it no longer does so there. Where the same execution is already under that id, nothing changes.
    ///
    /// # Errors
    ///
    /// [`ImportError::Content`] when the history cannot be, and [`ClientError::AlreadyExists`] when the id is taken. An orchestrator that
    /// this program does not have, or has otherwise, is no error here: the instance shows that it is stalled.
    pub async fn import(&self, history: &ExportedHistory) -> Result<InstanceHandle, ImportError> {
        let started = history.check()?;
        if history.redacted {
            return Err(ImportError::Content {
                id: history.instance_id.clone(),
                message: "its payloads are blanked, so that it cannot go on; export it anew".into(),
            });
        }
        let row = |(episode, exported): (usize, &ExportedEpisode)| HistoryRow {
            episode: episode as u64,
            events: encode_events(&exported.events),
            custom_status: exported.custom_status.clone(),
            runtime_status: exported.runtime_status,
            sequence: exported.sequence,
        };
        let mut rows = history.episodes.iter().enumerate().map(row);
        let first = rows.next();
        let id = history.instance_id.clone();
        let import = ImportInstance {
            create: CreateInstance {
                id: id.clone(),
                name: history.name.clone(),
                version: started.version.clone(),
                execution_id: history.execution_id,
                created_at: history.created_at,
                start_at: started.scheduled_start,
                parent: started.parent.clone(),
                tags: started.tags.clone(),
                custom_status: first.as_ref().and_then(|first| first.custom_status.clone()),
                events: first.map(|first| first.events).unwrap_or_default(),
                replaces: Vec::new(),
            },
            rows: rows.collect(),
            inbox: history
                .inbox
                .iter()
                .map(|event| encode_events(std::slice::from_ref(event)))
                .collect(),
            runtime_status: history.runtime_status,
            last_updated_at: history.last_updated_at,
        };
        let import = Box::new(import);
        self.ask(|reply| Request::Import { import, reply }).await?;
        Ok(InstanceHandle::new(self.clone(), id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the documentation, rewound after a failure.
    const SHIP: &str = r#"{
  "format": "steadfast.history",
  "format_version": 1,
  "instance_id": "order-7",
  "name": "ship",
  "version": "1.2",
  "execution_id": "0190f5b0a1b27c3d8e4f5a6b7c8d9e0f",
  "runtime_status": "Running",
  "created_at": "2026-01-01T12:00:00.123456Z",
  "last_updated_at": "2026-01-01T12:00:02Z",
  "episodes": [
    {
      "runtime_status": "Pending",
      "sequence": 0,
      "events": [
        {
          "at": "2026-01-01T12:00:00.123456Z",
          "ExecutionStarted": {
            "execution_id": "0190f5b0a1b27c3d8e4f5a6b7c8d9e0f",
            "input": "[7,  \"é\"]",
            "name": "ship",
            "version": "1.2"
          }
        }
      ]
    },
    {
      "runtime_status": "Failed",
      "sequence": 2,
      "custom_status": "\"packing\"",
      "events": [
        {
          "at": "2026-01-01T12:00:01Z",
          "OrchestratorStarted": {}
        },
        {
          "at": "2026-01-01T12:00:01Z",
          "action": 0,
          "TaskScheduled": {
            "name": "pack"
          }
        },
        {
          "at": "2026-01-01T12:00:01Z",
          "action": 1,
          "ExecutionCompleted": {
            "failure": {
              "error_message": "no box",
              "error_type": "E"
            },
            "status": "Failed"
          }
        }
      ]
    },
    {
      "runtime_status": "Running",
      "sequence": 3,
      "events": [
        {
          "at": "2026-01-01T12:00:02Z",
          "ExecutionRewound": {}
        }
      ]
    }
  ]
}"#;

    fn refused(json: &str) -> String {
        ExportedHistory::from_json(json).unwrap_err().to_string()
    }

    #[test]
    fn a_file_is_written_as_it_was_read() {
        let history = ExportedHistory::from_json(SHIP).unwrap();
        assert_eq!(history.to_json(), SHIP);
        let events = &history.episodes[1].events;
        assert_eq!((events[0].event_id, events[1].event_id), (NO_ACTION, 0));
        let other = history.with_id("copy").unwrap();
        assert_eq!(other.instance_id.as_str(), "copy");
        assert!(other.with_id("a/b").is_err());
    }

    #[test]
    fn what_is_no_history_is_refused_with_the_reason() {
        for (json, told) in [
            ("", "it is not an exported history"),
            ("[]", "it is not an exported history"),
            (
                r#"{"format":"steadfast.history","format_version":2}"#,
                "version 2; this program reads `steadfast.history` up to version 1",
            ),
            (
                r#"{"format":"steadfast.history","format_version":0}"#,
                "version 0;",
            ),
            (
                r#"{"format":"other","format_version":1}"#,
                "the format `other` version 1",
            ),
            (
                r#"{"format":"steadfast.history","format_version":1}"#,
                "missing field `instance_id`",
            ),
        ] {
            let error = refused(json);
            assert!(error.contains(told), "{json}: {error}");
        }
    }

    #[test]
    fn a_history_that_cannot_be_is_refused_with_the_reason() {
        for (part, instead, told) in [
            ("order-7", "order/7", "'/'"),
            (
                "\"name\": \"ship\",\n  \"version\": \"1.2\"",
                "\"name\": \"ship\"",
                "another name, version or execution id",
            ),
            (
                "\"runtime_status\": \"Running\",\n  \"created_at\"",
                "\"runtime_status\": \"Failed\",\n  \"created_at\"",
                "it is Failed, and after its last episode it was Running",
            ),
            (
                "\"ExecutionStarted\"",
                "\"EntityLocked\"",
                "unknown variant `EntityLocked`",
            ),
            (
                "\"sequence\": 2",
                "\"sequence\": 4",
                "episode 2: its sequence of changes, 3, goes back",
            ),
            (
                "\"sequence\": 3",
                "\"sequence\": 18446744073709551615",
                "is too large",
            ),
            (
                "\"sequence\": 3,",
                "\"sequence\": 3, \"more\": 1,",
                "unknown field `more`",
            ),
            (
                "ExecutionRewound",
                "OrchestratorStarted",
                "it comes after the end",
            ),
            (
                "\"status\": \"Failed\"",
                "\"status\": \"Completed\"",
                "episode 1: its status Failed is not what its events lead to",
            ),
            ("\\\"packing\\\"", "packing", "the custom status is no JSON"),
            (
                "\"action\": 0,",
                "\"action\": 0, \"extra\": 0,",
                "its kind, and nothing else",
            ),
            (
                "\"at\": \"2026-01-01T12:00:02Z\",",
                "",
                "an event has no time `at`",
            ),
        ] {
            assert!(SHIP.contains(part), "{part}");
            let error = refused(&SHIP.replace(part, instead));
            assert!(error.contains(told), "{instead}: {error}");
        }
        let history = ExportedHistory::from_json(SHIP).unwrap();
        let mut empty = history.clone();
        empty.episodes.clear();
        let mut twice = history.clone();
        let started = twice.episodes[0].events[0].clone();
        twice.episodes[2].events.push(started);
        let mut early = history;
        let scheduled = early.episodes[1].events[1].clone();
        early.episodes[0].events.push(scheduled);
        for (history, told) in [
            (empty, "does not begin with `ExecutionStarted`"),
            (twice, "begins only once"),
            (early, "its first episode has a `TaskScheduled`"),
        ] {
            let error = refused(&history.to_json());
            assert!(error.contains(told), "{error}");
        }
    }

    #[test]
    fn a_damaged_file_is_refused_or_read_and_never_a_panic() {
        for at in 0..SHIP.len() {
            for byte in [b'"', b'0', b'9', b'-', b'}', b',', b'n'] {
                let mut damaged = SHIP.as_bytes().to_vec();
                damaged[at] = byte;
                if let Ok(text) = String::from_utf8(damaged) {
                    drop(ExportedHistory::from_json(&text));
                }
            }
            if let Some(cut) = SHIP.get(..at) {
                assert!(ExportedHistory::from_json(cut).is_err());
            }
        }
    }
}
