//! Activities that were handed out, and whose end is not committed.

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};

use crate::hash::Map;
use crate::model::instance::{ExecutionId, InstanceId};
use crate::worker::activities::progress::ProgressCell;
use crate::worker::message::TaskKey;

/// An instance whose activities have been out for so long is likely to wait for them for a while.
const YOUNG: SignedDuration = SignedDuration::from_millis(100);

/// An activity is here from the commit that asked for it to the commit that records its end, or until nobody waits for it.
#[derive(Debug, Default)]
pub(super) struct Running {
    instances: Map<InstanceId, OfInstance>,
    /// How many of the instances got their first activity a moment ago.
    young: usize,
    /// When instances got their first activity. Some have none any more, or have others since.
    since: VecDeque<(Timestamp, InstanceId)>,
}

#[derive(Debug)]
struct OfInstance {
    tasks: Tasks,
    since: Timestamp,
    is_young: bool,
}

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
    /// How many instances are likely to get a result soon: all but those whose activities have been out for long.
    pub(super) const fn young(&self) -> usize {
        self.young
    }

    /// Finds the instances whose activities have been out for long by now. When the clock was set back nobody knows for how long they have
    /// been, and they count as old.
    pub(super) fn grow_old(&mut self, now: Timestamp) {
        while let Some((since, instance)) = self
            .since
            .pop_front_if(|(since, _)| now.duration_since(*since).abs() >= YOUNG)
        {
            if let Some(found) = self.instances.get_mut(&instance)
                && found.since == since
                && std::mem::take(&mut found.is_young)
            {
                self.young -= 1;
            }
        }
    }

    /// Notes an activity that is handed out at this time. `false` when it is out already.
    pub(super) fn insert(&mut self, instance: &InstanceId, key: TaskKey, now: Timestamp) -> bool {
        let Some(found) = self.instances.get_mut(instance) else {
            let first = OfInstance {
                tasks: Tasks::One(key, Reports::default()),
                since: now,
                is_young: true,
            };
            self.instances.insert(instance.clone(), first);
            self.since.push_back((now, instance.clone()));
            self.young += 1;
            return true;
        };
        let tasks = &mut found.tasks;
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
        let found = self.instances.get(instance);
        found.is_some_and(|found| found.tasks.contains(key))
    }

    /// The reports of an activity that is out.
    pub(super) fn reports(&mut self, instance: &InstanceId, key: TaskKey) -> Option<&mut Reports> {
        match &mut self.instances.get_mut(instance)?.tasks {
            Tasks::One(only, reports) => (*only == key).then_some(reports),
            Tasks::Many(many) => many.get_mut(&key),
        }
    }

    pub(super) fn remove(&mut self, instance: &InstanceId, key: TaskKey) {
        let Some(found) = self.instances.get_mut(instance) else {
            return;
        };
        let is_empty = match &mut found.tasks {
            Tasks::Many(many) => {
                many.remove(&key);
                many.is_empty()
            }
            Tasks::One(only, _) => *only == key,
        };
        if is_empty {
            self.forget(instance);
        }
    }

    /// Takes out the activities of an execution that do not satisfy a condition.
    pub(super) fn retain(
        &mut self,
        instance: &InstanceId,
        execution: ExecutionId,
        keep: impl Fn(i32) -> bool,
    ) -> Vec<TaskKey> {
        self.take_where(instance, |key| key.execution == execution && !keep(key.id))
    }

    /// Takes out everything of an instance, whatever execution it is of.
    pub(super) fn take(&mut self, instance: &InstanceId) -> Vec<TaskKey> {
        let found = self.forget(instance);
        in_order(found.into_iter().flat_map(Tasks::into_keys))
    }

    /// Takes out what is of other executions than this one.
    pub(super) fn take_others(
        &mut self,
        instance: &InstanceId,
        execution: ExecutionId,
    ) -> Vec<TaskKey> {
        self.take_where(instance, |key| key.execution != execution)
    }

    fn take_where(
        &mut self,
        instance: &InstanceId,
        is_taken: impl Fn(&TaskKey) -> bool,
    ) -> Vec<TaskKey> {
        let found = self.instances.get(instance);
        let keys = found.map(|found| found.tasks.keys()).unwrap_or_default();
        let taken = in_order(keys.into_iter().filter(is_taken));
        for key in &taken {
            self.remove(instance, *key);
        }
        taken
    }

    /// Takes out everything.
    pub(super) fn take_all(&mut self) -> Vec<TaskKey> {
        let all = std::mem::take(self).instances.into_values();
        in_order(all.flat_map(|found| found.tasks.into_keys()))
    }

    fn forget(&mut self, instance: &InstanceId) -> Option<Tasks> {
        let found = self.instances.remove(instance)?;
        self.young -= usize::from(found.is_young);
        Some(found.tasks)
    }
}

/// In an order of their own, so that nothing depends on that of a hash map.
fn in_order(keys: impl Iterator<Item = TaskKey>) -> Vec<TaskKey> {
    let mut keys: Vec<_> = keys.collect();
    keys.sort_unstable_by_key(|key| (key.execution.as_u128(), key.id));
    keys
}

impl Tasks {
    fn contains(&self, key: TaskKey) -> bool {
        match self {
            Self::One(only, _) => *only == key,
            Self::Many(many) => many.contains_key(&key),
        }
    }

    fn keys(&self) -> Vec<TaskKey> {
        match self {
            Self::One(only, _) => vec![*only],
            Self::Many(many) => many.keys().copied().collect(),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp::from_millisecond(milliseconds).unwrap()
    }

    fn key(id: i32) -> TaskKey {
        TaskKey {
            execution: ExecutionId::from_u128(1),
            id,
        }
    }

    #[test]
    fn a_clock_that_is_set_back_keeps_nobody_young() {
        let instance = InstanceId::parse("a").unwrap();
        let mut running = Running::default();
        running.insert(&instance, key(0), at(1_000_000));
        running.grow_old(at(0));
        assert_eq!((running.young(), running.since.len()), (0, 0));
    }

    #[test]
    fn an_instance_whose_activity_takes_long_does_not_count() {
        let (slow, quick) = (
            InstanceId::parse("slow").unwrap(),
            InstanceId::parse("quick").unwrap(),
        );
        let mut running = Running::default();
        running.insert(&slow, key(0), at(0));
        running.insert(&quick, key(0), at(0));
        running.insert(&slow, key(1), at(50));
        assert_eq!(running.young(), 2);
        running.remove(&quick, key(0));
        running.insert(&quick, key(1), at(60));
        running.grow_old(at(100));
        // The quick one has got another activity since.
        assert_eq!(running.young(), 1);
        running.remove(&slow, key(0));
        running.remove(&slow, key(1));
        assert_eq!(running.young(), 1);
        running.grow_old(at(160));
        assert_eq!(running.young(), 0);
        running.remove(&quick, key(1));
        assert_eq!(running.young(), 0);
    }
}
