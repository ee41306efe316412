//! The activity dispatcher: which activity may run now, and which has run for too long.

pub(crate) mod progress;
pub(crate) mod run;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use jiff::Timestamp;

use super::message::{Task, TaskKey};
use crate::hash::Map;
use crate::model::instance::ExecutionId;

/// Activities that run and activities that wait for a free place. The executions that have some waiting take turns, so that one which asks
/// for a million keeps no other waiting for longer than it has places; of each execution it is first come, first served.
#[derive(Debug)]
pub(crate) struct Dispatcher {
    limit: usize,
    closed: bool,
    /// With the place of their deadline.
    running: Map<TaskKey, Option<Deadline>>,
    deadlines: BTreeMap<Deadline, TaskKey>,
    started: u64,
    waiting: Map<ExecutionId, VecDeque<i32>>,
    /// The executions that have some waiting, each once.
    turns: VecDeque<ExecutionId>,
    tasks: Map<TaskKey, Arc<Task>>,
}

/// When an attempt has had its time; the count tells those of one moment apart.
type Deadline = (Timestamp, u64);

impl Dispatcher {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit,
            closed: false,
            running: Map::default(),
            deadlines: BTreeMap::new(),
            started: 0,
            waiting: Map::default(),
            turns: VecDeque::new(),
            tasks: Map::default(),
        }
    }

    /// Takes an activity on, unless it has it already: a shard whose thread was given up does not know what it has handed out.
    pub(crate) fn push(&mut self, task: Arc<Task>) {
        if self.running.contains_key(&task.key) || self.tasks.contains_key(&task.key) {
            return;
        }
        let TaskKey { execution, id } = task.key;
        let waiting = self.waiting.entry(execution).or_insert_with(|| {
            self.turns.push_back(execution);
            VecDeque::with_capacity(1)
        });
        waiting.push_back(id);
        self.tasks.insert(task.key, task);
    }

    /// The next activity to start, when there is a place for it. Its time begins to run now.
    pub(crate) fn start_next(&mut self, now: Timestamp) -> Option<Arc<Task>> {
        while !self.closed && self.running.len() < self.limit {
            // A key without a task was cancelled while it waited.
            if let Some(task) = self.next_waiting()?.and_then(|key| self.tasks.remove(&key)) {
                self.started += 1;
                let deadline = task.attempt.timeout.map(|timeout| {
                    let at = now.saturating_add(timeout).unwrap_or(Timestamp::MAX);
                    (at, self.started)
                });
                self.running.insert(task.key, deadline);
                self.deadlines
                    .extend(deadline.map(|deadline| (deadline, task.key)));
                return Some(task);
            }
        }
        None
    }

    /// The first of the execution whose turn it is. `None` when nothing waits.
    fn next_waiting(&mut self) -> Option<Option<TaskKey>> {
        let execution = self.turns.pop_front()?;
        let Some(waiting) = self.waiting.get_mut(&execution) else {
            return Some(None);
        };
        let id = waiting.pop_front();
        if waiting.is_empty() {
            self.waiting.remove(&execution);
        } else {
            self.turns.push_back(execution);
        }
        Some(id.map(|id| TaskKey { execution, id }))
    }

    /// Forgets an activity that has not started. One that runs must be told by the driver, which gives its place away with
    /// [`Self::ended`].
    pub(crate) fn cancel(&mut self, key: TaskKey) {
        self.tasks.remove(&key);
    }

    /// Those that wait for a place.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = &Arc<Task>> {
        self.tasks.values()
    }

    /// Gives the place of an activity away.
    pub(crate) fn ended(&mut self, key: TaskKey) {
        if let Some(Some(deadline)) = self.running.remove(&key) {
            self.deadlines.remove(&deadline);
        }
    }

    /// Takes out the activities that have run for as long as they may. Their places are free; the driver must tell them.
    pub(crate) fn take_expired(&mut self, now: Timestamp) -> Vec<TaskKey> {
        let mut expired = Vec::new();
        while let Some(first) = self.deadlines.first_entry() {
            if first.key().0 > now {
                break;
            }
            let key = first.remove();
            self.running.remove(&key);
            expired.push(key);
        }
        expired
    }

    /// When the next activity will have run for as long as it may.
    pub(crate) fn next_deadline(&self) -> Option<Timestamp> {
        self.deadlines.first_key_value().map(|((at, _), _)| *at)
    }

    /// Starts nothing any more. What waits is in history and runs after the next start of the worker.
    pub(crate) fn close(&mut self) {
        self.closed = true;
    }

    /// How many run, and how many wait for a place.
    pub(crate) fn load(&self) -> (usize, usize) {
        (self.running.len(), self.tasks.len())
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.running.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::instance::InstanceId;
    use crate::model::retry::Attempt;
    use crate::model::tags::Tags;

    pub(super) fn task(id: i32) -> Task {
        let key = TaskKey {
            execution: ExecutionId::from_u128(1),
            id,
        };
        Task {
            key,
            instance: InstanceId::parse("a").unwrap(),
            name: "work".into(),
            input: None,
            attempt: Attempt::of(&Tags::new(), id),
            last_heartbeat: None,
            trace: None,
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn no_more_than_the_limit_run_and_the_rest_follow_in_order() {
        let mut dispatcher = Dispatcher::new(2);
        (0..4).for_each(|id| dispatcher.push(Arc::new(task(id))));
        let started =
            |dispatcher: &mut Dispatcher| dispatcher.start_next(at(0)).map(|task| task.key.id);
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
        dispatcher.push(Arc::new(task(5)));
        dispatcher.ended(task(0).key);
        dispatcher.ended(task(3).key);
        assert_eq!(started(&mut dispatcher), None);
        assert!(dispatcher.is_idle());
    }

    #[test]
    fn executions_take_turns() {
        let of = |execution, id| {
            let mut task = task(id);
            task.key.execution = ExecutionId::from_u128(execution);
            Arc::new(task)
        };
        let mut dispatcher = Dispatcher::new(usize::MAX);
        for (execution, id) in [(1, 0), (1, 1), (1, 2), (2, 0), (3, 0), (2, 1)] {
            dispatcher.push(of(execution, id));
        }
        // It is there already.
        dispatcher.push(of(1, 2));
        let started = std::iter::from_fn(|| dispatcher.start_next(at(0)));
        let started: Vec<_> = started.map(|task| task.key).collect();
        let expected = [(1, 0), (2, 0), (3, 0), (1, 1), (2, 1), (1, 2)];
        assert_eq!(
            started,
            expected.map(|(execution, id)| of(execution, id).key)
        );
    }

    #[test]
    fn time_runs_from_the_start_of_an_attempt_and_frees_its_place() {
        let timed = |id, seconds| {
            let mut task = task(id);
            task.attempt.timeout = Some(Duration::from_secs(seconds));
            Arc::new(task)
        };
        let mut dispatcher = Dispatcher::new(2);
        dispatcher.push(timed(0, 10));
        dispatcher.push(timed(1, 5));
        dispatcher.push(timed(2, 5));
        assert!(dispatcher.start_next(at(0)).is_some());
        assert!(dispatcher.start_next(at(0)).is_some());
        assert_eq!(dispatcher.next_deadline(), Some(at(5)));
        assert_eq!(dispatcher.take_expired(at(4)), []);
        assert_eq!(dispatcher.take_expired(at(5)), [timed(1, 5).key]);
        assert!(dispatcher.start_next(at(7)).is_some());
        dispatcher.ended(timed(0, 10).key);
        assert_eq!(dispatcher.next_deadline(), Some(at(12)));
    }
}
