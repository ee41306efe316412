//! Calls that have not been made: what is called, its encoded input, and what the caller says besides.
//!
//! A call is inert until `ctx.call(..)` or `client.start(..)` takes it. What may be said of it depends on what is called, and what
//! has no meaning there does not compile:
//!
//! | of | with | type |
//! | --- | --- | --- |
//! | an activity | `retry`, `retry_if`, `no_retry`, `timeout`, `total_timeout`, `tag` | [`Call`] |
//! | an orchestrator, as a child or to be started | `id`, `tag` | [`Call`] |
//! | a child | the same, and `retry`, `retry_if`, `no_retry`, `total_timeout` | [`Child`] |
//! | a start | the same, and `on_existing`, `initial_status`, `start_at` | [`Start`](crate::Start) |
//! | an activity by its name | as an activity | [`ActivityByName`] |
//! | a child by its name | as a child, and `version` | [`SubOrchestratorByName`] |

use std::convert::Infallible;
use std::fmt;
use std::marker::PhantomData;
use std::rc::Rc;
use std::time::Duration;

use serde::Serialize;

use crate::arguments::{WriteJson, encode_arguments};
use crate::definition::{
    ActivityDefinition, ActivityKind, CallError, Definition, EncodeError, Kind,
    OrchestratorDefinition, OrchestratorKind, encode,
};
use crate::model::failure::FailureDetails;
use crate::model::retry::RetryPolicy;
use crate::model::tags::Tags;

/// A call that has not been made: a definition, its encoded arguments, and what the caller says besides.
///
/// `say_hello(city)` builds one; `ctx.call(..)` and `client.start(..)` make it. Nothing happens before that.
///
/// ```
/// # use std::time::Duration;
/// # use steadfast::prelude::*;
/// use steadfast::RetryPolicy;
///
/// # #[activity]
/// # async fn charge(card: String, cents: u32) -> Result<u64, String> { let _ = (card, cents); Ok(7) }
/// # #[orchestrator]
/// # async fn ship(_ctx: OrchestrationContext, order: u64) -> String { order.to_string() }
/// #[orchestrator]
/// async fn buy(ctx: OrchestrationContext, card: String) -> Result<String, String> {
///     // An activity that is tried up to five times, after 1, 2, 4 and 8 seconds, and never runs longer than 30 seconds.
///     let policy = RetryPolicy::new(5, Duration::from_secs(1)).backoff_coefficient(2.0);
///     let order = ctx.call(charge(card, 995).retry(policy).timeout(Duration::from_secs(30))).await?;
///     // A child, under an id that says what it is.
///     Ok(ctx.call(ship(order).id(format!("order-{order}"))).await?)
/// }
/// # fn main() {}
/// ```
///
/// An option that has no meaning for what is called does not exist. An activity has no id:
///
/// ```compile_fail,E0599
/// # use steadfast::prelude::*;
/// # #[activity]
/// # async fn charge(card: String) -> u64 { let _ = card; 7 }
/// let call = charge("visa".into()).id("order-7");
/// ```
///
/// and the timeout of an attempt is an activity's, since a child is ended by whoever called it:
///
/// ```compile_fail,E0599
/// # use std::time::Duration;
/// # use steadfast::prelude::*;
/// # #[orchestrator]
/// # async fn ship(_ctx: OrchestrationContext, order: u64) -> String { order.to_string() }
/// let call = ship(7).timeout(Duration::from_secs(30));
/// ```
#[must_use = "a call does nothing until it is given to `ctx.call(..)` or `client.start(..)`"]
pub struct Call<D: Definition, K: Kind = <D as Definition>::Kind> {
    pub(crate) input: Input,
    pub(crate) options: K::Options,
    definition: PhantomData<fn() -> D>,
}

/// An encoded input, or why it cannot be encoded.
pub(crate) type Input = Result<Option<String>, EncodeError>;

impl<D: Definition, K: Kind> Call<D, K> {
    /// A call with these arguments, under the names of their parameters.
    #[doc(hidden)]
    pub fn with_arguments(arguments: &[(&str, &dyn WriteJson)]) -> Self {
        Self {
            input: encode_arguments(K::WORD, D::NAME, arguments),
            options: K::Options::default(),
            definition: PhantomData,
        }
    }
}

impl<D: ActivityDefinition> Call<D, ActivityKind> {
    /// Tries again when the activity fails, by this policy instead of the one that the activity's attribute states.
    ///
    /// Each attempt and the time until it are durable. A failure that says that trying again is useless (`#[no_retry]` on the
    /// variant of a [`DurableError`](derive@crate::DurableError)) is final. When all attempts have failed, the call gives the
    /// failure of the last one.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use steadfast::prelude::*;
    /// # use steadfast::RetryPolicy;
    /// # #[activity]
    /// # async fn fetch(url: String) -> Result<String, String> { Ok(url) }
    /// # async fn example(ctx: OrchestrationContext, url: String) -> Result<String, String> {
    /// // At once, and after one, two and four minutes.
    /// const POLICY: RetryPolicy = RetryPolicy::new(4, Duration::from_secs(60)).backoff_coefficient(2.0);
    /// let page = ctx.call(fetch(url).retry(POLICY)).await?;
    /// # Ok(page) }
    /// ```
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.options.retry.policy = Policy::Given(policy);
        self
    }

    /// Tries again only after failures of which this is true. It decides in addition to the policy, for each failed attempt that
    /// another one would follow.
    ///
    /// The function is code of the orchestrator: it must give the same answer for the same error on every replay.
    ///
    /// # Panics
    ///
    /// The call panics when there is no policy, neither by [`retry`](Self::retry) nor by the activity's attribute.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use steadfast::prelude::*;
    /// # use steadfast::RetryPolicy;
    /// # #[activity]
    /// # async fn fetch(url: String) -> Result<String, String> { Ok(url) }
    /// # async fn example(ctx: OrchestrationContext, url: String) -> Result<String, String> {
    /// let busy = |error: &CallError<String>| error.returned().is_some_and(|error| error == "busy");
    /// let call = fetch(url).retry(RetryPolicy::new(3, Duration::from_secs(1))).retry_if(busy);
    /// # Ok(ctx.call(call).await?) }
    /// ```
    pub fn retry_if(mut self, condition: impl Fn(&CallError<D::Error>) -> bool + 'static) -> Self {
        let condition = RetryIf::new(D::NAME.into(), D::decode_error, condition);
        self.options.retry.condition = Some(condition);
        self
    }

    /// Does not try again, whatever the activity's attribute states.
    ///
    /// ```
    /// # use steadfast::prelude::*;
    /// # #[activity]
    /// # async fn fetch(url: String) -> Result<String, String> { Ok(url) }
    /// # async fn example(ctx: OrchestrationContext, url: String) -> Result<String, String> {
    /// let page = ctx.call(fetch(url).no_retry()).await?;
    /// # Ok(page) }
    /// ```
    pub fn no_retry(mut self) -> Self {
        self.options.retry = Retry::never();
        self
    }

    /// How long one attempt may run, instead of what the activity's attribute states. When the time is up, the attempt is
    /// cancelled and has failed ([`CallError::is_timeout`]), and may be tried again.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use steadfast::prelude::*;
    /// # #[activity]
    /// # async fn fetch(url: String) -> Result<String, String> { Ok(url) }
    /// # async fn example(ctx: OrchestrationContext, url: String) -> Result<Option<String>, String> {
    /// match ctx.call(fetch(url).timeout(Duration::from_secs(30))).await {
    ///     Err(error) if error.is_timeout() => Ok(None),
    ///     page => Ok(Some(page?)),
    /// }
    /// # }
    /// ```
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.options.timeout = Some(timeout);
        self
    }

    /// How long all attempts and the times between them may take together, instead of what the activity's attribute states:
    /// a durable timer that begins with the call. When the time is up, the call has failed ([`CallError::is_timeout`]).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use steadfast::prelude::*;
    /// # use steadfast::RetryPolicy;
    /// # #[activity]
    /// # async fn fetch(url: String) -> Result<String, String> { Ok(url) }
    /// # async fn example(ctx: OrchestrationContext, url: String) -> Result<String, String> {
    /// // Every ten seconds, for an hour.
    /// let policy = RetryPolicy::new(u32::MAX, Duration::from_secs(10));
    /// let page = ctx.call(fetch(url).retry(policy).total_timeout(Duration::from_secs(60 * 60))).await?;
    /// # Ok(page) }
    /// ```
    pub fn total_timeout(mut self, timeout: Duration) -> Self {
        self.options.total_timeout = Some(timeout);
        self
    }

    /// Marks the call in history. A key must not begin with `steadfast.`; of two values of a key, the later one counts.
    ///
    /// ```
    /// # use steadfast::prelude::*;
    /// # #[activity]
    /// # async fn fetch(url: String) -> Result<String, String> { Ok(url) }
    /// # async fn example(ctx: OrchestrationContext, url: String) -> Result<String, String> {
    /// let page = ctx.call(fetch(url).tag("customer", "7")).await?;
    /// # Ok(page) }
    /// ```
    pub fn tag(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.options.tags.insert(key.into(), value.into());
        self
    }
}

impl<D: OrchestratorDefinition> Call<D, OrchestratorKind> {
    /// The id of the instance, instead of a generated one. The rules are those of [`InstanceId`](crate::InstanceId).
    ///
    /// ```
    /// # use steadfast::prelude::*;
    /// # #[orchestrator]
    /// # async fn ship(_ctx: OrchestrationContext, order: u64) -> String { order.to_string() }
    /// # async fn example(ctx: OrchestrationContext, client: Client) -> Result<(), Box<dyn std::error::Error>> {
    /// // A child of this orchestration:
    /// let parcel = ctx.call(ship(7).id("order-7")).await?;
    /// // Or an orchestration of its own:
    /// let handle = client.start(ship(8).id("order-8")).await?;
    /// # Ok(()) }
    /// ```
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.options.id = Some(id.into());
        self
    }

    /// Marks the instance, so that it can be found. A key must not begin with `steadfast.`; of two values of a key, the later one
    /// counts.
    ///
    /// ```
    /// # use steadfast::prelude::*;
    /// # #[orchestrator]
    /// # async fn ship(_ctx: OrchestrationContext, order: u64) -> String { order.to_string() }
    /// # async fn example(ctx: OrchestrationContext) -> Result<String, String> {
    /// let parcel = ctx.call(ship(7).tag("customer", "7").tag("country", "de")).await?;
    /// # Ok(parcel) }
    /// ```
    pub fn tag(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.options.tags.insert(key.into(), value.into());
        self
    }

    /// Calls it as a child that is tried again. See [`Child::retry`].
    pub fn retry(self, policy: RetryPolicy) -> Child<D> {
        Child::from(self).retry(policy)
    }

    /// Calls it as a child that is tried again after some failures. See [`Child::retry_if`].
    pub fn retry_if(self, condition: impl Fn(&CallError<D::Error>) -> bool + 'static) -> Child<D> {
        Child::from(self).retry_if(condition)
    }

    /// Calls it as a child that is not tried again. See [`Child::no_retry`].
    pub fn no_retry(self) -> Child<D> {
        Child::from(self).no_retry()
    }

    /// Calls it as a child with a limited time. See [`Child::total_timeout`].
    pub fn total_timeout(self, timeout: Duration) -> Child<D> {
        Child::from(self).total_timeout(timeout)
    }
}

impl<D: Definition, K: Kind> Clone for Call<D, K> {
    fn clone(&self) -> Self {
        Self {
            input: self.input.clone(),
            options: self.options.clone(),
            definition: PhantomData,
        }
    }
}

impl<D: Definition, K: Kind> fmt::Debug for Call<D, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("name", &D::NAME)
            .field("input", &self.input)
            .field("options", &self.options)
            .finish()
    }
}

/// The call of an orchestrator as a child, with what only a caller that waits for it can ask for.
///
/// `ship(order)` is a call without options; `ship(order).retry(policy)` is one of these.
///
/// A client does not wait, so that it cannot start one:
///
/// ```compile_fail,E0277
/// # use std::time::Duration;
/// # use steadfast::prelude::*;
/// # use steadfast::RetryPolicy;
/// # #[orchestrator]
/// # async fn ship(_ctx: OrchestrationContext, order: u64) -> String { order.to_string() }
/// # async fn example(client: Client) {
/// client.start(ship(7).retry(RetryPolicy::new(3, Duration::from_secs(1)))).await;
/// # }
/// ```
#[must_use = "a call does nothing until it is given to `ctx.call(..)`"]
pub struct Child<D> {
    pub(crate) input: Input,
    pub(crate) options: ChildOptions,
    definition: PhantomData<fn() -> D>,
}

impl<D: OrchestratorDefinition> From<Call<D, OrchestratorKind>> for Child<D> {
    fn from(call: Call<D, OrchestratorKind>) -> Self {
        Self {
            input: call.input,
            options: ChildOptions {
                instance: call.options,
                ..ChildOptions::default()
            },
            definition: PhantomData,
        }
    }
}

impl<D: OrchestratorDefinition> Child<D> {
    /// The id of the instance, instead of a generated one. See [`Call::id`](Call#method.id). Each attempt has this id.
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.options.instance.id = Some(id.into());
        self
    }

    /// Marks the instance. See [`Call::tag`](Call#method.tag-1).
    pub fn tag(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.options.instance.tags.insert(key.into(), value.into());
        self
    }

    /// Starts the child again when it fails, by this policy instead of the one that its attribute states.
    ///
    /// Each attempt is an instance of its own, unless the call has an id: then that instance is replaced.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use steadfast::prelude::*;
    /// # use steadfast::RetryPolicy;
    /// # #[orchestrator]
    /// # async fn ship(_ctx: OrchestrationContext, order: u64) -> String { order.to_string() }
    /// # async fn example(ctx: OrchestrationContext) -> Result<String, String> {
    /// let daily = RetryPolicy::new(7, Duration::from_secs(24 * 60 * 60));
    /// let parcel = ctx.call(ship(7).id("order-7").retry(daily)).await?;
    /// # Ok(parcel) }
    /// ```
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.options.retry.policy = Policy::Given(policy);
        self
    }

    /// Tries again only after failures of which this is true. It decides in addition to the policy, for each failed attempt that
    /// another one would follow.
    ///
    /// The function is code of the orchestrator: it must give the same answer for the same error on every replay.
    ///
    /// # Panics
    ///
    /// The call panics when there is no policy, neither by [`retry`](Self::retry) nor by the child's attribute.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use steadfast::prelude::*;
    /// # use steadfast::RetryPolicy;
    /// # #[orchestrator]
    /// # async fn ship(_ctx: OrchestrationContext, order: u64) -> String { order.to_string() }
    /// # async fn example(ctx: OrchestrationContext) -> Result<String, String> {
    /// let daily = RetryPolicy::new(7, Duration::from_secs(24 * 60 * 60));
    /// let call = ship(7).retry(daily).retry_if(|error| error.failure().error_type == "NoCourier");
    /// # Ok(ctx.call(call).await?) }
    /// ```
    pub fn retry_if(mut self, condition: impl Fn(&CallError<D::Error>) -> bool + 'static) -> Self {
        let condition = RetryIf::new(D::NAME.into(), D::decode_error, condition);
        self.options.retry.condition = Some(condition);
        self
    }

    /// Does not try again, whatever the child's attribute states.
    ///
    /// ```
    /// # use steadfast::prelude::*;
    /// # #[orchestrator]
    /// # async fn ship(_ctx: OrchestrationContext, order: u64) -> String { order.to_string() }
    /// # async fn example(ctx: OrchestrationContext) -> Result<String, String> {
    /// let parcel = ctx.call(ship(7).no_retry()).await?;
    /// # Ok(parcel) }
    /// ```
    pub fn no_retry(mut self) -> Self {
        self.options.retry = Retry::never();
        self
    }

    /// How long all attempts and the times between them may take together: a durable timer that begins with the call. When the
    /// time is up, the child is terminated and the call has failed ([`CallError::is_timeout`]).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use steadfast::prelude::*;
    /// # #[orchestrator]
    /// # async fn ship(_ctx: OrchestrationContext, order: u64) -> String { order.to_string() }
    /// # async fn example(ctx: OrchestrationContext) -> Result<String, String> {
    /// let parcel = ctx.call(ship(7).total_timeout(Duration::from_secs(24 * 60 * 60))).await?;
    /// # Ok(parcel) }
    /// ```
    pub fn total_timeout(mut self, timeout: Duration) -> Self {
        self.options.total_timeout = Some(timeout);
        self
    }
}

impl<D> Clone for Child<D> {
    fn clone(&self) -> Self {
        Self {
            input: self.input.clone(),
            options: self.options.clone(),
            definition: PhantomData,
        }
    }
}

impl<D: Definition> fmt::Debug for Child<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Child")
            .field("name", &D::NAME)
            .field("input", &self.input)
            .field("options", &self.options)
            .finish()
    }
}

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
    policy: Policy,
    condition: Option<RetryIf>,
}

#[derive(Clone, Debug, Default)]
enum Policy {
    /// As the definition says.
    #[default]
    Defined,
    Never,
    Given(RetryPolicy),
}

impl Retry {
    const fn never() -> Self {
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
struct RetryIf(Condition);

impl RetryIf {
    fn new<E: 'static>(
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
