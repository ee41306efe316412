//! The activity dispatcher: which activity may run now.

pub(crate) mod run;

use std::collections::{HashMap, HashSet, VecDeque};

use super::message::{Task, TaskKey};

/// Activities that run and activities that wait for a free place, first come, first served.
#[derive(Debug)]
pub(crate) struct Dispatcher {
    limit: usize,
    closed: bool,
    running: HashSet<TaskKey>,
    waiting: VecDeque<TaskKey>,
    tasks: HashMap<TaskKey, Task>,
}

impl Dispatcher {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit,
            closed: false,
            running: HashSet::new(),
            waiting: VecDeque::new(),
            tasks: HashMap::new(),
        }
    }

    pub(crate) fn push(&mut self, task: Task) {
        self.waiting.push_back(task.key);
        self.tasks.insert(task.key, task);
    }

    /// The next activity to start, when there is a place for it.
    pub(crate) fn start_next(&mut self) -> Option<Task> {
        while !self.closed && self.running.len() < self.limit {
            // A key without a task was cancelled while it waited.
            if let Some(task) = self.tasks.remove(&self.waiting.pop_front()?) {
                self.running.insert(task.key);
                return Some(task);
            }
        }
        None
    }

    /// Forgets an activity that has not started. One that runs must be told by the driver, which gives its place away with
    /// [`Self::ended`].
    pub(crate) fn cancel(&mut self, key: TaskKey) {
        self.tasks.remove(&key);
    }

    pub(crate) fn ended(&mut self, key: TaskKey) {
        self.running.remove(&key);
    }

    /// Starts nothing any more. What waits is in history and runs after the next start of the worker.
    pub(crate) fn close(&mut self) {
        self.closed = true;
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.running.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::instance::{ExecutionId, InstanceId};

    fn task(id: i32) -> Task {
        let key = TaskKey {
            execution: ExecutionId::from_u128(1),
            id,
        };
        Task {
            key,
            instance: InstanceId::parse("a").unwrap(),
            name: "work".into(),
            input: None,
        }
    }

    #[test]
    fn no_more_than_the_limit_run_and_the_rest_follow_in_order() {
        let mut dispatcher = Dispatcher::new(2);
        (0..4).for_each(|id| dispatcher.push(task(id)));
        let started = |dispatcher: &mut Dispatcher| dispatcher.start_next().map(|task| task.key.id);
        assert_eq!(
            [
                started(&mut dispatcher),
                started(&mut dispatcher),
                started(&mut dispatcher)
            ],
            [Some(0), Some(1), None]
        );
        dispatcher.cancel(task(2).key);
        dispatcher.ended(task(1).key);
        assert_eq!(
            [started(&mut dispatcher), started(&mut dispatcher)],
            [Some(3), None]
        );
        dispatcher.close();
        dispatcher.push(task(5));
        dispatcher.ended(task(0).key);
        dispatcher.ended(task(3).key);
        assert_eq!(started(&mut dispatcher), None);
        assert!(dispatcher.is_idle());
    }
}
