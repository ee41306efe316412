//! What a mock answers, in which order.

use std::collections::HashMap;
use std::panic::Location;
use std::rc::Rc;
use std::time::Duration;

use futures_util::future::{LocalBoxFuture, pending, ready};

use crate::engine::Outcome;
use crate::worker::message::TaskKey;

/// The answers of a mock. Each answers one attempt, or as many as it says; the last one answers all that follow.
#[derive(Default)]
pub(super) struct Answers {
    answers: Vec<Counted>,
    /// Which answer an attempt was given. When it runs again after a crash, it is given the same.
    given: HashMap<TaskKey, usize>,
}

struct Counted {
    given: Given,
    /// The type of a value that was given as such, and where in the test.
    value: Option<Value>,
    times: Option<u32>,
    used: u32,
}

/// An answer, and how long it takes.
#[derive(Clone)]
pub(super) struct Given {
    pub(super) answer: Answer,
    pub(super) after: Duration,
}

/// A type, and where in the test a value of it is given.
pub(super) type Value = (&'static str, &'static Location<'static>);

/// What computes an answer from the input.
type Compute = Rc<dyn Fn(Option<&str>) -> LocalBoxFuture<'static, Outcome>>;

#[derive(Clone)]
pub(super) enum Answer {
    Always(Outcome),
    Computed(Compute),
    Never,
}

impl Answer {
    pub(super) fn call(&self, input: Option<&str>) -> LocalBoxFuture<'static, Outcome> {
        match self {
            Self::Always(outcome) => Box::pin(ready(outcome.clone())),
            Self::Computed(compute) => compute(input),
            Self::Never => Box::pin(pending()),
        }
    }
}

impl Answers {
    pub(super) fn push(&mut self, answer: Answer) {
        self.answers.push(Counted {
            given: Given {
                answer,
                after: Duration::ZERO,
            },
            value: None,
            times: None,
            used: 0,
        });
    }

    /// Adds an answer that is this value.
    pub(super) fn push_value(&mut self, json: String, value: Value) {
        self.push(Answer::Always(Ok(json)));
        if let Some(last) = self.answers.last_mut() {
            last.value = Some(value);
        }
    }

    /// The value that an attempt was given, when it was one.
    pub(super) fn value_given(&self, key: TaskKey) -> Option<Value> {
        self.answers[*self.given.get(&key)?].value
    }

    /// Changes the last answer; `false` when there is none.
    pub(super) fn last_takes(&mut self, after: Duration) -> bool {
        let last = self.answers.last_mut();
        last.map(|last| last.given.after = after).is_some()
    }

    /// Changes the last answer; `false` when there is none.
    pub(super) fn last_is_given(&mut self, times: u32) -> bool {
        let last = self.answers.last_mut();
        last.map(|last| last.times = Some(times)).is_some()
    }

    /// Whether the last answer of all is to wait for ever.
    pub(super) fn never_ends(&self, key: TaskKey) -> bool {
        let answer = self.given.get(&key).map(|index| &self.answers[*index]);
        answer.is_some_and(|answer| matches!(answer.given.answer, Answer::Never))
    }

    /// The answer for an attempt.
    pub(super) fn give(&mut self, key: TaskKey) -> Result<Given, String> {
        if let Some(index) = self.given.get(&key) {
            return Ok(self.answers[*index].given.clone());
        }
        let last = self.answers.len().checked_sub(1);
        let next = self.answers.iter().enumerate().position(|(index, answer)| {
            let limit = answer.times.or((Some(index) != last).then_some(1));
            limit.is_none_or(|limit| answer.used < limit)
        });
        let Some(next) = next else {
            return Err(match last {
                None => "it has no answer: write `.returns(..)` or `.with(|..| ..)` behind `hub.mock(..)`".into(),
                Some(_) => format!(
                    "it has no answer left, after {}: add one behind the last `.times(..)`",
                    self.given.len()
                ),
            });
        };
        self.answers[next].used += 1;
        self.given.insert(key, next);
        Ok(self.answers[next].given.clone())
    }
}
