//! What `ctx.call(..)` takes, and how each becomes an operation.

use std::time::Duration;

use serde::de::DeserializeOwned;

use super::futures::{ActivityCall, SubOrchestrationCall};
use crate::call::{
    ActivityByName, ActivityOptions, Call, Child, ChildOptions, Input, SubOrchestratorByName,
    untyped,
};
use crate::definition::{
    ActivityDefinition, ActivityKind, Definition, OrchestratorDefinition, OrchestratorKind,
};
use crate::encoding::EncodeError;
use crate::engine::{self, ExecutionHandle, TaskOptions};
use crate::model::failure::{self, FailureDetails};
use crate::model::instance::{InstanceId, InstanceIdError};
use crate::model::retry::RetryPolicy;

/// A call that an orchestrator can make: of an activity, or of another orchestrator as its child.
///
/// [`Call`], [`Child`], [`ActivityByName`] and [`SubOrchestratorByName`] are such calls. Nothing else can be.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a call that an orchestrator can make",
    label = "this must be the call of an activity or orchestrator",
    note = "`ctx.call(..)` takes calls of functions marked `#[activity]` or `#[orchestrator]`, such as `say_hello(city)`",
    note = "`.on_existing(..)`, `.initial_status(..)` and `.start_at(..)` belong to what a client starts: a child has none of them"
)]
pub trait Callable: sealed::Sealed {
    /// The future of its result.
    type Called;

    /// Schedules it.
    #[doc(hidden)]
    #[track_caller]
    fn schedule(self, execution: &ExecutionHandle) -> Self::Called;
}

mod sealed {
    pub trait Sealed {}
}

impl<D: ActivityDefinition> sealed::Sealed for Call<D, ActivityKind> {}

impl<D: ActivityDefinition> Callable for Call<D, ActivityKind>
where
    D::Output: DeserializeOwned,
{
    type Called = ActivityCall<D::Output, D::Error>;

    #[track_caller]
    fn schedule(self, execution: &ExecutionHandle) -> Self::Called {
        let defined = Defined {
            retry: D::RETRY,
            timeout: D::TIMEOUT,
            total_timeout: D::TOTAL_TIMEOUT,
        };
        let (name, input) = (D::NAME.into(), self.input);
        schedule_activity(
            execution,
            name,
            input,
            self.options,
            defined,
            D::decode_error,
        )
    }
}

impl<T> sealed::Sealed for ActivityByName<T> {}

impl<T: DeserializeOwned> Callable for ActivityByName<T> {
    type Called = ActivityCall<T, std::convert::Infallible>;

    #[track_caller]
    fn schedule(self, execution: &ExecutionHandle) -> Self::Called {
        let defined = Defined::default();
        schedule_activity(
            execution,
            self.name,
            self.input,
            self.options,
            defined,
            untyped,
        )
    }
}

impl<D: OrchestratorDefinition> sealed::Sealed for Call<D, OrchestratorKind> {}

impl<D: OrchestratorDefinition> Callable for Call<D, OrchestratorKind>
where
    D::Output: DeserializeOwned,
{
    type Called = SubOrchestrationCall<D::Output, D::Error>;

    #[track_caller]
    fn schedule(self, execution: &ExecutionHandle) -> Self::Called {
        Child::from(self).schedule(execution)
    }
}

impl<D: OrchestratorDefinition> sealed::Sealed for Child<D> {}

impl<D: OrchestratorDefinition> Callable for Child<D>
where
    D::Output: DeserializeOwned,
{
    type Called = SubOrchestrationCall<D::Output, D::Error>;

    #[track_caller]
    fn schedule(self, execution: &ExecutionHandle) -> Self::Called {
        let (retry, retry_if) = self.options.retry.clone().in_force(D::NAME, D::RETRY);
        let options = engine::ChildOptions {
            version: Some(pinned::<D>()),
            retry,
            retry_if,
            ..engine::ChildOptions::default()
        };
        schedule_child(
            execution,
            D::NAME.into(),
            self.input,
            self.options,
            options,
            D::decode_error,
        )
    }
}

impl<T> sealed::Sealed for SubOrchestratorByName<T> {}

impl<T: DeserializeOwned> Callable for SubOrchestratorByName<T> {
    type Called = SubOrchestrationCall<T, std::convert::Infallible>;

    #[track_caller]
    fn schedule(self, execution: &ExecutionHandle) -> Self::Called {
        let (retry, retry_if) = self.options.retry.clone().in_force(&self.name, None);
        let options = engine::ChildOptions {
            version: self.version,
            retry,
            retry_if,
            ..engine::ChildOptions::default()
        };
        schedule_child(
            execution,
            self.name,
            self.input,
            self.options,
            options,
            untyped,
        )
    }
}

/// What an activity's attribute says of its calls.
#[derive(Default)]
struct Defined {
    retry: Option<RetryPolicy>,
    timeout: Option<Duration>,
    total_timeout: Option<Duration>,
}

/// Not generic over the definition, so that a program has it once for each type of result, and not once for each activity.
#[track_caller]
fn schedule_activity<T, E>(
    execution: &ExecutionHandle,
    name: String,
    input: Input,
    said: ActivityOptions,
    defined: Defined,
    decode_error: fn(&FailureDetails) -> Option<E>,
) -> ActivityCall<T, E> {
    let (retry, retry_if) = said.retry.in_force(&name, defined.retry);
    let options = TaskOptions {
        retry,
        retry_if,
        timeout: said.timeout.or(defined.timeout),
        total_timeout: said.total_timeout.or(defined.total_timeout),
        tags: said.tags,
    };
    let operation = execution.schedule_task(&name, recorded(input), options);
    ActivityCall::new(operation, name, decode_error)
}

/// The version that a typed call asks for. The empty one is that of a definition without a version: to ask for none would mean
/// the newest.
pub(super) fn pinned<D: Definition>() -> String {
    D::VERSION.unwrap_or_default().into()
}

#[track_caller]
fn schedule_child<T, E>(
    execution: &ExecutionHandle,
    name: String,
    input: Input,
    said: ChildOptions,
    options: engine::ChildOptions,
    decode_error: fn(&FailureDetails) -> Option<E>,
) -> SubOrchestrationCall<T, E> {
    let id = said.instance.id.map(InstanceId::parse).transpose();
    // An action has no negative id: nobody is addressed by the id of a child that has none.
    let nobody = || InstanceId::of_child(execution.info().execution_id, -1);
    let (instance_id, input) = match id {
        Ok(id) => (id, recorded(input)),
        Err(error) => (Some(nobody()), Err(FailureDetails::from(&error))),
    };
    let options = engine::ChildOptions {
        instance_id,
        total_timeout: said.total_timeout,
        tags: said.instance.tags,
        ..options
    };
    let operation = execution.create_sub_orchestration(&name, input, options);
    let instance_id = operation.child_id().cloned().unwrap_or_else(nobody);
    SubOrchestrationCall::new(operation, name, decode_error, instance_id)
}

/// The input, or the failure of a call that cannot be made.
fn recorded(input: Result<Option<String>, EncodeError>) -> Result<Option<String>, FailureDetails> {
    input.map_err(|error| FailureDetails::from(&error))
}

impl From<&InstanceIdError> for FailureDetails {
    fn from(error: &InstanceIdError) -> Self {
        Self {
            is_non_retriable: true,
            ..Self::new(failure::kind::INSTANCE_ID, error.to_string())
        }
    }
}
