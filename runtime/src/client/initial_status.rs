//! The custom status that an orchestration is started with.

use serde::Serialize;

use crate::context::AnyStatus;
use crate::model::custom_status::{CustomStatus, CustomStatusError};
use crate::status_type::StatusType;

/// A value that an orchestration with the status type `S` can begin with: one of that type. Without a status type it is any
/// serializable value.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not the custom status of this orchestrator, which is `{S}`",
    label = "clients read the status as `{S}`, also the one it begins with"
)]
pub trait InitialStatus<S> {
    #[doc(hidden)]
    fn encode(self) -> Result<Option<CustomStatus>, CustomStatusError>;
}

impl<S: StatusType> InitialStatus<Self> for S {
    fn encode(self) -> Result<Option<CustomStatus>, CustomStatusError> {
        CustomStatus::encode(&self)
    }
}

impl<T: Serialize> InitialStatus<AnyStatus> for T {
    fn encode(self) -> Result<Option<CustomStatus>, CustomStatusError> {
        CustomStatus::encode(&self)
    }
}
