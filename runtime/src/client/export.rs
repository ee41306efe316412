//! A history as a file: to look at, to keep, to replay elsewhere, to go on with in another store.

use std::fs;
use std::io;
use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Client, ClientError, InstanceHandle};
use crate::model::custom_status::CustomStatus;
use crate::model::history::{
    ExecutionStarted, HistoryEvent, HistoryEventKind, decode_events, encode_events,
};
use crate::model::instance::{ExecutionId, InstanceId};
use crate::model::status::RuntimeStatus;
use crate::store::{CreateInstance, HistoryRow, ImportInstance};
use crate::worker::message::{Reply, Request, RequestError};

/// What the field `format` of every file says.
const FORMAT: &str = "steadfast.history";

/// The newest version of the format, and the only one so far.
const VERSION: u32 = 1;

/// The history of the current execution of an instance, as a file: JSON of a stable format.
///
/// It holds what replay needs and a reader wants to know: the events of every episode, and the custom statuses. Messages that the
/// instance has not taken, reports of its activities, and instances that it started are not part of it.
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
    /// Where it was in its life.
    pub runtime_status: RuntimeStatus,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last committed anything.
    pub last_updated_at: Timestamp,
    /// Its episodes. The first one holds what began the execution.
    pub episodes: Vec<ExportedEpisode>,
}

/// An episode of an [`ExportedHistory`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportedEpisode {
    /// What happened.
    pub events: Vec<HistoryEvent>,
    /// The JSON text of the custom status, when the episode changed it: `null` when it was cleared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_status: Option<String>,
    /// Where the instance was in its life after it.
    pub runtime_status: RuntimeStatus,
    /// How many visible changes the instance had had.
    pub sequence: u64,
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
        "it is of the format `{format}` version {version}; this program reads `{FORMAT}` version {VERSION}: use the version of \
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
        if header.format != FORMAT || header.format_version != VERSION {
            return Err(ImportError::Format {
                format: header.format,
                version: header.format_version,
            });
        }
        let history: Self = serde_json::from_str(json)?;
        history.started()?;
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

    /// The event that began the execution, when the rest goes with it.
    fn started(&self) -> Result<&ExecutionStarted, ImportError> {
        let wrong = |message: &str| ImportError::Content {
            id: self.instance_id.clone(),
            message: message.to_owned(),
        };
        let first = self.episodes.first().and_then(|first| first.events.first());
        let Some(HistoryEventKind::ExecutionStarted(started)) = first.map(|event| &event.kind)
        else {
            return Err(wrong("it does not begin with `ExecutionStarted`"));
        };
        if started.execution_id != self.execution_id || started.name != self.name {
            return Err(wrong("its beginning is that of another execution"));
        }
        let statuses = self
            .episodes
            .iter()
            .filter_map(|episode| episode.custom_status.as_ref());
        for status in statuses {
            CustomStatus::from_json(status).map_err(|error| wrong(&error.to_string()))?;
        }
        let last = self.episodes.last().map(|last| last.runtime_status);
        if last.is_some_and(|last| last != self.runtime_status) && self.runtime_status.is_terminal()
        {
            return Err(wrong("its last episode did not end it"));
        }
        if self
            .episodes
            .windows(2)
            .any(|two| two[0].sequence > two[1].sequence)
        {
            return Err(wrong("its count of changes goes backwards"));
        }
        Ok(started)
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
        let episodes = stored.history.into_iter().map(|row| {
            Ok(ExportedEpisode {
                events: decode_events(&row.events).map_err(|error| ClientError::Undecodable {
                    id: self.id().clone(),
                    message: format!("the history of episode {}: {error}", row.episode),
                })?,
                custom_status: row.custom_status,
                runtime_status: row.runtime_status,
                sequence: row.sequence,
            })
        });
        let header = stored.header;
        Ok(ExportedHistory {
            format: FORMAT.into(),
            format_version: VERSION,
            instance_id: header.id,
            name: header.name,
            version: header.version,
            execution_id: header.execution_id,
            runtime_status: header.runtime_status,
            created_at: header.created_at,
            last_updated_at: header.last_updated_at,
            episodes: episodes.collect::<Result<_, ClientError>>()?,
        })
    }
}

impl Client {
    /// Creates an instance with the history that it had elsewhere, under the id that it had there. One that had not ended goes on
    /// here: its activities run, its timers fire. Make sure that it no longer does so there.
    ///
    /// # Errors
    ///
    /// [`ImportError::Content`] when the history cannot be, and [`ClientError::AlreadyExists`] when the id is taken. An orchestrator that
    /// this program does not have, or has otherwise, is no error here: the instance shows that it is stalled.
    pub async fn import(&self, history: &ExportedHistory) -> Result<InstanceHandle, ImportError> {
        let started = history.started()?;
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
            runtime_status: history.runtime_status,
            last_updated_at: history.last_updated_at,
        };
        let (reply, answer) = Reply::channel();
        let import = Box::new(import);
        self.send(Request::Import { import, reply });
        answer
            .await
            .unwrap_or(Err(RequestError::ShutDown))
            .map_err(ClientError::from)?;
        Ok(InstanceHandle::new(self.clone(), id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_a_history_is_refused_with_the_reason() {
        for (json, told) in [
            ("", "it is not an exported history"),
            ("[]", "it is not an exported history"),
            (
                r#"{"format":"steadfast.history","format_version":2}"#,
                "version 2; this program reads `steadfast.history` version 1",
            ),
            (
                r#"{"format":"steadfast.history","format_version":1}"#,
                "missing field `instance_id`",
            ),
            (
                r#"{"format":"steadfast.history","format_version":1,"instance_id":"a","name":"n",
                    "execution_id":"00000000000000000000000000000001","runtime_status":"Running",
                    "created_at":"2026-01-01T00:00:00Z","last_updated_at":"2026-01-01T00:00:00Z","episodes":[]}"#,
                "it does not begin with `ExecutionStarted`",
            ),
        ] {
            let error = ExportedHistory::from_json(json).unwrap_err().to_string();
            assert!(error.contains(told), "{json}: {error}");
        }
    }
}
