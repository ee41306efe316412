//! The activities that were asked for: the attempts of each call, how they ended, and what they reported.

use std::collections::BTreeMap;
use std::str::FromStr;

use steadfast::model::history::TaskScheduled;
use steadfast::model::retry::{ATTEMPT_TAG, FIRST_TAG, RETRY_TAG};
use steadfast::{RetryPolicy, Timestamp};

use crate::population::Job;
use crate::stage::Key;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TaskEnd {
    Completed,
    Failed,
}

/// One attempt.
pub(crate) struct Task {
    pub(crate) end: Option<TaskEnd>,
    pub(crate) attempt: u32,
    /// Its execution, and the action that asked for the first attempt.
    pub(crate) call: Key,
    /// Whether it goes on although nobody waits for it.
    pub(crate) is_detached: bool,
    /// The worker that asked for it, when it was told that the commit is durable.
    pub(crate) asked_by: Option<u64>,
}

/// All attempts of a call.
struct Call {
    /// The action of the last one, and its number.
    last: i32,
    attempt: u32,
    max_attempts: u32,
    /// When the last failure was recorded.
    failed: Option<Timestamp>,
    /// What the store has of its reports.
    report: Option<String>,
}

impl Call {
    /// Whether this end of its last attempt is its own.
    fn is_over(&self, end: TaskEnd) -> bool {
        end == TaskEnd::Completed || self.attempt >= self.max_attempts
    }
}

#[derive(Default)]
pub(crate) struct Tasks {
    tasks: BTreeMap<Key, Task>,
    calls: BTreeMap<Key, Call>,
}

impl Tasks {
    /// A worker has given up its thread, which may have asked for something that it has not handed out any more.
    pub(crate) fn thread_given_up(&mut self, worker: u64) {
        for task in self.tasks.values_mut() {
            task.asked_by = task.asked_by.filter(|asker| *asker != worker);
        }
    }

    pub(crate) fn get(&self, key: Key) -> Option<&Task> {
        self.tasks.get(&key)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Key, &Task)> {
        self.tasks.iter().map(|(key, task)| (*key, task))
    }

    /// An attempt was asked for, in an episode of this time. An error says what is wrong with it.
    pub(crate) fn scheduled(
        &mut self,
        key: Key,
        asked: &TaskScheduled,
        at: Timestamp,
        asked_by: Option<u64>,
    ) -> Result<(), String> {
        let tag = |name| asked.tags.get(name).map(String::as_str);
        let attempt = number(tag(ATTEMPT_TAG)).unwrap_or(1);
        let call = (key.0, number(tag(FIRST_TAG)).unwrap_or(key.1));
        let policy = tag(RETRY_TAG).and_then(|json| serde_json::from_str::<RetryPolicy>(json).ok());
        let job = asked.input.as_deref();
        let job = job.and_then(|json| serde_json::from_str::<Job>(json).ok());
        let task = Task {
            end: None,
            attempt,
            call,
            is_detached: job.is_some_and(|job| job.is_detached),
            asked_by,
        };
        if self.tasks.insert(key, task).is_some() {
            return Err("is asked for twice".into());
        }
        let Some(call) = self.calls.get_mut(&call) else {
            let first = Call {
                last: key.1,
                attempt,
                max_attempts: policy.map_or(1, |policy| policy.max_attempts),
                failed: None,
                report: None,
            };
            self.calls.insert(call, first);
            return match attempt == 1 && call == key {
                true => Ok(()),
                false => Err(format!("is attempt {attempt} of a call that nobody made")),
            };
        };
        let (before, failed) = (call.attempt, call.failed.take());
        (call.last, call.attempt) = (key.1, attempt);
        if attempt != before + 1 {
            return Err(format!("is attempt {attempt} behind attempt {before}"));
        }
        let Some(failed) = failed else {
            return Err("is tried again before it failed".into());
        };
        let waited = at.duration_since(failed).as_secs_f64();
        let pause = policy.as_ref().map_or(0.0, |policy| pause(policy, attempt));
        match waited + 0.001 >= pause {
            true => Ok(()),
            false => Err(format!(
                "is tried again after {waited} s and not after {pause} s"
            )),
        }
    }

    /// The end of an attempt is in an episode of this time. Whether it was open.
    pub(crate) fn ended(&mut self, key: Key, end: TaskEnd, at: Timestamp) -> bool {
        let Some(task) = self.tasks.get_mut(&key) else {
            return false;
        };
        let was_open = task.end.replace(end).is_none();
        if let Some(call) = self.calls.get_mut(&task.call) {
            if end == TaskEnd::Failed {
                call.failed = Some(at);
            }
            if call.last == key.1 && call.is_over(end) {
                call.report = None;
            }
        }
        was_open
    }

    /// The failed activities of an execution count as open again, and the attempts of those that had failed for good are counted anew.
    pub(crate) fn reopen(&mut self, execution: u128) {
        for (key, task) in self.tasks.range_mut(all_of(execution)) {
            if task.end == Some(TaskEnd::Failed) {
                task.end = None;
                if let Some(call) = self.calls.get_mut(&task.call)
                    && call.last == key.1
                    && call.attempt >= call.max_attempts
                {
                    (call.attempt, task.attempt) = (1, 1);
                }
            }
        }
    }

    /// A report is in the store. One of a call that is over must not stay there.
    pub(crate) fn reported(&mut self, key: Key, details: &str) {
        let Some(call) = self.calls.get_mut(&key) else {
            return;
        };
        let end = self
            .tasks
            .get(&(key.0, call.last))
            .and_then(|task| task.end);
        if !end.is_some_and(|end| call.is_over(end)) {
            call.report = Some(details.to_owned());
        }
    }

    /// The reports of an execution that the store must have, by the first action of each call.
    pub(crate) fn reports(&self, execution: u128) -> BTreeMap<i32, String> {
        let calls = self.calls.range(all_of(execution));
        calls
            .filter_map(|((_, first), call)| Some((*first, call.report.clone()?)))
            .collect()
    }

    /// An execution is over, and nobody reads its reports any more.
    pub(crate) fn forget_reports(&mut self, execution: u128) {
        for (_, call) in self.calls.range_mut(all_of(execution)) {
            call.report = None;
        }
    }

    /// What is wrong with an attempt that begins with this number, and was told of this report.
    pub(crate) fn begins(
        &self,
        key: Key,
        attempt: u32,
        told: Option<u64>,
        is_owner: bool,
    ) -> Result<(), String> {
        let Some(task) = self.get(key) else {
            return Err("begins before the commit that asks for it".into());
        };
        if let Some(end) = task.end
            && is_owner
        {
            return Err(format!("begins again, and is recorded as {end:?}"));
        }
        if attempt != task.attempt && is_owner {
            let recorded = task.attempt;
            return Err(format!(
                "begins as attempt {attempt}, and is recorded as attempt {recorded}"
            ));
        }
        let call = self.calls.get(&task.call);
        let stored = call.and_then(|call| call.report.as_deref()?.parse().ok());
        if is_owner && told < stored {
            return Err(format!(
                "begins with the report {told:?}, and the store has {stored:?}"
            ));
        }
        Ok(())
    }
}

fn all_of(execution: u128) -> std::ops::RangeInclusive<Key> {
    (execution, i32::MIN)..=(execution, i32::MAX)
}

fn number<T: FromStr>(text: Option<&str>) -> Option<T> {
    text?.parse().ok()
}

/// For how long a call waits at least before this attempt, in seconds.
fn pause(policy: &RetryPolicy, attempt: u32) -> f64 {
    let grown = policy
        .backoff_coefficient
        .powf(f64::from(attempt.saturating_sub(2)));
    let longest = policy
        .max_interval
        .map_or(f64::MAX, |longest| longest.as_secs_f64());
    (policy.first_interval.as_secs_f64() * grown).min(longest) * (1.0 - policy.jitter)
}
