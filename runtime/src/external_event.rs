//! External events: what a client raises and an orchestrator waits for, typed at both ends.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::arguments::decode_sent_value;
use crate::model::failure::{self, FailureDetails};
use crate::registration::EventDeclaration;

/// An event as a type: its name and its payload. Derived by `#[derive(ExternalEvent)]`.
///
/// ```
/// # #[cfg(feature = "macros")] {
/// use serde::{Deserialize, Serialize};
/// use steadfast::ExternalEvent;
///
/// #[derive(ExternalEvent, Serialize, Deserialize)]
/// #[event(name = "BookingConfirmed")]
/// struct Confirmation(bool);
///
/// assert_eq!(Confirmation::NAME, "BookingConfirmed");
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an external event",
    note = "derive it: `#[derive(ExternalEvent, serde::Serialize, serde::Deserialize)]`"
)]
pub trait ExternalEvent: Serialize + DeserializeOwned {
    /// The name that the event is raised under. Names are compared without regard to case.
    const NAME: &'static str;

    /// What `events(..)` registers.
    #[doc(hidden)]
    const DECLARATION: EventDeclaration = EventDeclaration {
        name: Self::NAME,
        check: |payload| decode_payload::<Self>(Self::NAME, payload).map(drop),
    };
}

/// The payload of an event is not of the type that was waited for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the payload of the event `{event}` cannot be read{}: {message}", at(.path))]
pub struct EventError {
    event: String,
    path: String,
    message: String,
}

fn at(path: &str) -> String {
    if path.is_empty() {
        String::new()
    } else {
        format!(" at `{path}`")
    }
}

impl EventError {
    /// The event's name.
    #[must_use]
    pub fn event(&self) -> &str {
        &self.event
    }

    /// Where in the payload, such as `[2].name`; empty for the payload itself.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What is wrong there.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl From<&EventError> for FailureDetails {
    fn from(error: &EventError) -> Self {
        Self {
            is_non_retriable: true,
            ..Self::new(failure::kind::DECODE, error.to_string())
        }
    }
}

impl From<EventError> for String {
    fn from(error: EventError) -> Self {
        error.to_string()
    }
}

/// Reads the payload of an event. An event without a payload is read as `null`.
pub(crate) fn decode_payload<T: DeserializeOwned>(
    event: &str,
    payload: Option<&str>,
) -> Result<T, EventError> {
    decode_sent_value(payload.unwrap_or("null")).map_err(|error| EventError {
        event: event.to_owned(),
        path: error.path,
        message: error.message,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_that_does_not_fit_is_placed() {
        assert_eq!(
            decode_payload::<Vec<bool>>("Approved", Some("[true]")),
            Ok(vec![true])
        );
        assert_eq!(decode_payload::<Option<bool>>("Approved", None), Ok(None));
        let error = decode_payload::<Vec<bool>>("Approved", Some("[true,1]")).unwrap_err();
        assert_eq!((error.event(), error.path()), ("Approved", "[1]"));
        let details = FailureDetails::from(&error);
        assert_eq!(details.error_type, failure::kind::DECODE);
        assert!(details.is_non_retriable);
        assert_eq!(
            details.error_message,
            "the payload of the event `Approved` cannot be read at `[1]`: invalid type: integer `1`, expected a boolean"
        );
        let error = decode_payload::<bool>("Approved", None).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the payload of the event `Approved` cannot be read: invalid type: null, expected a boolean"
        );
    }
}
