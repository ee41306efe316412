//! A history as a file: to look at, to keep, to replay elsewhere, to go on with in another store.

use std::fs;
use std::io;
use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{ClientError, InstanceHandle};
use crate::model::history::{HistoryEvent, decode_events};
use crate::model::instance::{ExecutionId, InstanceId, InstanceIdError};
use crate::model::status::RuntimeStatus;
use crate::store::StoredInstance;

mod check;
mod events;
mod import;
#[cfg(test)]
mod tests;

use check::may_wait;
pub use import::ImportError;

/// What the field `format` of every file says.
const FORMAT: &str = "steadfast.history";

/// The newest version of the format, and the only one so far.
const VERSION: u32 = 1;

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
/// [`HistoryEventKind`](crate::model::history::HistoryEventKind), times among them in microseconds since 1970. Payloads and custom statuses are JSON texts in strings, byte
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
        serialize_with = "events::write",
        deserialize_with = "events::read"
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
    #[serde(serialize_with = "events::write", deserialize_with = "events::read")]
    pub events: Vec<HistoryEvent>,
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
