//! Activities that were handed out, and whose end is not committed.

use std::collections::{HashMap, HashSet};

use crate::model::instance::{ExecutionId, InstanceId};
use crate::worker::message::TaskKey;

/// An activity is here from the commit that asked for it to the commit that records its end, or until nobody waits for it.
#[derive(Debug, Default)]
pub(super) struct Running(HashMap<InstanceId, HashMap<ExecutionId, HashSet<i32>>>);

impl Running {
    /// Notes an activity. `false` when it is out already.
    pub(super) fn insert(&mut self, instance: &InstanceId, key: TaskKey) -> bool {
        if !self.0.contains_key(instance) {
            self.0.insert(instance.clone(), HashMap::new());
        }
        let executions = self.0.get_mut(instance);
        executions
            .is_some_and(|executions| executions.entry(key.execution).or_default().insert(key.id))
    }

    pub(super) fn contains(&self, instance: &InstanceId, key: TaskKey) -> bool {
        let ids = self
            .0
            .get(instance)
            .and_then(|executions| executions.get(&key.execution));
        ids.is_some_and(|ids| ids.contains(&key.id))
    }

    pub(super) fn remove(&mut self, instance: &InstanceId, key: TaskKey) {
        self.retain(instance, key.execution, |id| id != key.id);
    }

    /// Forgets the activities of an execution that do not satisfy a condition.
    pub(super) fn retain(
        &mut self,
        instance: &InstanceId,
        execution: ExecutionId,
        keep: impl Fn(i32) -> bool,
    ) {
        let Some(executions) = self.0.get_mut(instance) else {
            return;
        };
        if let Some(ids) = executions.get_mut(&execution) {
            ids.retain(|id| keep(*id));
            if ids.is_empty() {
                executions.remove(&execution);
            }
        }
        if executions.is_empty() {
            self.0.remove(instance);
        }
    }

    /// Takes out everything of an instance, whatever execution it is of.
    pub(super) fn take(&mut self, instance: &InstanceId) -> impl Iterator<Item = TaskKey> + use<> {
        let executions = self.0.remove(instance).unwrap_or_default();
        executions
            .into_iter()
            .flat_map(|(execution, ids)| ids.into_iter().map(move |id| TaskKey { execution, id }))
    }

    /// Takes out everything.
    pub(super) fn take_all(&mut self) -> impl Iterator<Item = TaskKey> + use<> {
        let instances = std::mem::take(&mut self.0).into_values().flatten();
        instances
            .flat_map(|(execution, ids)| ids.into_iter().map(move |id| TaskKey { execution, id }))
    }
}
