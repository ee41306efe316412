//! The activities of a live instance that are scheduled and not ended.

use std::collections::BTreeMap;

use crate::engine::Execution;
use crate::hash::Map;
use crate::model::retry::Attempt;
use crate::registry::Registry;

/// Every result of a wide fan-out looks here, so nothing in here takes longer when there are many.
#[derive(Debug, Default)]
pub(super) struct OpenActivities {
    /// With the action of the first attempt of each.
    first: Map<i32, i32>,
    /// Those that this program does not have, with their names and where they were called.
    missing: BTreeMap<i32, String>,
}

impl OpenActivities {
    /// Notes an attempt of an activity, which this action asked for.
    pub(super) fn insert(
        &mut self,
        id: i32,
        name: &str,
        attempt: &Attempt,
        registry: &Registry,
        execution: &Execution,
    ) {
        self.first.insert(id, attempt.first);
        if registry.activity(name).is_none() {
            let missing = match execution.called_at(attempt.first) {
                Some(place) => format!("activity `{name}`, called at {place},"),
                None => format!("activity `{name}`"),
            };
            self.missing.insert(id, missing);
        }
    }

    /// Forgets an attempt, and gives the action of the first one.
    pub(super) fn remove(&mut self, id: i32) -> Option<i32> {
        self.missing.remove(&id);
        self.first.remove(&id)
    }

    pub(super) fn contains(&self, id: i32) -> bool {
        self.first.contains_key(&id)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.first.is_empty()
    }

    /// Why the instance may be waiting for longer than its author meant.
    pub(super) fn stalled(&self) -> Option<String> {
        let (_, missing) = self.missing.first_key_value()?;
        Some(format!(
            "{missing} is not registered in this program; it runs once a program that has it is started \
             (a definition in a crate that nothing refers to is not linked: write `use that_crate as _;`)"
        ))
    }
}
