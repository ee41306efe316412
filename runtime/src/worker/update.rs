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

/// About how long a text is in which everything of any length is empty.
const RENDERED: usize = 256;

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
    /// Whether it has just been created in the place of another instance of its id, which is gone.
    pub(crate) replaces: bool,
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
            replaces: false,
            last_updated_at: Some(status.last_updated_at),
        }
    }
}

/// An update that any number of watchers hold, with what it looks like to those outside: written by the first of them who needs it.
#[derive(Debug)]
pub(crate) struct Published {
    update: Update,
    is_outline: bool,
    #[cfg(feature = "http")]
    rendered: std::sync::OnceLock<Box<str>>,
}

impl Published {
    pub(crate) fn new(update: impl Into<Update>) -> Arc<Self> {
        Self::of(update.into(), false)
    }

    fn of(update: Update, is_outline: bool) -> Arc<Self> {
        Arc::new(Self {
            update,
            is_outline,
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

    /// The same without what may be of any length, which is for the store to tell. Whether it meets a filter can be told.
    pub(crate) fn outline(&self) -> Arc<Self> {
        let outline = Update {
            about: Arc::clone(&self.about),
            custom_status: None,
            progress: Vec::new(),
            output: None,
            failure: None,
            stalled: self.stalled.as_ref().map(|_| String::new()),
            cursor: self.cursor,
            runtime_status: self.runtime_status,
            replaces: self.replaces,
            last_updated_at: self.last_updated_at,
        };
        Self::of(outline, true)
    }

    pub(crate) const fn is_outline(&self) -> bool {
        self.is_outline
    }

    /// About how many bytes keeping it takes, once it is rendered: a text has what is in the update once more.
    pub(crate) fn size(&self) -> usize {
        let Update {
            about,
            cursor: _,
            runtime_status: _,
            custom_status,
            progress,
            output,
            failure,
            stalled,
            replaces: _,
            last_updated_at: _,
        } = &self.update;
        let custom_status = custom_status.as_ref();
        let custom_status = custom_status.map_or(0, |status| status.as_json().len());
        let progress = progress.iter().map(|progress| {
            size_of::<ActivityProgress>() + progress.name.len() + progress.details.len()
        });
        let texts = custom_status
            + progress.sum::<usize>()
            + output.as_ref().map_or(0, String::len)
            + failure.as_ref().map_or(0, json_length)
            + stalled.as_ref().map_or(0, String::len);
        let rendered = if cfg!(feature = "http") {
            RENDERED + about.name.len() + about.id.as_str().len() + texts
        } else {
            0
        };
        size_of::<Self>() + texts + rendered
    }
}

fn json_length(failure: &FailureDetails) -> usize {
    serde_json::to_string(failure).map_or(0, |json| json.len())
}

impl Deref for Published {
    type Target = Update;

    fn deref(&self) -> &Update {
        &self.update
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn update(length: usize) -> Update {
        let text = || "x".repeat(length);
        Update {
            about: Arc::new(About {
                id: InstanceId::parse("a").unwrap(),
                name: "Greet".to_owned(),
                version: None,
                created_at: Timestamp::UNIX_EPOCH,
                parent: None,
                tags: Tags::default(),
            }),
            cursor: Cursor {
                incarnation: crate::model::instance::Incarnation(1),
                sequence: 1,
            },
            runtime_status: RuntimeStatus::Running,
            custom_status: CustomStatus::from_stored(format!("\"{}\"", text())),
            progress: vec![ActivityProgress {
                task_id: 1,
                name: text(),
                attempt: 1,
                details: text(),
                reported_at: Timestamp::UNIX_EPOCH,
            }],
            output: Some(text()),
            failure: Some(FailureDetails::new(text(), text())),
            stalled: Some(text()),
            replaces: false,
            last_updated_at: None,
        }
    }

    #[test]
    fn the_size_is_that_of_everything_that_may_be_long() {
        let size = |length| Published::new(update(length)).size();
        // Seven texts, and all of them once more where they are rendered.
        let times = if cfg!(feature = "http") { 14 } else { 7 };
        assert_eq!(size(1_000) - size(0), times * 1_000);
    }

    #[test]
    fn an_outline_has_nothing_that_may_be_long() {
        let outline = |length| Published::new(update(length)).outline();
        assert_eq!(outline(1_000).size(), outline(0).size());
        assert!(outline(0).is_outline() && outline(0).stalled.is_some());
    }
}
