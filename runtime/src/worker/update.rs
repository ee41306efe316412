//! What is told of an instance when a commit of it is durable.

use std::ops::Deref;
use std::sync::Arc;

use jiff::Timestamp;

use crate::model::custom_status::CustomStatus;
use crate::model::failure::FailureDetails;
use crate::model::instance::{Cursor, InstanceId};
use crate::model::status::{ActivityProgress, InstanceStatus, RuntimeStatus};
use crate::model::tags::Tags;
use crate::store::InstanceHeader;

/// One committed state of an instance, as its watchers see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Update {
    pub(crate) about: Arc<About>,
    pub(crate) cursor: Cursor,
    pub(crate) runtime_status: RuntimeStatus,
    pub(crate) custom_status: Option<CustomStatus>,
    pub(crate) progress: Vec<ActivityProgress>,
    pub(crate) output: Option<String>,
    pub(crate) failure: Option<FailureDetails>,
    /// Why it cannot advance. Not part of the sequence of changes: the cursor stays.
    pub(crate) stalled: Option<String>,
    /// `None` in a state that was read back from history, where it is not kept.
    pub(crate) last_updated_at: Option<Timestamp>,
}

/// What stays the same while an execution lives, and is shared by all that is told of it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct About {
    pub(crate) id: InstanceId,
    pub(crate) name: String,
    pub(crate) version: Option<String>,
    pub(crate) created_at: Timestamp,
    pub(crate) parent: Option<InstanceId>,
    pub(crate) tags: Tags,
}

impl About {
    pub(crate) fn of(header: &InstanceHeader, tags: &Tags) -> Arc<Self> {
        Arc::new(Self {
            id: header.id.clone(),
            name: header.name.clone(),
            version: header.version.clone(),
            created_at: header.created_at,
            parent: header
                .parent
                .as_ref()
                .map(|parent| parent.instance_id.clone()),
            tags: tags.clone(),
        })
    }
}

impl From<InstanceStatus> for Update {
    fn from(status: InstanceStatus) -> Self {
        Self {
            about: Arc::new(About {
                id: status.instance_id,
                name: status.name,
                version: status.version,
                created_at: status.created_at,
                parent: status.parent.map(|parent| parent.instance_id),
                tags: status.tags,
            }),
            cursor: status.cursor,
            runtime_status: status.runtime_status,
            custom_status: status.custom_status,
            progress: status.progress,
            output: status.output,
            failure: status.failure,
            stalled: status.stalled,
            last_updated_at: Some(status.last_updated_at),
        }
    }
}

/// An update that any number of watchers hold, with what it looks like to those outside: written by the first of them who needs it.
#[derive(Debug)]
pub(crate) struct Published {
    update: Update,
    #[cfg(feature = "http")]
    rendered: std::sync::OnceLock<Box<str>>,
}

impl Published {
    pub(crate) fn new(update: impl Into<Update>) -> Arc<Self> {
        Arc::new(Self {
            update: update.into(),
            #[cfg(feature = "http")]
            rendered: std::sync::OnceLock::new(),
        })
    }

    /// Its text, which `render` writes once. There is one way to write an update, for all who ask.
    #[cfg(feature = "http")]
    pub(crate) fn rendered(&self, render: impl FnOnce(&Update) -> String) -> &str {
        self.rendered
            .get_or_init(|| render(&self.update).into_boxed_str())
    }

    /// About how many bytes keeping it takes.
    pub(crate) fn size(&self) -> usize {
        let custom_status = self.custom_status.as_ref();
        let custom_status = custom_status.map_or(0, |status| status.as_json().len());
        let progress = self.progress.iter().map(|progress| progress.details.len());
        let output = self.output.as_ref().map_or(0, String::len);
        size_of::<Self>() + custom_status + progress.sum::<usize>() + output
    }
}

impl Deref for Published {
    type Target = Update;

    fn deref(&self) -> &Update {
        &self.update
    }
}
