//! Durable functions for Rust.

// The attributes name the crate as its users do.
#[cfg(test)]
extern crate self as steadfast;

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;
mod arguments;
mod bounded;
mod context;
mod definition;
pub mod engine;
mod external_event;
pub mod limits;
#[cfg(feature = "macros")]
mod macros;
pub mod model;
mod outcome;
mod registration;
mod status_type;
pub mod store;
#[cfg(feature = "testing")]
pub mod testing;

#[doc(no_inline)]
pub use serde;

pub use arguments::{Argument, InputError};
pub use bounded::{BoundedStr, TooLong};
pub use context::{
    ActivityCall, ActivityContext, AnyStatus, EventFuture, OrchestrationContext, TimerDue,
    TimerFuture,
};
pub use definition::{
    ActivityDefinition, Call, CallError, Definition, DurableError, EncodeError,
    OrchestratorDefinition,
};
pub use engine::Panics;
pub use external_event::{EventError, ExternalEvent};
pub use jiff::Timestamp;
#[cfg(feature = "macros")]
pub use macros::{CustomStatus, DurableError, ExternalEvent, activity, orchestrator};
pub use model::custom_status::{CustomStatus, CustomStatusError};
pub use model::failure::FailureDetails;
pub use model::instance::{Cursor, ExecutionId, InstanceId, InstanceIdError, ParentInstance};
pub use model::on_existing::OnExisting;
pub use model::status::{InstanceStatus, RuntimeStatus};
pub use registration::{Location, Registered, Registration};
pub use status_type::StatusType;
pub use uuid::Uuid;

/// What most programs need: `use steadfast::prelude::*;`.
pub mod prelude {
    pub use serde::{Deserialize, Serialize};

    pub use crate::{
        ActivityContext, BoundedStr, CallError, CustomStatus, DurableError, ExternalEvent,
        OnExisting, OrchestrationContext, RuntimeStatus, StatusType,
    };
    #[cfg(feature = "macros")]
    pub use crate::{activity, orchestrator};
}
