//! The call of an orchestrator as a child.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use super::options::{ChildOptions, Policy, Retry, RetryIf};
use super::{Call, Input};
use crate::definition::{CallError, Definition, OrchestratorDefinition, OrchestratorKind};
use crate::model::retry::RetryPolicy;

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
