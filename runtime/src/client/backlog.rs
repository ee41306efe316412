//! What is still to be told of many instances: the latest of each.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::instance::InstanceId;
use crate::worker::update::Published;

/// How many bytes of updates are kept. What is more than that is read from the store when its turn comes.
const KEPT: usize = 8 * 1024 * 1024;

/// The latest of each instance of which something is still to be told. However slow the reader is, and however fast the instances
/// change, it is no longer than there are instances.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    latest: BTreeMap<InstanceId, Latest>,
    size: usize,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Latest {
    /// `None` when only the store knows.
    pub(super) update: Option<Arc<Published>>,
    /// Whether the instance has taken the place of another one since.
    pub(super) replaces: bool,
}

impl Latest {
    pub(super) fn of(update: Arc<Published>) -> Self {
        Self {
            replaces: update.replaces,
            update: Some(update),
        }
    }

    fn size(&self) -> usize {
        self.update.as_ref().map_or(0, |update| update.size())
    }
}

impl Backlog {
    /// This is the latest now.
    pub(super) fn add(&mut self, id: &InstanceId, update: Option<Arc<Published>>) {
        let before = self.remove(id).is_some_and(|before| before.replaces);
        let update = update.filter(|update| !update.is_outline());
        let mut latest = update.map_or_else(Latest::default, Latest::of);
        if self.size + latest.size() > KEPT {
            latest.update = None;
        }
        latest.replaces |= before;
        self.size += latest.size();
        self.latest.insert(id.clone(), latest);
    }

    pub(super) fn contains(&self, id: &InstanceId) -> bool {
        self.latest.contains_key(id)
    }

    /// Any one of them; it stays.
    pub(super) fn first(&self) -> Option<(&InstanceId, &Latest)> {
        self.latest.first_key_value()
    }

    pub(super) fn remove(&mut self, id: &InstanceId) -> Option<Latest> {
        let removed = self.latest.remove(id)?;
        self.size -= removed.size();
        Some(removed)
    }

    pub(super) fn take(&mut self) -> impl Iterator<Item = (InstanceId, Latest)> + use<> {
        std::mem::take(self).latest.into_iter()
    }
}
