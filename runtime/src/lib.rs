//! Durable functions for Rust.

pub mod limits;
pub mod model;
pub use model::custom_status::{CustomStatus, CustomStatusError};
pub use model::failure::FailureDetails;
pub use model::instance::{Cursor, ExecutionId, InstanceId, InstanceIdError, ParentInstance};
pub use model::on_existing::OnExisting;
pub use model::status::{InstanceStatus, RuntimeStatus};
