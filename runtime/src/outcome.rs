//! What a definition gives in the end, as data: its output as JSON text, or its failure.
//!
//! An error is recorded in the best way that its type allows. The attributes choose it where the type is known, by method
//! lookup: of the `ChooseCodec` traits below, the one behind the most references is found first.

use std::any::type_name;
use std::convert::Infallible;
use std::error::Error;
use std::fmt::{self, Display};
use std::marker::PhantomData;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, LocalBoxFuture};

use crate::definition::{ActivityKind, DurableError, Kind as _, OrchestratorKind};
use crate::encoding::{WriteJson, text, write};
use crate::engine::Outcome;
use crate::model::failure::FailureDetails;

/// The two types of a `Result`, also where it is written with an alias such as `io::Result<T>`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not the standard `Result`",
    label = "a type of this name must be the standard `Result` or an alias of it",
    note = "return `std::result::Result<T, E>`, or give your own type another name"
)]
pub trait StandardResult {
    /// What it holds on success.
    type Output;
    /// What it holds on failure.
    type Error;
}

impl<T, E> StandardResult for Result<T, E> {
    type Output = T;
    type Error = E;
}

/// How what a definition returns becomes its outcome.
///
/// The attributes name one of the two implementors. Neither is generic over the definition: definitions that return the same
/// types share the code.
pub trait Record<R> {
    /// The outcome of a function of this kind.
    #[doc(hidden)]
    fn record(&self, kind: &str, returned: R) -> Outcome;
}

/// For a function that returns its output.
#[allow(
    missing_debug_implementations,
    reason = "made and used up by the attributes"
)]
pub struct RecordOutput<T> {
    /// The function's registered name.
    pub name: &'static str,
    /// How the output is written.
    pub output: fn(&T) -> &dyn WriteJson,
}

impl<T> Record<T> for RecordOutput<T> {
    fn record(&self, kind: &str, returned: T) -> Outcome {
        encode_output(kind, self.name, (self.output)(&returned))
    }
}

/// For a function that returns a `Result`.
#[allow(
    missing_debug_implementations,
    reason = "made and used up by the attributes"
)]
pub struct RecordResult<T, E> {
    /// The function's registered name.
    pub name: &'static str,
    /// How the output is written.
    pub output: fn(&T) -> &dyn WriteJson,
    /// How an error is recorded.
    pub error: ErrorCodec<E>,
}

impl<T, E> Record<Result<T, E>> for RecordResult<T, E> {
    fn record(&self, kind: &str, returned: Result<T, E>) -> Outcome {
        match returned {
            Ok(value) => encode_output(kind, self.name, (self.output)(&value)),
            Err(error) => Err((self.error.to_failure)(&error)),
        }
    }
}

/// The future of an activity with its outcome as data.
pub fn activity<R: 'static>(
    future: BoxFuture<'static, R>,
    record: fn(R) -> Outcome,
) -> BoxFuture<'static, Outcome> {
    Box::pin(future.map(record))
}

/// What an activity returned, as data.
///
/// # Errors
///
/// The failure, when it returned an error or its output cannot be written as JSON.
pub fn record_activity<R>(record: &impl Record<R>, returned: R) -> Outcome {
    record.record(ActivityKind::WORD, returned)
}

/// The future of an orchestrator with its outcome as data.
pub fn orchestrator<R: 'static>(
    future: LocalBoxFuture<'static, R>,
    record: impl Record<R> + 'static,
) -> LocalBoxFuture<'static, Outcome> {
    Box::pin(future.map(move |returned| record.record(OrchestratorKind::WORD, returned)))
}

/// The output as JSON of the function of this kind and name.
fn encode_output(kind: &str, function: &str, value: &dyn WriteJson) -> Outcome {
    let mut json = Vec::new();
    let what = format_args!("the output of the {kind} `{function}`");
    write(&what, value, &mut json).map_err(|error| FailureDetails::from(&error))?;
    Ok(text(json))
}

/// How errors of a type are recorded and read back.
pub struct ErrorCodec<E> {
    to_failure: fn(&E) -> FailureDetails,
    from_failure: fn(&FailureDetails) -> Option<E>,
}

impl<E> ErrorCodec<E> {
    /// Reads a recorded error back.
    #[must_use]
    pub fn decode(self, failure: &FailureDetails) -> Option<E> {
        (self.from_failure)(failure)
    }
}

impl<E> fmt::Debug for ErrorCodec<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ErrorCodec")
            .field("type", &type_name::<E>())
            .finish()
    }
}

/// What the codec of an error type is asked of.
pub struct ErrorType<E>(PhantomData<fn() -> E>);

impl<E> ErrorType<E> {
    /// Asks for the codec of this type.
    #[must_use]
    #[allow(clippy::new_without_default, reason = "called by the attributes only")]
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<E> fmt::Debug for ErrorType<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(type_name::<E>())
    }
}

/// First choice: the error travels as data.
pub trait ChooseCodec1<E> {
    /// The codec.
    fn codec(&self) -> ErrorCodec<E>;
}

impl<E: DurableError> ChooseCodec1<E> for &&&&ErrorType<E> {
    fn codec(&self) -> ErrorCodec<E> {
        ErrorCodec {
            to_failure: E::to_failure,
            from_failure: E::from_failure,
        }
    }
}

/// Second choice: the message is all there is of the error, so it can be read back.
pub trait ChooseCodec2<E> {
    /// The codec.
    fn codec(&self) -> ErrorCodec<E>;
}

impl ChooseCodec2<String> for &&&ErrorType<String> {
    fn codec(&self) -> ErrorCodec<String> {
        ErrorCodec {
            to_failure: |error| FailureDetails::new(type_name::<String>(), error.as_str()),
            from_failure: |failure| {
                (failure.error_type == type_name::<String>()).then(|| failure.error_message.clone())
            },
        }
    }
}

/// Third choice: the messages of the error and of its sources.
pub trait ChooseCodec3<E> {
    /// The codec.
    fn codec(&self) -> ErrorCodec<E>;
}

impl<E: Error> ChooseCodec3<E> for &&ErrorType<E> {
    fn codec(&self) -> ErrorCodec<E> {
        ErrorCodec {
            to_failure: FailureDetails::from_error,
            from_failure: |_| None,
        }
    }
}

/// Fourth choice: the message.
pub trait ChooseCodec4<E> {
    /// The codec.
    fn codec(&self) -> ErrorCodec<E>;
}

impl<E: Display> ChooseCodec4<E> for &ErrorType<E> {
    fn codec(&self) -> ErrorCodec<E> {
        ErrorCodec {
            to_failure: |error| FailureDetails::new(type_name::<E>(), error.to_string()),
            from_failure: |_| None,
        }
    }
}

/// Last choice: there is nothing that could be recorded of the error.
pub trait ChooseCodec5 {
    /// No codec.
    fn codec(&self);
}

impl<E> ChooseCodec5 for ErrorType<E> {
    fn codec(&self) {}
}

/// An error that an activity or orchestrator may return: a [`DurableError`], a [`std::error::Error`], or whatever can be displayed.
///
/// What is known of the error is found by method lookup, and given to this trait to be judged: so the message is about the error,
/// and not about the method.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be recorded as the error of a durable function",
    label = "not an error type",
    note = "let it travel as data: `#[derive(DurableError, Debug, thiserror::Error, serde::Serialize, serde::Deserialize)]`",
    note = "or return a type that implements `std::error::Error` or `Display`, such as `String` or `anyhow::Error`"
)]
pub trait RecordedError<How = ()>: Sized {
    /// The codec, where there is one.
    #[doc(hidden)]
    fn codec(how: How) -> ErrorCodec<Self>;
}

#[diagnostic::do_not_recommend]
impl<E> RecordedError<ErrorCodec<Self>> for E {
    fn codec(how: ErrorCodec<Self>) -> ErrorCodec<Self> {
        how
    }
}

/// With a second implementation, the compiler does not infer that there must be a codec.
#[diagnostic::do_not_recommend]
impl<E> RecordedError<Infallible> for E {
    fn codec(how: Infallible) -> ErrorCodec<Self> {
        match how {}
    }
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use super::*;

    macro_rules! codec {
        ($type:ty) => {
            (&&&&&ErrorType::<$type>::new()).codec()
        };
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize, thiserror::Error)]
    #[error("no such city: {0}")]
    struct Unknown(String);

    impl DurableError for Unknown {
        const ERROR_TYPE: &'static str = "Unknown";

        fn is_non_retriable(&self) -> bool {
            true
        }
    }

    #[test]
    fn a_durable_error_travels_as_data() {
        let error = Unknown("Atlantis".into());
        let failure = (codec!(Unknown).to_failure)(&error);
        assert_eq!(failure.error_type, "Unknown");
        assert_eq!(failure.error_message, "no such city: Atlantis");
        assert!(failure.is_non_retriable);
        assert_eq!(failure.properties["error"], "Atlantis");
        assert_eq!(codec!(Unknown).decode(&failure), Some(error));
        assert_eq!(
            codec!(Unknown).decode(&FailureDetails {
                error_type: "Other".into(),
                ..failure
            }),
            None
        );
    }

    #[test]
    fn a_string_is_read_back() {
        let failure = (codec!(String).to_failure)(&"busy".to_owned());
        assert_eq!(
            failure,
            FailureDetails::new("alloc::string::String", "busy")
        );
        assert_eq!(codec!(String).decode(&failure).as_deref(), Some("busy"));
        assert_eq!(
            codec!(String).decode(&FailureDetails::new("Other", "busy")),
            None
        );
    }

    #[test]
    fn a_standard_error_keeps_its_sources() {
        let error = std::io::Error::other(Unknown("Atlantis".into()));
        let failure = (codec!(std::io::Error).to_failure)(&error);
        assert_eq!(failure.error_type, "std::io::error::Error");
        assert_eq!(failure.error_message, "no such city: Atlantis");
        assert!(codec!(std::io::Error).decode(&failure).is_none());
    }

    #[test]
    fn whatever_can_be_displayed_keeps_its_message() {
        let failure = (codec!(&'static str).to_failure)(&"busy");
        assert_eq!(
            (failure.error_type.as_str(), failure.error_message.as_str()),
            ("&str", "busy")
        );
        let error: Box<dyn Error + Send + Sync> = "busy".into();
        assert_eq!(
            (codec!(Box<dyn Error + Send + Sync>).to_failure)(&error).error_message,
            "busy"
        );
    }
}
