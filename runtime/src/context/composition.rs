//! How an orchestrator has something done by others: activities, children, other instances, and the next execution of itself.

use std::convert::Infallible;
use std::future::{Pending, pending};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::callable::{Callable, pinned};
use super::futures::{ActivityCall, SubOrchestrationCall};
use super::orchestration::OrchestrationContext;
use crate::call::{ActivityByName, Call, SubOrchestratorByName, untyped};
use crate::definition::{CallError, OrchestratorDefinition};
use crate::encoding::{EncodeError, encode};
use crate::external_event::ExternalEvent;
use crate::model::failure::FailureDetails;
use crate::model::instance::InstanceId;

impl<S> OrchestrationContext<S> {
    /// Calls an activity, or another orchestrator as a child. It is scheduled now, in program order, and not when it is awaited.
    ///
    /// Options, such as retries, time-outs or an id, are methods of [`Call`] and [`Child`](crate::Child). By default a call has one
    /// attempt and no limit of time, unless the attribute of the definition says otherwise.
    ///
    /// # Errors
    ///
    /// The future gives a [`CallError`] when what was called returned an error, panicked, took too long, or could not be run.
    ///
    /// # Panics
    ///
    /// When the call has `retry_if(..)`, but neither the call nor the definition has a retry policy.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use steadfast::prelude::*;
    /// use steadfast::RetryPolicy;
    ///
    /// # #[activity]
    /// # async fn reserve(seat: u32) -> Result<u64, String> { Ok(u64::from(seat)) }
    /// # #[orchestrator]
    /// # async fn print_ticket(_ctx: OrchestrationContext, booking: u64) -> Result<String, String> { Ok(booking.to_string()) }
    /// #[orchestrator]
    /// async fn book(ctx: OrchestrationContext, seat: u32) -> Result<String, String> {
    ///     let policy = RetryPolicy::new(3, Duration::from_secs(1));
    ///     let booking = ctx.call(reserve(seat).retry(policy).timeout(Duration::from_secs(30))).await?;
    ///     Ok(ctx.call(print_ticket(booking).id(format!("ticket-{booking}"))).await?)
    /// }
    /// # fn main() {}
    /// ```
    #[track_caller]
    pub fn call<C: Callable>(&self, call: C) -> C::Called {
        call.schedule(self.execution())
    }

    /// Calls an activity by its registered name. The input is one JSON value; an activity of several parameters takes them as
    /// a tuple.
    ///
    /// It is scheduled now. Options come before that: `ctx.call(ActivityByName::new(name).input(input).retry(policy))`, see
    /// [`ActivityByName`].
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call), without a typed error.
    ///
    /// ```
    /// # use steadfast::prelude::*;
    /// # async fn example(ctx: OrchestrationContext) -> Result<String, String> {
    /// let greeting: String = ctx.call_activity("E1_SayHello", "Tokyo").await?;
    /// # Ok(greeting) }
    /// ```
    #[track_caller]
    pub fn call_activity<T: DeserializeOwned>(
        &self,
        name: &str,
        input: impl Serialize,
    ) -> ActivityCall<T, Infallible> {
        self.call(ActivityByName::new(name).input(input))
    }

    /// Calls an orchestrator by its registered name, in its newest version, as a child. The input is one JSON value; an
    /// orchestrator of several parameters takes them as a tuple.
    ///
    /// It is scheduled now. Options come before that: `ctx.call(SubOrchestratorByName::new(name).input(input).id(id))`, see
    /// [`SubOrchestratorByName`].
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call), without a typed error.
    ///
    /// ```
    /// # use steadfast::prelude::*;
    /// # async fn example(ctx: OrchestrationContext) -> Result<bool, String> {
    /// let provisioned: bool = ctx.call_sub_orchestrator("DeviceProvisioning", "device-7").await?;
    /// # Ok(provisioned) }
    /// ```
    #[track_caller]
    pub fn call_sub_orchestrator<T: DeserializeOwned>(
        &self,
        name: &str,
        input: impl Serialize,
    ) -> SubOrchestrationCall<T, Infallible> {
        self.call(SubOrchestratorByName::new(name).input(input))
    }

    /// Sends an external event of a declared type to another instance, by its id. It leaves with the commit of the current
    /// episode, once. An instance that does not exist or has ended drops it.
    ///
    /// # Errors
    ///
    /// When the text is not an instance id, or the event cannot be encoded or is too large. The same on every replay.
    ///
    /// ```
    /// # use steadfast::prelude::*;
    /// #[derive(ExternalEvent, Serialize, Deserialize)]
    /// struct Approved(bool);
    ///
    /// #[orchestrator]
    /// async fn approve(ctx: OrchestrationContext, request: String) -> Result<(), String> {
    ///     ctx.send_event(request, &Approved(true))?;
    ///     Ok(())
    /// }
    /// # fn main() {}
    /// ```
    #[track_caller]
    pub fn send_event<E: ExternalEvent>(
        &self,
        to: impl Into<String>,
        event: &E,
    ) -> Result<(), CallError> {
        self.send_event_named(to, E::NAME, event)
    }

    /// Sends an external event by name to another instance. Names are compared without regard to case.
    ///
    /// # Errors
    ///
    /// As [`send_event`](Self::send_event), and when the name begins with `steadfast.`.
    ///
    /// ```
    /// # use steadfast::prelude::*;
    /// # async fn example(ctx: OrchestrationContext) -> Result<(), String> {
    /// if let Some(parent) = ctx.parent() {
    ///     ctx.send_event_named(&parent.instance_id, "HalfTime", &50)?;
    /// }
    /// # Ok(()) }
    /// ```
    #[track_caller]
    pub fn send_event_named(
        &self,
        to: impl Into<String>,
        name: &str,
        payload: &(impl Serialize + ?Sized),
    ) -> Result<(), CallError> {
        let payload = encode("the payload of the event", payload)
            .map(Some)
            .map_err(|error| FailureDetails::from(&error));
        let sent = match InstanceId::parse(to) {
            // Not in a closure, which would take the place of the caller.
            Ok(to) => self.execution().send_event(&to, name, payload),
            Err(error) => Err(FailureDetails::from(&error)),
        };
        sent.map_err(|failure| CallError::new(name, untyped, failure))
    }

    /// Ends this execution and begins the next one of the same instance, with an empty history: how an orchestration goes on for
    /// ever. The future is never ready, whatever type is asked of it.
    ///
    /// The instance keeps its id, its tags and its custom status, and its clients do not notice. External events that have
    /// arrived and were not taken are carried over. Calls that are still open are not waited for.
    ///
    /// The call is one of the same orchestrator, perhaps in another version.
    ///
    /// # Panics
    ///
    /// When the call is one of another orchestrator, or has an id or tags.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use steadfast::prelude::*;
    /// # #[activity]
    /// # async fn clean_up(round: u64) { let _ = round; }
    /// #[orchestrator]
    /// async fn periodic_clean_up(ctx: OrchestrationContext, round: u64) -> Result<(), String> {
    ///     ctx.call(clean_up(round)).await?;
    ///     ctx.create_timer(Duration::from_secs(60 * 60)).await;
    ///     ctx.continue_as_new(periodic_clean_up(round + 1)).await
    /// }
    /// # fn main() {}
    /// ```
    #[track_caller]
    pub fn continue_as_new<D: OrchestratorDefinition, T>(&self, call: Call<D>) -> Pending<T> {
        let (instance, name) = (self.instance_id(), self.name());
        assert!(
            name.eq_ignore_ascii_case(D::NAME),
            "instance `{instance}` is an orchestration of `{name}` and cannot continue as `{}`",
            D::NAME
        );
        assert!(
            call.options.id.is_none() && call.options.tags.is_empty(),
            "instance `{instance}` keeps its id and tags when it continues as new: the call of `{name}` cannot state others"
        );
        let version = (D::VERSION != self.version()).then(pinned::<D>);
        self.continue_with(call.input, version)
    }

    /// Continues as new with this input, as [`continue_as_new`](Self::continue_as_new) does, without naming the orchestrator. The
    /// version stays.
    ///
    /// ```
    /// # use steadfast::prelude::*;
    /// # async fn example(ctx: OrchestrationContext, count: u64) -> u64 {
    /// ctx.continue_as_new_with(count + 1).await
    /// # }
    /// ```
    #[track_caller]
    pub fn continue_as_new_with<T>(&self, input: impl Serialize) -> Pending<T> {
        let input = encode("the input of the orchestrator", &input).map(Some);
        self.continue_with(input, None)
    }

    /// Without a version, the next execution has that of this one.
    #[track_caller]
    fn continue_with<T>(
        &self,
        input: Result<Option<String>, EncodeError>,
        version: Option<String>,
    ) -> Pending<T> {
        let input = input.map_err(|error| FailureDetails::from(&error));
        self.execution().continue_as_new(input, version);
        pending()
    }
}
