//! Why an HTTP request gave no answer.

use serde::{Deserialize, Serialize};

use crate::DurableError;

/// Why an HTTP request gave no answer. An answer of 4xx or 5xx is none of these: it is a [result](super::HttpResponse).
///
/// Texts name the request by its method and its URI without the query, which often holds a key.
#[derive(Clone, Debug, PartialEq, Eq, DurableError, thiserror::Error, Serialize, Deserialize)]
#[non_exhaustive]
pub enum CallHttpError {
    /// The request breaks the rules of HTTP, and was not sent.
    #[error("the request cannot be sent: {0}")]
    #[no_retry]
    Invalid(
        /// What is wrong with which part of it.
        String,
    ),
    /// There was no connection: the name is unknown, nobody listens, or TLS was not agreed on. The request was not sent.
    #[error("{request} did not connect: {reason}")]
    Connect {
        /// Its method and URI.
        request: String,
        /// What happened.
        reason: String,
    },
    /// The whole answer was not there in time. The server may have got the request.
    #[error("{request} took longer than {limit_ms} ms")]
    Timeout {
        /// Its method and URI.
        request: String,
        /// How long it was given.
        limit_ms: u64,
    },
    /// The connection broke, or what came was not HTTP. The server may have got the request.
    #[error("{request} got no whole answer: {reason}")]
    Interrupted {
        /// Its method and URI.
        request: String,
        /// What happened.
        reason: String,
    },
    /// The server redirects too often, in a circle, or to something that is not HTTP.
    #[error("{request} was redirected without end: {reason}")]
    #[no_retry]
    Redirects {
        /// Its method and URI.
        request: String,
        /// What happened.
        reason: String,
    },
    /// A body is larger than [`MAX_HTTP_BODY_BYTES`](crate::limits::MAX_HTTP_BODY_BYTES).
    #[error("the body of {of} has {size} bytes or more; at most {limit} are allowed")]
    #[no_retry]
    TooLarge {
        /// The request, or the answer to it.
        of: String,
        /// Its size, or how much of it was read when the server does not tell.
        size: u64,
        /// The limit.
        limit: u64,
    },
    /// The body of the answer is not UTF-8: history keeps text, and none of it shall be lost silently.
    #[error(
        "the body of the answer to {request} is not UTF-8: byte {position} of {size} is the first that does not fit"
    )]
    #[no_retry]
    NotText {
        /// Its method and URI.
        request: String,
        /// Where the first byte is that does not fit, from 0.
        position: u64,
        /// How many bytes there are.
        size: u64,
    },
    /// A 202 names a `Location` that cannot be asked.
    #[error("the `Location` of a 202 cannot be asked: {0}")]
    #[no_retry]
    Location(
        /// What is wrong with it.
        String,
    ),
    /// The body of an answer is not the JSON that was asked for.
    #[error("the body of the answer with status {status} cannot be read: {reason}")]
    #[no_retry]
    Json {
        /// The status of the answer.
        status: u16,
        /// What is wrong where.
        reason: String,
    },
}

impl From<CallHttpError> for String {
    fn from(error: CallHttpError) -> Self {
        error.to_string()
    }
}
