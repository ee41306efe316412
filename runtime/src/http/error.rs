//! Everything that can be answered but success, and what it looks like.

use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use super::guard::Operation;
use super::payload::json_response;
use crate::client::{ClientError, ContinuationTokenError};
use crate::model::instance::InstanceIdError;

const BAD_ARGUMENT: &str = "One or more of the arguments submitted is incorrect";
const UNEXPECTED: &str = "Something went wrong while processing your request";

/// A request that is not carried out.
#[derive(Debug, thiserror::Error)]
pub(super) enum HttpError {
    /// No operation is at this path with this method, or its base is not for this peer.
    #[error("there is no such operation")]
    NoRoute,
    /// It came with nothing that lets it in.
    #[error("a key is required")]
    Unauthorized,
    /// A page in a browser asks for it.
    #[error(
        "the request comes from a page of another origin, which `Api::allow_origin` does not name"
    )]
    CrossOrigin,
    /// Everyone is let in, and a page may have led its own name here.
    #[error(
        "the request was sent to another name than this machine's: set `Api::public_origin` to be reached by one, or a key"
    )]
    AnotherName,
    /// The program's own authentication has answered.
    #[error("the program does not allow this operation")]
    Answered(Box<Response>),
    #[error("the address has expired: ask who gave it to you for another one")]
    Expired,
    /// What it came with is not good for this operation.
    #[error("the key does not allow this operation")]
    Forbidden,
    /// The thing that the path names does not exist.
    #[error("there is no such instance")]
    NoInstance,
    #[error("there is no instance `{id}` to rewind")]
    NothingToRewind { id: String },
    #[error("there is no instance `{id}` to restart")]
    NothingToRestart { id: String },
    #[error(transparent)]
    RestartOfLive(ClientError),
    #[error("`createdTimeFrom` is missing, or is not a time such as 2026-02-28T00:00:00Z")]
    PurgeFrom,
    #[error("`createdTimeTo` is not a time such as 2026-02-28T00:00:00Z")]
    PurgeTo,
    #[error("`pollingInterval` is greater than `timeout`")]
    PollingInterval,
    #[error(transparent)]
    Continuation(#[from] ContinuationTokenError),
    #[error("the task hub `{asked}` is not served here")]
    OtherHub { asked: String },
    #[error("the body is not JSON: {0}")]
    Json(#[from] serde_json::Error),
    #[error("the body is not UTF-8: {0}")]
    Utf8(#[from] std::str::Utf8Error),
    #[error("the media type of an event must be application/json")]
    MediaType,
    #[error("the body has more than {limit} bytes")]
    TooLarge { limit: usize },
    #[error("a batch has at most {limit} operations")]
    TooManyOperations { limit: usize },
    #[error("the batch cannot be read: {0}")]
    Batch(serde_json::Error),
    #[error("the operation cannot be read: {0}")]
    Entry(serde_json::Error),
    #[error("the body did not arrive in time")]
    SlowBody,
    #[error("the body could not be read: {0}")]
    Body(String),
    #[error("{0} is not supported")]
    NotSupported(&'static str),
    #[cfg(feature = "metrics")]
    #[error("the figures cannot be written")]
    Metrics,
    #[error(transparent)]
    Client(#[from] ClientError),
}

/// The body of an error. The order of the keys is that of the API.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ErrorBody<'a> {
    message: &'a str,
    exception_message: &'a str,
    exception_type: &'a str,
    stack_trace: Option<&'a str>,
}

/// How an error is answered.
enum Answer {
    Empty(StatusCode),
    /// A bare JSON string, of what is wrong.
    Text(StatusCode),
    Body {
        status: StatusCode,
        message: String,
        /// The kind of error, for programs.
        kind: &'static str,
    },
}

impl HttpError {
    fn answer(&self) -> Answer {
        let body = |status, message: &str, kind| Answer::Body {
            status,
            message: message.to_owned(),
            kind,
        };
        let bad = |kind| body(StatusCode::BAD_REQUEST, BAD_ARGUMENT, kind);
        match self {
            Self::NoRoute | Self::NoInstance => Answer::Empty(StatusCode::NOT_FOUND),
            Self::Answered(response) => Answer::Empty(response.status()),
            Self::Unauthorized => Answer::Empty(StatusCode::UNAUTHORIZED),
            Self::Forbidden => Answer::Empty(StatusCode::FORBIDDEN),
            Self::NothingToRewind { .. } => Answer::Text(StatusCode::NOT_FOUND),
            Self::NothingToRestart { .. } => body(
                StatusCode::BAD_REQUEST,
                "InstanceId does not match a valid orchestration instance.",
                "NotFound",
            ),
            Self::RestartOfLive(_) => body(
                StatusCode::CONFLICT,
                "A non-terminal instance with this instance ID already exists.",
                "AlreadyExists",
            ),
            Self::PurgeFrom | Self::PurgeTo => Answer::Text(StatusCode::BAD_REQUEST),
            Self::PollingInterval => bad("PollingInterval"),
            Self::Continuation(_) => bad("ContinuationToken"),
            Self::CrossOrigin => body(
                StatusCode::FORBIDDEN,
                "The request comes from a page of another origin",
                "CrossOrigin",
            ),
            Self::AnotherName => body(
                StatusCode::FORBIDDEN,
                "The request was sent to another name",
                "AnotherName",
            ),
            Self::Expired => body(
                StatusCode::FORBIDDEN,
                "The address has expired",
                "AddressExpired",
            ),
            Self::OtherHub { .. } => bad("UnknownTaskHub"),
            Self::Json(_) | Self::Utf8(_) => body(
                StatusCode::BAD_REQUEST,
                "Invalid JSON content",
                "InvalidJson",
            ),
            Self::MediaType => body(
                StatusCode::BAD_REQUEST,
                "Only application/json request content is supported",
                "UnsupportedMediaType",
            ),
            Self::TooManyOperations { .. } => body(
                StatusCode::PAYLOAD_TOO_LARGE,
                "The batch is too large",
                "BatchTooLarge",
            ),
            Self::Batch(_) => bad("InvalidBatch"),
            Self::Entry(_) => bad("InvalidOperation"),
            Self::TooLarge { .. } => body(
                StatusCode::PAYLOAD_TOO_LARGE,
                "The request body is too large",
                "BodyTooLarge",
            ),
            Self::SlowBody => body(
                StatusCode::REQUEST_TIMEOUT,
                "The request body did not arrive in time",
                "BodyTimeout",
            ),
            Self::Body(_) => bad("UnreadableBody"),
            Self::NotSupported(_) => body(
                StatusCode::NOT_IMPLEMENTED,
                &self.to_string(),
                "NotSupported",
            ),
            #[cfg(feature = "metrics")]
            Self::Metrics => unexpected("Metrics"),
            Self::Client(error) => match error {
                ClientError::NotFound { .. } => Answer::Empty(StatusCode::NOT_FOUND),
                ClientError::AlreadyEnded { .. } => Answer::Empty(StatusCode::GONE),
                ClientError::AlreadyExists { .. } => {
                    body(StatusCode::CONFLICT, &error.to_string(), "AlreadyExists")
                }
                ClientError::UnknownOrchestrator { .. } => bad("UnknownOrchestrator"),
                ClientError::Input { .. } => bad("InvalidInput"),
                ClientError::InstanceId(_) => bad("InvalidInstanceId"),
                ClientError::ReservedTag { .. } => bad("ReservedTag"),
                ClientError::ReservedEvent { .. } => bad("ReservedEvent"),
                ClientError::UndeclaredEvent { .. } => bad("UndeclaredEvent"),
                ClientError::EventPayload { .. } => bad("InvalidEvent"),
                ClientError::NotEnded { .. } | ClientError::NotFailed { .. } => {
                    Answer::Text(StatusCode::PRECONDITION_FAILED)
                }
                ClientError::PayloadTooLarge { .. } => body(
                    StatusCode::PAYLOAD_TOO_LARGE,
                    &error.to_string(),
                    "PayloadTooLarge",
                ),
                ClientError::TooManyEvents { .. } => body(
                    StatusCode::TOO_MANY_REQUESTS,
                    &error.to_string(),
                    "TooManyEvents",
                ),
                ClientError::ShutDown => body(
                    StatusCode::SERVICE_UNAVAILABLE,
                    &error.to_string(),
                    "ShutDown",
                ),
                ClientError::Busy => {
                    body(StatusCode::SERVICE_UNAVAILABLE, &error.to_string(), "Busy")
                }
                ClientError::GivenUp => body(
                    StatusCode::SERVICE_UNAVAILABLE,
                    &error.to_string(),
                    "GivenUp",
                ),
                ClientError::Store(_) => unexpected("Store"),
                ClientError::Undecodable { .. } => unexpected("Undecodable"),
                ClientError::CustomStatus(_) | ClientError::Encode(_) => unexpected("Encode"),
            },
        }
    }

    /// The error of an operation on the instance of this id, alone or in a batch. What cannot exist does not exist. Only a slash in an id
    /// is told apart, for it is a mistake in the address, and who starts an instance is to know what is wrong with its id.
    pub(super) fn of(operation: Operation, id: &str, error: ClientError) -> Self {
        match (operation, error) {
            (_, ClientError::NotFound { .. }) => Self::unknown(operation, id),
            (_, ClientError::InstanceId(error))
                if operation != Operation::Start
                    && !matches!(error, InstanceIdError::Forbidden { character: '/', .. }) =>
            {
                Self::unknown(operation, id)
            }
            (Operation::Restart, error @ ClientError::AlreadyExists { .. }) => {
                Self::RestartOfLive(error)
            }
            (_, error) => error.into(),
        }
    }

    /// The error of an operation in a hub of this name, which is none of this program's. It behaves as an empty one.
    pub(super) fn of_other_hub(operation: Operation, id: &str, hub: &str) -> Self {
        match operation {
            Operation::Start => Self::OtherHub { asked: hub.into() },
            _ => Self::unknown(operation, id),
        }
    }

    fn unknown(operation: Operation, id: &str) -> Self {
        match operation {
            Operation::Rewind => Self::NothingToRewind { id: id.into() },
            Operation::Restart => Self::NothingToRestart { id: id.into() },
            _ => Self::NoInstance,
        }
    }
}

fn unexpected(kind: &'static str) -> Answer {
    Answer::Body {
        status: StatusCode::INTERNAL_SERVER_ERROR,
        message: UNEXPECTED.to_owned(),
        kind,
    }
}

impl HttpError {
    /// The code that answers it, and the body when there is one.
    pub(super) fn parts(&self) -> (StatusCode, Option<Box<RawValue>>) {
        match self.answer() {
            Answer::Empty(status) => (status, None),
            Answer::Text(status) => (status, Some(raw(&self.to_string()))),
            Answer::Body {
                status,
                message,
                kind,
            } => {
                if status == StatusCode::INTERNAL_SERVER_ERROR {
                    tracing::error!(error = %self, "a request failed");
                }
                let body = ErrorBody {
                    message: &message,
                    exception_message: &self.to_string(),
                    exception_type: kind,
                    stack_trace: None,
                };
                (status, Some(raw(&body)))
            }
        }
    }
}

fn raw(body: &impl Serialize) -> Box<RawValue> {
    to_raw_value(body).expect("errors hold strings only")
}

impl IntoResponse for HttpError {
    fn into_response(self) -> Response {
        if let Self::Answered(response) = self {
            return *response;
        }
        let mut response = match self.parts() {
            (status, None) => status.into_response(),
            (status, Some(body)) => json_response(status, &body),
        };
        if let Self::Client(ClientError::Busy) = self {
            let later = HeaderValue::from_static("1");
            response.headers_mut().insert(RETRY_AFTER, later);
        }
        response
    }
}
