//! What an address that is signed is good for.

use std::time::Duration;

use super::Operation;
use crate::http::links::encode;

/// One operation on one instance, for [`Api::signed_url`](crate::http::Api::signed_url).
///
/// ```
/// use std::time::Duration;
/// use steadfast::http::Grant;
///
/// // To approve one order, whatever is said of it, until tomorrow.
/// let approve = Grant::raise_event("Approval").valid_for(Duration::from_secs(24 * 60 * 60));
/// // To see what becomes of it, for as long as `SignedUrls` says.
/// let look = Grant::read();
/// # let _ = (approve, look);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    operation: Operation,
    /// The only event that may be raised; any one when there is none.
    event: Option<String>,
    valid_for: Option<Duration>,
}

impl Grant {
    /// To read its status, with its history, input and output, and to watch it.
    #[must_use]
    pub const fn read() -> Self {
        Self::of(Operation::Read)
    }

    /// To raise this event, with any payload, as often as one likes.
    #[must_use]
    pub fn raise_event(event: impl Into<String>) -> Self {
        Self {
            event: Some(event.into()),
            ..Self::raise_any_event()
        }
    }

    /// To raise any event. The address has `{eventName}` in place of its name.
    #[must_use]
    pub const fn raise_any_event() -> Self {
        Self::of(Operation::RaiseEvent)
    }

    /// To terminate it. The address has no reason; `&reason=` may be added to it.
    #[must_use]
    pub const fn terminate() -> Self {
        Self::of(Operation::Terminate)
    }

    /// To pause it.
    #[must_use]
    pub const fn suspend() -> Self {
        Self::of(Operation::Suspend)
    }

    /// To let it go on after a pause.
    #[must_use]
    pub const fn resume() -> Self {
        Self::of(Operation::Resume)
    }

    /// To let it go on after a failure.
    #[must_use]
    pub const fn rewind() -> Self {
        Self::of(Operation::Rewind)
    }

    /// To start it once more, under its own or another id.
    #[must_use]
    pub const fn restart() -> Self {
        Self::of(Operation::Restart)
    }

    /// To purge it.
    #[must_use]
    pub const fn purge() -> Self {
        Self::of(Operation::Purge)
    }

    /// For how long, when it is not the time of [`SignedUrls`](super::SignedUrls).
    #[must_use]
    pub const fn valid_for(mut self, time: Duration) -> Self {
        self.valid_for = Some(time);
        self
    }

    pub(super) const fn of(operation: Operation) -> Self {
        Self {
            operation,
            event: None,
            valid_for: None,
        }
    }

    /// What follows the address of the instance.
    pub(super) fn path(&self) -> String {
        match (self.operation, &self.event) {
            (Operation::Read | Operation::Purge, _) => String::new(),
            (Operation::RaiseEvent, None) => "/raiseEvent/{eventName}".to_owned(),
            (Operation::RaiseEvent, Some(event)) => format!("/raiseEvent/{}", encode(event)),
            (operation, _) => format!("/{}", operation.as_str()),
        }
    }

    pub(super) const fn operation(&self) -> Operation {
        self.operation
    }

    pub(super) fn event(&self) -> Option<&str> {
        self.event.as_deref()
    }

    pub(super) const fn time(&self) -> Option<Duration> {
        self.valid_for
    }
}
