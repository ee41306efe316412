//! What becomes of a start whose instance id is taken.

use super::status::RuntimeStatus;

/// What a start does when the instance id is taken; [`ReplaceTerminal`](Self::ReplaceTerminal) by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnExisting {
    /// Start nothing, and fail with [`ClientError::AlreadyExists`](crate::ClientError::AlreadyExists).
    Refuse,
    /// Give a handle to the existing instance, whatever its state, if it is of the same orchestrator; otherwise fail. This makes a
    /// program safe to run again.
    Attach,
    /// Replace an instance that has ended; refuse if it has not ended. This is what Azure does.
    #[default]
    ReplaceTerminal,
    /// Replace an instance in any state. One that has not ended is dropped with everything that it waits for. A child that has not
    /// ended is not replaced, since its parent waits for it: terminate it first.
    ReplaceAny,
}

impl OnExisting {
    /// The statuses in which an existing instance gives way.
    #[must_use]
    pub fn replaces(self) -> Vec<RuntimeStatus> {
        use RuntimeStatus as Status;
        let terminal = [
            Status::Completed,
            Status::Failed,
            Status::Canceled,
            Status::Terminated,
        ];
        match self {
            Self::Refuse | Self::Attach => Vec::new(),
            Self::ReplaceTerminal => terminal.to_vec(),
            Self::ReplaceAny => {
                let live = [
                    Status::Pending,
                    Status::Running,
                    Status::ContinuedAsNew,
                    Status::Suspended,
                ];
                terminal.into_iter().chain(live).collect()
            }
        }
    }
}
