//! Activities that were handed out, and whose end is not committed.

use jiff::Timestamp;

use crate::hash::Map;
use crate::model::instance::{ExecutionId, InstanceId};
use crate::worker::activities::progress::ProgressCell;
use crate::worker::message::TaskKey;

/// An activity is here from the commit that asked for it to the commit that records its end, or until nobody waits for it.
#[derive(Debug, Default)]
pub(super) struct Running(Map<InstanceId, Tasks>);

/// The activities of an instance. Most have one at a time, which needs no table.
#[derive(Debug)]
enum Tasks {
    One(TaskKey, Reports),
    Many(Map<TaskKey, Reports>),
}

/// What an activity reports about its progress.
#[derive(Debug, Default)]
pub(super) struct Reports {
    /// Where its latest report is, once it has made one.
    pub(super) cell: Option<ProgressCell>,
    /// The next report is committed not before this time.
    pub(super) not_before: Option<Timestamp>,
}

impl Running {
    /// How many instances have activities that are out.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Notes an activity. `false` when it is out already.
    pub(super) fn insert(&mut self, instance: &InstanceId, key: TaskKey) -> bool {
        let Some(tasks) = self.0.get_mut(instance) else {
            let first = Tasks::One(key, Reports::default());
            self.0.insert(instance.clone(), first);
            return true;
        };
        if tasks.contains(key) {
            return false;
        }
        let mut many = match std::mem::replace(tasks, Tasks::Many(Map::default())) {
            Tasks::One(first, reports) => Map::from_iter([(first, reports)]),
            Tasks::Many(many) => many,
        };
        many.insert(key, Reports::default());
        *tasks = Tasks::Many(many);
        true
    }

    pub(super) fn contains(&self, instance: &InstanceId, key: TaskKey) -> bool {
        self.0
            .get(instance)
            .is_some_and(|tasks| tasks.contains(key))
    }

    /// The reports of an activity that is out.
    pub(super) fn reports(&mut self, instance: &InstanceId, key: TaskKey) -> Option<&mut Reports> {
        match self.0.get_mut(instance)? {
            Tasks::One(only, reports) => (*only == key).then_some(reports),
            Tasks::Many(many) => many.get_mut(&key),
        }
    }

    pub(super) fn remove(&mut self, instance: &InstanceId, key: TaskKey) {
        match self.0.get_mut(instance) {
            Some(Tasks::Many(many)) => {
                many.remove(&key);
                if many.is_empty() {
                    self.0.remove(instance);
                }
            }
            Some(Tasks::One(only, _)) if *only == key => drop(self.0.remove(instance)),
            Some(Tasks::One(..)) | None => {}
        }
    }

    /// Forgets the activities of an execution that do not satisfy a condition.
    pub(super) fn retain(
        &mut self,
        instance: &InstanceId,
        execution: ExecutionId,
        keep: impl Fn(i32) -> bool,
    ) {
        let keep = |key: &TaskKey| key.execution != execution || keep(key.id);
        let is_empty = match self.0.get_mut(instance) {
            Some(Tasks::One(only, _)) => !keep(only),
            Some(Tasks::Many(many)) => {
                many.retain(|key, _| keep(key));
                many.is_empty()
            }
            None => false,
        };
        if is_empty {
            self.0.remove(instance);
        }
    }

    /// Takes out everything of an instance, whatever execution it is of.
    pub(super) fn take(&mut self, instance: &InstanceId) -> impl Iterator<Item = TaskKey> + use<> {
        self.0
            .remove(instance)
            .into_iter()
            .flat_map(Tasks::into_keys)
    }

    /// Takes out everything.
    pub(super) fn take_all(&mut self) -> impl Iterator<Item = TaskKey> + use<> {
        let instances = std::mem::take(&mut self.0).into_values();
        instances.flat_map(Tasks::into_keys)
    }
}

impl Tasks {
    fn contains(&self, key: TaskKey) -> bool {
        match self {
            Self::One(only, _) => *only == key,
            Self::Many(many) => many.contains_key(&key),
        }
    }

    fn into_keys(self) -> impl Iterator<Item = TaskKey> {
        let (one, many) = match self {
            Self::One(only, _) => (Some(only), Map::default()),
            Self::Many(many) => (None, many),
        };
        one.into_iter().chain(many.into_keys())
    }
}
