//! One instance with everything that belongs to it.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::model::instance::Incarnation;
use crate::model::status::{ActivityProgress, RuntimeStatus};
use crate::model::tags::Tags;
use crate::model::time::whole_microseconds;
use crate::store::{
    ChangeRow, CreateInstance, EpisodeWrite, Filtered, HistoryRow, ImportInstance, InboxRow,
    InstanceHeader, InstanceRows, Refused, StoreError, StoreErrorKind, StoredInstance,
    starts_a_change,
};

pub(super) struct Instance {
    pub(super) header: InstanceHeader,
    /// Those of the current execution: the first is that of `first_episode`, and none is missing.
    pub(super) history: Vec<HistoryRow>,
    pub(super) inbox: Vec<InboxRow>,
    pub(super) progress: BTreeMap<i32, ActivityProgress>,
    pub(super) tags: Tags,
}

/// What an episode finds.
pub(super) enum Advanced {
    /// It was applied.
    Now,
    /// It had been applied before.
    Before,
}

impl Instance {
    pub(super) fn new(incarnation: Incarnation, create: &CreateInstance) -> Self {
        let created_at = whole_microseconds(create.created_at);
        let header = InstanceHeader {
            id: create.id.clone(),
            incarnation,
            name: create.name.clone(),
            version: create.version.clone(),
            execution_id: create.execution_id,
            parent: create.parent.as_ref().map(Into::into),
            runtime_status: RuntimeStatus::Pending,
            created_at,
            last_updated_at: created_at,
            first_episode: 0,
            episode: 0,
            status_episode: create.custom_status.as_ref().map(|_| 0),
            sequence: 0,
            next_timer: create.start_at.map(whole_microseconds),
            needs_attention: create.start_at.is_none(),
            stalled: None,
        };
        let row = HistoryRow {
            episode: 0,
            events: create.events.clone(),
            custom_status: create.custom_status.clone(),
            runtime_status: RuntimeStatus::Pending,
            sequence: 0,
        };
        Self {
            header,
            history: vec![row],
            inbox: Vec::new(),
            progress: BTreeMap::new(),
            tags: create.tags.clone(),
        }
    }

    /// Makes a new instance one with a past.
    pub(super) fn import(&mut self, import: &ImportInstance) {
        let header = &mut self.header;
        header.runtime_status = import.runtime_status;
        header.last_updated_at = whole_microseconds(import.last_updated_at);
        for row in &import.rows {
            (header.episode, header.sequence) = (row.episode, row.sequence);
            if row.custom_status.is_some() {
                header.status_episode = Some(row.episode);
            }
        }
        if import.runtime_status.is_terminal() {
            (header.next_timer, header.needs_attention) = (None, false);
        }
        self.history.extend(import.rows.iter().cloned());
    }

    /// What its episodes changed for readers behind this sequence, in order.
    pub(super) fn changes(&self, after: u64, limit: usize) -> Vec<ChangeRow> {
        let mut changes: Vec<ChangeRow> = Vec::new();
        let mut in_force: Option<&HistoryRow> = None;
        for row in &self.history {
            if changes.len() == limit {
                break;
            }
            if row.custom_status.is_some() {
                in_force = Some(row);
            }
            let change = ChangeRow {
                execution_id: self.header.execution_id,
                sequence: row.sequence,
                runtime_status: row.runtime_status,
                custom_status: in_force.and_then(|row| row.custom_status.clone()),
                status_episode: in_force.map(|row| row.episode),
            };
            if change.sequence > after && starts_a_change(changes.last(), &change) {
                changes.push(change);
            }
        }
        changes
    }

    /// What filters look at.
    pub(super) fn filtered(&self) -> Filtered<'_> {
        let header = &self.header;
        Filtered {
            id: &header.id,
            name: &header.name,
            version: header.version.as_deref(),
            runtime_status: header.runtime_status,
            created_at: header.created_at,
            last_updated_at: header.last_updated_at,
            parent: header.parent.as_ref().map(|parent| &parent.instance_id),
            tags: &self.tags,
            is_stalled: header.stalled.is_some(),
        }
    }

    pub(super) fn is_finished(&self) -> bool {
        self.header.runtime_status.is_terminal()
    }

    pub(super) fn advance(&mut self, write: &EpisodeWrite) -> Result<Advanced, Refused> {
        let header = &mut self.header;
        let episode = write.row.episode;
        if header.execution_id == write.execution_id
            && Some(episode) == header.episode.checked_add(1)
        {
            header.episode = episode;
            header.runtime_status = write.row.runtime_status;
            header.last_updated_at = whole_microseconds(write.last_updated_at);
            header.sequence = write.row.sequence;
            header.next_timer = write.next_timer.map(whole_microseconds);
            header.needs_attention = write.needs_attention;
            header.stalled.clone_from(&write.stalled);
            if write.row.custom_status.is_some() {
                header.status_episode = Some(episode);
            }
            self.history.push(write.row.clone());
            if let Some(taken) = write.inbox_taken {
                self.inbox.retain(|message| message.sequence > taken);
            }
            for task in &write.progress_ended {
                self.progress.remove(task);
            }
            if write.continued.is_some() {
                self.begin_next_execution(write);
            }
            return Ok(Advanced::Now);
        }
        let execution = match &write.continued {
            Some(next) => next.execution_id,
            None => write.execution_id,
        };
        let begins_execution = write.continued.is_none() || episode == header.first_episode;
        if header.execution_id == execution
            && begins_execution
            && self.row(episode) == Some(&write.row)
        {
            Ok(Advanced::Before)
        } else {
            Err(Refused::Stale)
        }
    }

    fn begin_next_execution(&mut self, write: &EpisodeWrite) {
        let Some(next) = &write.continued else {
            return;
        };
        let header = &mut self.header;
        header.execution_id = next.execution_id;
        header.version.clone_from(&next.version);
        header.first_episode = write.row.episode;
        header.status_episode = write.row.custom_status.as_ref().map(|_| write.row.episode);
        self.history.retain(|row| row.episode >= write.row.episode);
        self.inbox.retain(|message| message.execution.is_none());
        self.progress.clear();
    }

    /// Lets a failed instance go on.
    pub(super) fn rewind(&mut self, at: Timestamp) {
        let header = &mut self.header;
        header.runtime_status = RuntimeStatus::Pending;
        header.last_updated_at = whole_microseconds(at);
        header.sequence += 1;
        header.needs_attention = true;
    }

    pub(super) fn stored(&self) -> StoredInstance {
        StoredInstance {
            header: self.header.clone(),
            history: self.history.clone(),
            inbox: self.inbox.clone(),
            progress: self.progress.values().cloned().collect(),
        }
    }

    pub(super) fn rows(&self) -> Result<InstanceRows, StoreError> {
        let header = self.header.clone();
        let row = |episode| {
            self.row(episode).ok_or_else(|| {
                let message = format!("instance `{}` has no history row {episode}", header.id);
                StoreError::new(StoreErrorKind::Corrupt, message)
            })
        };
        let first_events = row(header.first_episode)?.events.clone();
        let custom_status = match header.status_episode {
            Some(episode) => row(episode)?.custom_status.clone(),
            None => None,
        };
        let last_events = if self.is_finished() {
            Some(row(header.episode)?.events.clone())
        } else {
            None
        };
        Ok(InstanceRows {
            first_events,
            custom_status,
            last_events,
            header,
            progress: self.progress.values().cloned().collect(),
        })
    }

    fn row(&self, episode: u64) -> Option<&HistoryRow> {
        let index = episode.checked_sub(self.header.first_episode)?;
        self.history.get(usize::try_from(index).ok()?)
    }
}
