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

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use self::options::{Policy, Retry, RetryIf};
use crate::arguments::encode_arguments;
use crate::definition::{
    ActivityDefinition, ActivityKind, CallError, Definition, Kind, OrchestratorDefinition,
    OrchestratorKind,
};
use crate::encoding::{EncodeError, WriteJson};
use crate::model::retry::RetryPolicy;

mod by_name;
mod child;
mod options;

pub(crate) use by_name::untyped;
pub use by_name::{ActivityByName, SubOrchestratorByName};
pub use child::Child;
pub(crate) use options::{ActivityOptions, ChildOptions, InstanceOptions};

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
