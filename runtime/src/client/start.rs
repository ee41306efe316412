//! How an orchestration is started.

use std::marker::PhantomData;

use serde::Serialize;

use super::initial_status::InitialStatus;
use crate::call::{Call, Input, InstanceOptions};
use crate::context::TimerDue;
use crate::definition::{OrchestratorDefinition, OrchestratorKind};
use crate::encoding::encode;
use crate::model::custom_status::{CustomStatus, CustomStatusError};
use crate::model::on_existing::OnExisting;
use crate::model::trace_context::TraceContext;

/// What a client can start: the [`Call`] of an orchestrator, or a [`Start`]. Nothing else can be.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be started by a client",
    label = "this must be the call of an orchestrator",
    note = "clients start functions marked `#[orchestrator]`; an activity is called by an orchestrator, with `ctx.call(..)`",
    note = "`.retry(..)`, `.retry_if(..)`, `.no_retry()` and `.total_timeout(..)` are for a child, which an orchestrator calls with `ctx.call(..)`"
)]
pub trait Startable: sealed::Sealed {
    /// The orchestrator.
    type Definition: OrchestratorDefinition;

    /// The start, with or without options.
    #[doc(hidden)]
    fn into_start(self) -> Start<Self::Definition>;
}

mod sealed {
    pub trait Sealed {}
}

impl<D: OrchestratorDefinition> sealed::Sealed for Call<D, OrchestratorKind> {}

#[diagnostic::do_not_recommend]
impl<D: OrchestratorDefinition> Startable for Call<D, OrchestratorKind> {
    type Definition = D;

    fn into_start(self) -> Start<D> {
        Start::from(self)
    }
}

impl<D: OrchestratorDefinition> sealed::Sealed for Start<D> {}

#[diagnostic::do_not_recommend]
impl<D: OrchestratorDefinition> Startable for Start<D> {
    type Definition = D;

    fn into_start(self) -> Self {
        self
    }
}

/// The start of a typed orchestration: a call, with what only a client can ask for.
///
/// `hello_sequence(cities)` is a call without options, and can be started too; `hello_sequence(cities).start_at(time)` is one of
/// these.
///
/// An orchestrator waits for what it calls, so that it cannot call one:
///
/// ```compile_fail,E0277
/// # use steadfast::prelude::*;
/// # #[orchestrator]
/// # async fn ship(_ctx: OrchestrationContext, order: u64) -> String { order.to_string() }
/// # async fn example(ctx: OrchestrationContext) {
/// ctx.call(ship(7).on_existing(OnExisting::Attach)).await;
/// # }
/// ```
#[derive(Debug)]
#[must_use = "a start does nothing until it is given to `client.start(..)`"]
pub struct Start<D> {
    pub(super) input: Input,
    pub(super) options: StartOptions,
    definition: PhantomData<fn() -> D>,
}

#[derive(Debug)]
pub(super) struct StartOptions {
    pub(super) instance: InstanceOptions,
    pub(super) on_existing: OnExisting,
    pub(super) initial_status: Result<Option<CustomStatus>, CustomStatusError>,
    pub(super) start_at: Option<TimerDue>,
    pub(super) trace: Option<TraceContext>,
}

impl StartOptions {
    /// Takes them and leaves the same, but for an initial status that is an error.
    #[cfg(feature = "testing")]
    fn take_again(&mut self) -> Self {
        let initial_status = match &self.initial_status {
            Ok(status) => Ok(status.clone()),
            Err(_) => std::mem::replace(&mut self.initial_status, Ok(None)),
        };
        Self {
            instance: self.instance.clone(),
            on_existing: self.on_existing,
            initial_status,
            start_at: self.start_at,
            trace: self.trace.clone(),
        }
    }

    fn new(instance: InstanceOptions) -> Self {
        Self {
            instance,
            on_existing: OnExisting::default(),
            initial_status: Ok(None),
            start_at: None,
            trace: None,
        }
    }
}

impl<D> Start<D> {
    /// The id that was chosen, when one was.
    pub(crate) fn given_id(&self) -> Option<&str> {
        self.options.instance.id.as_deref()
    }

    /// Takes it and leaves the same: for who may have to start it again since the outcome is unknown.
    #[cfg(feature = "testing")]
    pub(crate) fn take_again(&mut self) -> Self {
        Self {
            input: self.input.clone(),
            options: self.options.take_again(),
            definition: PhantomData,
        }
    }
}

impl<D: OrchestratorDefinition> Start<D> {
    /// Starts it under this id instead of a generated one, which is 32 hexadecimal digits. The rules are those of
    /// [`InstanceId`](crate::InstanceId).
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.options.instance.id = Some(id.into());
        self
    }

    /// Marks the instance. See [`Call::tag`](Call#method.tag-1).
    pub fn tag(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.options.instance.tags.insert(key.into(), value.into());
        self
    }

    /// What to do when the id is taken; [`OnExisting::ReplaceTerminal`] by default: an instance that has ended is replaced, and a
    /// live one is an error.
    ///
    /// ```
    /// # use steadfast::prelude::*;
    /// # #[orchestrator]
    /// # async fn ship(_ctx: OrchestrationContext, order: u64) -> String { order.to_string() }
    /// # async fn example(client: Client) -> Result<(), Box<dyn std::error::Error>> {
    /// // Safe to run again: the instance is attached to when it exists.
    /// let parcel = client.start(ship(7).id("order-7").on_existing(OnExisting::Attach)).await?;
    /// # Ok(()) }
    /// ```
    pub fn on_existing(mut self, on_existing: OnExisting) -> Self {
        self.options.on_existing = on_existing;
        self
    }

    /// The custom status that it shows until its own code sets one; none by default. It is of the orchestrator's status type, or any
    /// value for an orchestrator that has none. If the type does not rule out that it is too large, starting it may fail with
    /// [`ClientError::CustomStatus`](crate::ClientError::CustomStatus).
    ///
    /// ```
    /// # use steadfast::prelude::*;
    /// # #[orchestrator]
    /// # async fn ship(_ctx: OrchestrationContext, order: u64) -> String { order.to_string() }
    /// # async fn example(client: Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let parcel = client.start(ship(7).initial_status("waiting for a courier")).await?;
    /// # Ok(()) }
    /// ```
    pub fn initial_status(mut self, status: impl InitialStatus<D::Status>) -> Self {
        self.options.initial_status = status.encode();
        self
    }

    /// Runs it at this time, or after this long; at once by default. Until then it is `Pending`; it can be found, sent events and
    /// terminated.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use steadfast::prelude::*;
    /// # #[orchestrator]
    /// # async fn ship(_ctx: OrchestrationContext, order: u64) -> String { order.to_string() }
    /// # async fn example(client: Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let parcel = client.start(ship(7).start_at(Duration::from_secs(60 * 60))).await?;
    /// # Ok(()) }
    /// ```
    pub fn start_at(mut self, time: impl Into<TimerDue>) -> Self {
        self.options.start_at = Some(time.into());
        self
    }

    /// Notes from which place in a distributed trace it is started; none by default. Its code, its activities and its children can
    /// read it, and their spans carry it.
    ///
    /// ```
    /// # use steadfast::prelude::*;
    /// use steadfast::TraceContext;
    ///
    /// # #[orchestrator]
    /// # async fn ship(_ctx: OrchestrationContext, order: u64) -> String { order.to_string() }
    /// # async fn example(client: Client, traceparent: &str) -> Result<(), Box<dyn std::error::Error>> {
    /// let parcel = client.start(ship(7).trace_context(TraceContext::parse(traceparent).ok())).await?;
    /// # Ok(()) }
    /// ```
    pub fn trace_context(mut self, trace: impl Into<Option<TraceContext>>) -> Self {
        self.options.trace = trace.into();
        self
    }
}

impl<D: OrchestratorDefinition> From<Call<D, OrchestratorKind>> for Start<D> {
    fn from(call: Call<D, OrchestratorKind>) -> Self {
        Self {
            input: call.input,
            options: StartOptions::new(call.options),
            definition: PhantomData,
        }
    }
}

impl<D: OrchestratorDefinition> Call<D, OrchestratorKind> {
    /// Starts it, and says what to do when the id is taken. See [`Start::on_existing`].
    pub fn on_existing(self, on_existing: OnExisting) -> Start<D> {
        Start::from(self).on_existing(on_existing)
    }

    /// Starts it with a custom status that it shows until its own code sets one. See [`Start::initial_status`].
    pub fn initial_status(self, status: impl InitialStatus<D::Status>) -> Start<D> {
        Start::from(self).initial_status(status)
    }

    /// Starts it not before this time, or after so much time. See [`Start::start_at`].
    pub fn start_at(self, time: impl Into<TimerDue>) -> Start<D> {
        Start::from(self).start_at(time)
    }

    /// Starts it from a place in a distributed trace. See [`Start::trace_context`].
    pub fn trace_context(self, trace: impl Into<Option<TraceContext>>) -> Start<D> {
        Start::from(self).trace_context(trace)
    }
}

/// The start of an orchestration by its registered name.
///
/// ```
/// # use steadfast::prelude::*;
/// use steadfast::StartByName;
///
/// # async fn example(client: Client) -> Result<(), Box<dyn std::error::Error>> {
/// let start = StartByName::new("E1_HelloSequence").input(["Tokyo", "Seattle"]).id("hello").tag("customer", "7");
/// let hello = client.start_by_name(start).await?;
/// # Ok(()) }
/// ```
#[derive(Debug)]
#[must_use = "a start does nothing until it is given to `client.start_by_name(..)`"]
pub struct StartByName {
    pub(super) name: String,
    pub(super) version: Option<String>,
    pub(super) input: Input,
    pub(super) options: StartOptions,
}

impl StartByName {
    /// Starts the orchestrator of this name, in its newest version and without input.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            version: None,
            input: Ok(None),
            options: StartOptions::new(InstanceOptions::default()),
        }
    }

    /// The id that was chosen, when one was.
    pub(crate) fn given_id(&self) -> Option<&str> {
        self.options.instance.id.as_deref()
    }

    #[cfg(feature = "testing")]
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// See [`Start::take_again`].
    #[cfg(feature = "testing")]
    pub(crate) fn take_again(&mut self) -> Self {
        Self {
            name: self.name.clone(),
            version: self.version.clone(),
            input: self.input.clone(),
            options: self.options.take_again(),
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

    /// In exactly this version; the empty text means the definition that has none.
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.version = Some(version.into());
        self
    }

    /// See [`Start::id`].
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.options.instance.id = Some(id.into());
        self
    }

    /// See [`Start::tag`].
    pub fn tag(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.options.instance.tags.insert(key.into(), value.into());
        self
    }

    /// See [`Start::on_existing`].
    pub fn on_existing(mut self, on_existing: OnExisting) -> Self {
        self.options.on_existing = on_existing;
        self
    }

    /// With this custom status, until its own code sets one. Any value; starting it gives the error of one that is too large.
    pub fn initial_status(mut self, status: impl Serialize) -> Self {
        self.options.initial_status = CustomStatus::encode(&status);
        self
    }

    /// See [`Start::start_at`].
    pub fn start_at(mut self, time: impl Into<TimerDue>) -> Self {
        self.options.start_at = Some(time.into());
        self
    }

    /// See [`Start::trace_context`].
    pub fn trace_context(mut self, trace: impl Into<Option<TraceContext>>) -> Self {
        self.options.trace = trace.into();
        self
    }
}
