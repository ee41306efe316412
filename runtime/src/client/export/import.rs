//! Creating an instance with the history that it had elsewhere.

use std::io;

use super::{ExportedEpisode, ExportedHistory, FORMAT, VERSION};
use crate::client::{Client, ClientError, InstanceHandle};
use crate::model::history::encode_events;
use crate::model::instance::InstanceId;
use crate::store::{CreateInstance, HistoryRow, ImportInstance};
use crate::worker::message::Request;

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
