//! What may be said of calls.

use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use crate::definition::CallError;
use crate::model::failure::FailureDetails;
use crate::model::retry::RetryPolicy;
use crate::model::tags::Tags;

/// What may be said of an activity's call.
#[derive(Clone, Debug, Default)]
pub struct ActivityOptions {
    pub(crate) retry: Retry,
    pub(crate) timeout: Option<Duration>,
    pub(crate) total_timeout: Option<Duration>,
    pub(crate) tags: Tags,
}

/// What may be said of an instance, whoever begins it.
#[derive(Clone, Debug, Default)]
pub struct InstanceOptions {
    pub(crate) id: Option<String>,
    pub(crate) tags: Tags,
}

/// What may be said of a child.
#[derive(Clone, Debug, Default)]
pub(crate) struct ChildOptions {
    pub(crate) instance: InstanceOptions,
    pub(crate) retry: Retry,
    pub(crate) total_timeout: Option<Duration>,
}

/// Whether and when a call is tried again.
#[derive(Clone, Debug, Default)]
pub(crate) struct Retry {
    pub(super) policy: Policy,
    pub(super) condition: Option<RetryIf>,
}

#[derive(Clone, Debug, Default)]
pub(super) enum Policy {
    /// As the definition says.
    #[default]
    Defined,
    Never,
    Given(RetryPolicy),
}

impl Retry {
    pub(super) const fn never() -> Self {
        Self {
            policy: Policy::Never,
            condition: None,
        }
    }

    /// What is in force for a call of this name, whose definition says that.
    ///
    /// # Panics
    ///
    /// When there is a condition and no policy.
    #[track_caller]
    pub(crate) fn in_force(
        self,
        name: &str,
        defined: Option<RetryPolicy>,
    ) -> (Option<RetryPolicy>, Option<Condition>) {
        let policy = match self.policy {
            Policy::Defined => defined,
            Policy::Never => None,
            Policy::Given(policy) => Some(policy),
        };
        assert!(
            policy.is_some() || self.condition.is_none(),
            "the call of `{name}` says `.retry_if(..)`, but nothing says how often and when to try again: add `.retry(policy)`"
        );
        (policy, self.condition.map(|condition| condition.0))
    }
}

/// Whether a failure is one after which to try again.
pub(crate) type Condition = Rc<dyn Fn(&FailureDetails) -> bool>;

#[derive(Clone)]
pub(super) struct RetryIf(Condition);

impl RetryIf {
    pub(super) fn new<E: 'static>(
        name: String,
        decode: fn(&FailureDetails) -> Option<E>,
        condition: impl Fn(&CallError<E>) -> bool + 'static,
    ) -> Self {
        Self(Rc::new(move |failure| {
            condition(&CallError::new(&name, decode, failure.clone()))
        }))
    }
}

impl fmt::Debug for RetryIf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("..")
    }
}
