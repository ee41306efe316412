//! Activities that were handed out, and whose end is not committed.

use std::collections::HashMap;

use jiff::Timestamp;

use crate::model::instance::{ExecutionId, InstanceId};
use crate::worker::activities::progress::ProgressCell;
use crate::worker::message::TaskKey;

/// An activity is here from the commit that asked for it to the commit that records its end, or until nobody waits for it.
#[derive(Debug, Default)]
pub(super) struct Running(HashMap<InstanceId, HashMap<ExecutionId, HashMap<i32, Reports>>>);

/// What an activity reports about its progress.
#[derive(Debug, Default)]
pub(super) struct Reports {
    /// Where its latest report is, once it has made one.
    pub(super) cell: Option<ProgressCell>,
    /// The next report is committed not before this time.
    pub(super) not_before: Option<Timestamp>,
}

impl Running {
    /// Notes an activity. `false` when it is out already.
    pub(super) fn insert(&mut self, instance: &InstanceId, key: TaskKey) -> bool {
        if !self.0.contains_key(instance) {
            self.0.insert(instance.clone(), HashMap::new());
        }
        let Some(executions) = self.0.get_mut(instance) else {
            return false;
        };
        let tasks = executions.entry(key.execution).or_default();
        if tasks.contains_key(&key.id) {
            return false;
        }
        tasks.insert(key.id, Reports::default());
        true
    }

    pub(super) fn contains(&self, instance: &InstanceId, key: TaskKey) -> bool {
        let tasks = self
            .0
            .get(instance)
            .and_then(|executions| executions.get(&key.execution));
        tasks.is_some_and(|tasks| tasks.contains_key(&key.id))
    }

    /// The reports of an activity that is out.
    pub(super) fn reports(&mut self, instance: &InstanceId, key: TaskKey) -> Option<&mut Reports> {
        self.0
            .get_mut(instance)?
            .get_mut(&key.execution)?
            .get_mut(&key.id)
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
        if let Some(tasks) = executions.get_mut(&execution) {
            tasks.retain(|id, _| keep(*id));
            if tasks.is_empty() {
                executions.remove(&execution);
            }
        }
        if executions.is_empty() {
            self.0.remove(instance);
        }
    }

    /// Takes out everything of an instance, whatever execution it is of.
    pub(super) fn take(&mut self, instance: &InstanceId) -> impl Iterator<Item = TaskKey> + use<> {
        keys(self.0.remove(instance).unwrap_or_default())
    }

    /// Takes out everything.
    pub(super) fn take_all(&mut self) -> impl Iterator<Item = TaskKey> + use<> {
        let instances = std::mem::take(&mut self.0).into_values();
        instances.flat_map(keys)
    }
}

fn keys(
    executions: HashMap<ExecutionId, HashMap<i32, Reports>>,
) -> impl Iterator<Item = TaskKey> + use<> {
    executions
        .into_iter()
        .flat_map(|(execution, tasks)| tasks.into_keys().map(move |id| TaskKey { execution, id }))
}
