//! Calls by registered names.

use std::convert::Infallible;
use std::marker::PhantomData;
use std::time::Duration;

use serde::Serialize;

use super::Input;
use super::options::{ActivityOptions, ChildOptions, Policy, RetryIf};
use crate::definition::CallError;
use crate::encoding::encode;
use crate::model::failure::FailureDetails;
use crate::model::retry::RetryPolicy;
#[cfg(doc)]
use crate::{Call, Child};

/// The call of an activity by its registered name, for `ctx.call(..)`. Its result is read as a `T`.
///
/// Without options, [`ctx.call_activity(name, input)`](crate::OrchestrationContext::call_activity) is shorter. An option cannot
/// come after that: the activity is scheduled already.
///
/// ```
/// # use std::time::Duration;
/// # use steadfast::prelude::*;
/// use steadfast::{ActivityByName, RetryPolicy};
///
/// #[orchestrator]
/// async fn hello(ctx: OrchestrationContext, city: String) -> Result<String, String> {
///     let policy = RetryPolicy::new(3, Duration::from_secs(5));
///     Ok(ctx.call(ActivityByName::new("E1_SayHello").input(city).retry(policy)).await?)
/// }
/// # fn main() {}
/// ```
#[derive(Clone, Debug)]
#[must_use = "a call does nothing until it is given to `ctx.call(..)`"]
pub struct ActivityByName<T> {
    pub(crate) name: String,
    pub(crate) input: Input,
    pub(crate) options: ActivityOptions,
    output: PhantomData<fn() -> T>,
}

impl<T> ActivityByName<T> {
    /// Calls the activity of this name, without input.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            input: Ok(None),
            options: ActivityOptions::default(),
            output: PhantomData,
        }
    }

    /// With this value as its input. An activity of several parameters takes them as a tuple.
    pub fn input(mut self, input: impl Serialize) -> Self {
        self.input = encode("the input of the activity", &input).map(Some);
        self
    }

    /// With this JSON text as its input, kept byte for byte.
    pub fn json_input(mut self, input: Option<String>) -> Self {
        self.input = Ok(input);
        self
    }

    /// Tries again when it fails. See [`Call::retry`](Call#method.retry). What the activity's attribute states is not known to a
    /// call by name.
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.options.retry.policy = Policy::Given(policy);
        self
    }

    /// Tries again only after failures of which this is true. See [`Call::retry_if`](Call#method.retry_if).
    ///
    /// # Panics
    ///
    /// The call panics when there is no policy.
    pub fn retry_if(mut self, condition: impl Fn(&CallError) -> bool + 'static) -> Self {
        let condition = RetryIf::new(self.name.clone(), untyped, condition);
        self.options.retry.condition = Some(condition);
        self
    }

    /// How long one attempt may run. See [`Call::timeout`].
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.options.timeout = Some(timeout);
        self
    }

    /// How long all attempts may take together. See [`Call::total_timeout`](Call#method.total_timeout).
    pub fn total_timeout(mut self, timeout: Duration) -> Self {
        self.options.total_timeout = Some(timeout);
        self
    }

    /// Marks the call in history. See [`Call::tag`](Call#method.tag).
    pub fn tag(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.options.tags.insert(key.into(), value.into());
        self
    }
}

/// The call of an orchestrator by its registered name, as a child, for `ctx.call(..)`. Its output is read as a `T`.
///
/// Without options, [`ctx.call_sub_orchestrator(name, input)`](crate::OrchestrationContext::call_sub_orchestrator) is shorter. An
/// option cannot come after that: the child is scheduled already.
///
/// ```
/// # use steadfast::prelude::*;
/// use steadfast::SubOrchestratorByName;
///
/// #[orchestrator]
/// async fn provision(ctx: OrchestrationContext, device: u32) -> Result<String, String> {
///     let setup = SubOrchestratorByName::new("DeviceProvisioning").input(device);
///     Ok(ctx.call(setup.id(format!("device-{device}")).version("1.2")).await?)
/// }
/// # fn main() {}
/// ```
#[derive(Clone, Debug)]
#[must_use = "a call does nothing until it is given to `ctx.call(..)`"]
pub struct SubOrchestratorByName<T> {
    pub(crate) name: String,
    pub(crate) version: Option<String>,
    pub(crate) input: Input,
    pub(crate) options: ChildOptions,
    output: PhantomData<fn() -> T>,
}

impl<T> SubOrchestratorByName<T> {
    /// Calls the orchestrator of this name, in its newest version and without input.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            version: None,
            input: Ok(None),
            options: ChildOptions::default(),
            output: PhantomData,
        }
    }

    /// With this value as its input. An orchestrator of several parameters takes them as a tuple.
    pub fn input(mut self, input: impl Serialize) -> Self {
        self.input = encode("the input of the orchestrator", &input).map(Some);
        self
    }

    /// With this JSON text as its input, kept byte for byte.
    pub fn json_input(mut self, input: Option<String>) -> Self {
        self.input = Ok(input);
        self
    }

    /// In exactly this version.
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.version = Some(version.into());
        self
    }

    /// The id of the instance, instead of a generated one. See [`Call::id`](Call#method.id).
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.options.instance.id = Some(id.into());
        self
    }

    /// Marks the instance. See [`Call::tag`](Call#method.tag-1).
    pub fn tag(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.options.instance.tags.insert(key.into(), value.into());
        self
    }

    /// Tries again when it fails. See [`Child::retry`]. What the orchestrator's attribute states is not known to a call by name.
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.options.retry.policy = Policy::Given(policy);
        self
    }

    /// Tries again only after failures of which this is true. See [`Child::retry_if`].
    ///
    /// # Panics
    ///
    /// The call panics when there is no policy.
    pub fn retry_if(mut self, condition: impl Fn(&CallError) -> bool + 'static) -> Self {
        let condition = RetryIf::new(self.name.clone(), untyped, condition);
        self.options.retry.condition = Some(condition);
        self
    }

    /// How long all attempts may take together. See [`Child::total_timeout`].
    pub fn total_timeout(mut self, timeout: Duration) -> Self {
        self.options.total_timeout = Some(timeout);
        self
    }
}

/// How the error of a call by name is read: it has no type.
pub(crate) const fn untyped(_: &FailureDetails) -> Option<Infallible> {
    None
}
