//! Failures as data: what is recorded when an activity or an orchestration fails.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A recorded failure. Data, not an error type: it travels through history to whoever asks.
///
/// The shape is the protocol's `TaskFailureDetails`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailureDetails {
    /// What kind of error, usually a type name.
    pub error_type: String,
    /// The message, for people.
    pub error_message: String,
    /// Where it came from, when known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stack_trace: Option<String>,
    /// What caused it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inner_failure: Option<Box<Self>>,
    /// Whether trying again is known to be useless.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_non_retriable: bool,
    /// Further data; a `DurableError` travels here.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub properties: Map<String, Value>,
}

/// The values of [`FailureDetails::error_type`] that steadfast itself writes.
pub mod kind {
    /// User code panicked; the message is the panic's.
    pub const PANIC: &str = "steadfast.Panic";
    /// A value could not be encoded as JSON.
    pub const ENCODE: &str = "steadfast.Encode";
    /// An input, event or result could not be decoded from JSON.
    pub const DECODE: &str = "steadfast.Decode";
    /// A custom status exceeds its limit.
    pub const STATUS_TOO_LARGE: &str = "steadfast.CustomStatusTooLarge";
    /// A call, or one attempt of it, took longer than it may.
    pub const TIMEOUT: &str = "steadfast.Timeout";
    /// An input, output, event or recorded value is larger than the worker accepts.
    pub const PAYLOAD_TOO_LARGE: &str = "steadfast.PayloadTooLarge";
    /// A sub-orchestration was terminated.
    pub const TERMINATED: &str = "steadfast.Terminated";
    /// The instance id that a sub-orchestration was to have is taken.
    pub const ALREADY_EXISTS: &str = "steadfast.AlreadyExists";
    /// A call was cancelled.
    pub const CANCELLED: &str = "steadfast.Cancelled";
    /// A name of an event, or a key of a tag, is one that steadfast keeps for itself.
    pub const RESERVED: &str = "steadfast.Reserved";
    /// A text that is to be an instance id breaks the rules for them.
    pub const INSTANCE_ID: &str = "steadfast.InstanceId";
}

impl FailureDetails {
    /// A failure with a type and a message.
    #[must_use]
    pub fn new(error_type: impl Into<String>, error_message: impl Into<String>) -> Self {
        Self {
            error_type: error_type.into(),
            error_message: error_message.into(),
            ..Self::default()
        }
    }

    /// The failure of something that is larger than it may be, in bytes of its JSON text.
    #[must_use]
    pub fn payload_too_large(what: &str, size: usize, limit: usize) -> Self {
        let message = format!("{what} has {size} bytes of JSON; at most {limit} are allowed");
        Self {
            is_non_retriable: true,
            ..Self::new(kind::PAYLOAD_TOO_LARGE, message)
        }
    }

    /// The failure itself, or what tells of it when it has more bytes than are allowed.
    #[must_use]
    pub fn within(self, what: &str, limit: usize) -> Self {
        let size = self.bytes();
        if size <= limit {
            return self;
        }
        let begin: String = self.error_message.chars().take(1_000).collect();
        let of_type: String = self.error_type.chars().take(100).collect();
        let message = format!(
            "{what} has {size} bytes; at most {limit} are allowed. It is of type `{of_type}` and begins: {begin}"
        );
        Self {
            is_non_retriable: self.is_non_retriable,
            ..Self::new(kind::PAYLOAD_TOO_LARGE, message)
        }
    }

    /// About how many bytes it has.
    fn bytes(&self) -> usize {
        let texts = self.error_type.len() + self.error_message.len();
        let stack = self.stack_trace.as_ref().map_or(0, String::len);
        let inner = self.inner_failure.as_ref().map_or(0, |inner| inner.bytes());
        let properties = if self.properties.is_empty() {
            0
        } else {
            serde_json::to_string(&self.properties).map_or(0, |text| text.len())
        };
        texts + stack + inner + properties
    }

    /// A failure made of an error and the chain of its sources.
    #[must_use]
    pub fn from_error<E: std::error::Error>(error: &E) -> Self {
        Self {
            inner_failure: Self::chain(error.source()),
            ..Self::new(std::any::type_name::<E>(), error.to_string())
        }
    }

    fn chain(source: Option<&(dyn std::error::Error + 'static)>) -> Option<Box<Self>> {
        let source = source?;
        Some(Box::new(Self {
            inner_failure: Self::chain(source.source()),
            ..Self::new("", source.to_string())
        }))
    }
}

impl std::fmt::Display for FailureDetails {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.error_message)?;
        let mut inner = self.inner_failure.as_deref();
        while let Some(failure) = inner {
            write!(f, ": {}", failure.error_message)?;
            inner = failure.inner_failure.as_deref();
        }
        Ok(())
    }
}
