//! Which instances, and in which order: the words of a query.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::instance::InstanceId;
use super::status::RuntimeStatus;

/// Which instances a query is about: those that meet every condition given. Without conditions that is all of them.
///
/// Texts are compared byte for byte, except for [`name`](Self::name). Times are compared as stores keep them, in whole
/// microseconds.
///
/// ```
/// use steadfast::RuntimeStatus;
/// use steadfast::model::query::InstanceFilter;
///
/// let filter = InstanceFilter::new()
///     .runtime_status([RuntimeStatus::Running, RuntimeStatus::Suspended])
///     .id_prefix("order-")
///     .tag("customer", "4711");
/// assert_eq!(filter.runtime_status.len(), 2);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct InstanceFilter {
    /// One of these; any when there are none.
    pub runtime_status: Vec<RuntimeStatus>,
    /// The orchestrator's registered name, without regard to case.
    pub name: Option<String>,
    /// The version of the current execution.
    pub version: Option<String>,
    /// Created then or later.
    pub created_from: Option<Timestamp>,
    /// Created then or earlier.
    pub created_to: Option<Timestamp>,
    /// Last updated then or later.
    pub updated_from: Option<Timestamp>,
    /// Last updated then or earlier.
    pub updated_to: Option<Timestamp>,
    /// How the instance id begins.
    pub id_prefix: Option<String>,
    /// Names and values of tags. The instance has all of them.
    pub tags: Vec<(String, String)>,
    /// The instance that started it.
    pub parent: Option<InstanceId>,
    /// Whether it cannot advance at the moment.
    pub stalled: Option<bool>,
}

impl InstanceFilter {
    /// All instances.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Those in one of these statuses; in any when there are none.
    #[must_use]
    pub fn runtime_status(mut self, statuses: impl IntoIterator<Item = RuntimeStatus>) -> Self {
        self.runtime_status = statuses.into_iter().collect();
        self
    }

    /// Those of the orchestrator of this name, without regard to case.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Those whose current execution is of this version.
    #[must_use]
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.version = Some(version.into());
        self
    }

    /// Those created at this time or later.
    #[must_use]
    pub fn created_from(mut self, time: Timestamp) -> Self {
        self.created_from = Some(time);
        self
    }

    /// Those created at this time or earlier.
    #[must_use]
    pub fn created_to(mut self, time: Timestamp) -> Self {
        self.created_to = Some(time);
        self
    }

    /// Those last updated at this time or later.
    #[must_use]
    pub fn updated_from(mut self, time: Timestamp) -> Self {
        self.updated_from = Some(time);
        self
    }

    /// Those last updated at this time or earlier.
    #[must_use]
    pub fn updated_to(mut self, time: Timestamp) -> Self {
        self.updated_to = Some(time);
        self
    }

    /// Those whose id begins with this text, with regard to case.
    #[must_use]
    pub fn id_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.id_prefix = Some(prefix.into());
        self
    }

    /// Those that have this tag with this value, besides the tags asked for before.
    #[must_use]
    pub fn tag(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.tags.push((name.into(), value.into()));
        self
    }

    /// Those that this instance started.
    #[must_use]
    pub fn parent(mut self, parent: InstanceId) -> Self {
        self.parent = Some(parent);
        self
    }

    /// Those that cannot advance at the moment, or those that can.
    #[must_use]
    pub fn stalled(mut self, stalled: bool) -> Self {
        self.stalled = Some(stalled);
        self
    }
}

/// In which order instances are listed. The order is that of their creation, so that a list that is read page by page
/// neither skips nor repeats an instance that is there all the while.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Order {
    /// The first created comes first.
    #[default]
    OldestFirst,
    /// The last created comes first.
    NewestFirst,
}
