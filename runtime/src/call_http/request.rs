//! A request, as the orchestrator states it and as history keeps it.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Url};
use serde::{Deserialize, Serialize};

use super::activity::send;
use super::error::CallHttpError;
use crate::call::Call;
use crate::encoding::encode;
use crate::limits::MAX_HTTP_BODY_BYTES;
use crate::model::retry::RetryPolicy;

/// How long one request may take, unless it says otherwise.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(100);

/// What a request says about its body, which a poll does not have.
const OF_THE_BODY: [HeaderName; 5] = [
    header::CONTENT_ENCODING,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::EXPECT,
    header::TRANSFER_ENCODING,
];

/// What is meant for one server only.
const OF_THE_SERVER: [HeaderName; 4] = [
    header::AUTHORIZATION,
    header::COOKIE,
    header::HOST,
    header::PROXY_AUTHORIZATION,
];

/// An HTTP request that has not been sent: [`ctx.call_http(..)`](crate::OrchestrationContext::call_http) sends it.
///
/// Whatever is said of it is checked there, so that none of these methods fails.
///
/// # Secrets
///
/// **Everything but the retry policy is recorded in history as it is, `Authorization` and other headers too**: whoever reads the
/// store or an exported history reads them. Where that is too much, send the request from an activity of your own that gets the
/// secret by a [`Dependency`](crate::Dependency).
///
/// ```
/// # use std::time::Duration;
/// use steadfast::{HttpRequest, RetryPolicy};
///
/// let order = HttpRequest::post("https://example.com/orders")
///     .header("Idempotency-Key", "order-7")
///     .json(&["tea", "milk"])
///     .timeout(Duration::from_secs(10))
///     .retry(RetryPolicy::new(3, Duration::from_secs(1)));
/// # drop(order);
/// ```
#[derive(Clone)]
#[must_use = "a request is not sent until it is given to `ctx.call_http(..)`"]
pub struct HttpRequest {
    pub(super) outgoing: Outgoing,
    pub(super) polls: bool,
    retry: Option<RetryPolicy>,
    /// Why its body cannot be encoded.
    refused: Option<CallHttpError>,
}

/// What is sent, and recorded as the input of the activity.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Outgoing {
    pub(super) method: String,
    pub(super) uri: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    headers: BTreeMap<String, Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) body: Option<String>,
    #[serde(default = "default_timeout_ms")]
    pub(super) timeout_ms: u64,
}

fn default_timeout_ms() -> u64 {
    millis(DEFAULT_TIMEOUT)
}

/// Whole milliseconds, rounded up: what is short shall not become nothing.
fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

impl HttpRequest {
    /// A request with this method, in upper or lower case, and this absolute `http` or `https` URI.
    pub fn new(method: impl AsRef<str>, uri: impl Into<String>) -> Self {
        Self {
            outgoing: Outgoing {
                method: method.as_ref().to_ascii_uppercase(),
                uri: uri.into(),
                headers: BTreeMap::new(),
                body: None,
                timeout_ms: default_timeout_ms(),
            },
            polls: true,
            retry: None,
            refused: None,
        }
    }

    /// A `GET` request.
    pub fn get(uri: impl Into<String>) -> Self {
        Self::new("GET", uri)
    }

    /// A `POST` request.
    pub fn post(uri: impl Into<String>) -> Self {
        Self::new("POST", uri)
    }

    /// A `PUT` request.
    pub fn put(uri: impl Into<String>) -> Self {
        Self::new("PUT", uri)
    }

    /// A `PATCH` request.
    pub fn patch(uri: impl Into<String>) -> Self {
        Self::new("PATCH", uri)
    }

    /// A `DELETE` request.
    pub fn delete(uri: impl Into<String>) -> Self {
        Self::new("DELETE", uri)
    }

    /// Adds a header. One of the same name stays beside it. **It is recorded in history**, see [Secrets](Self#secrets).
    pub fn header(mut self, name: impl AsRef<str>, value: impl Into<String>) -> Self {
        // A wrong name stays as it is for the error that will tell it.
        let name = HeaderName::from_bytes(name.as_ref().as_bytes()).map_or_else(
            |_| name.as_ref().to_owned(),
            |name| name.as_str().to_owned(),
        );
        let headers = &mut self.outgoing.headers;
        headers.entry(name).or_default().push(value.into());
        self
    }

    /// Sends this value as JSON, with the header `Content-Type: application/json` unless it has another one already.
    pub fn json<T: Serialize + ?Sized>(mut self, value: &T) -> Self {
        match encode("the body of the request", value) {
            Ok(json) => {
                let headers = &mut self.outgoing.headers;
                headers
                    .entry(header::CONTENT_TYPE.as_str().to_owned())
                    .or_insert_with(|| vec!["application/json".to_owned()]);
                self.body(json)
            }
            Err(error) => {
                self.refused = Some(CallHttpError::Invalid(error.to_string()));
                self
            }
        }
    }

    /// Sends this text. At most [`MAX_HTTP_BODY_BYTES`] of it.
    pub fn body(mut self, text: impl Into<String>) -> Self {
        self.outgoing.body = Some(text.into());
        self.refused = None;
        self
    }

    /// How long one request may take, until its whole answer is there; 100 seconds by default. Every attempt and every poll has as
    /// long again. To limit all of it, see [`ctx.timeout(..)`](crate::OrchestrationContext::timeout).
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.outgoing.timeout_ms = millis(timeout);
        self
    }

    /// Tries again when there is no answer ([`CallHttpError`]), by this policy; by default it does not. Each poll is tried again
    /// by the same policy. An answer is a result, whatever its status.
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = Some(policy);
        self
    }

    /// Takes a 202 for the result, also when it says where to ask for the outcome.
    pub fn no_polling(mut self) -> Self {
        self.polls = false;
        self
    }

    /// Whether it can be sent.
    pub(super) fn check(&self) -> Result<(), CallHttpError> {
        if let Some(error) = &self.refused {
            return Err(error.clone());
        }
        self.outgoing.parts().map(drop)
    }

    /// The call of the activity that sends it.
    pub(super) fn call(&self) -> Call<send> {
        let call = send(self.outgoing.clone());
        match &self.retry {
            Some(policy) => call.retry(policy.clone()),
            None => call.no_retry(),
        }
    }

    /// The request for the outcome at a `Location`, which may be relative to the URI that named it.
    ///
    /// It carries the headers of this request, as a redirect would: without what is about a body, and to another server without
    /// credentials.
    pub(super) fn poll(&self, location: &str, named_by: &str) -> Result<Self, CallHttpError> {
        let uri = Url::parse(named_by)
            .map_err(|error| error.to_string())
            .and_then(|base| base.join(location).map_err(|error| error.to_string()))
            .map_err(|error| CallHttpError::Location(format!("`{location}`: {error}")))?;
        let uri =
            web(uri).map_err(|error| CallHttpError::Location(format!("`{location}` {error}")))?;
        let same_server =
            Url::parse(&self.outgoing.uri).is_ok_and(|first| first.origin() == uri.origin());
        let mut headers = self.outgoing.headers.clone();
        headers.retain(|name, _| {
            let is = |header: &HeaderName| header == name.as_str();
            !OF_THE_BODY.iter().any(is) && (same_server || !OF_THE_SERVER.iter().any(is))
        });
        Ok(Self {
            outgoing: Outgoing {
                method: Method::GET.to_string(),
                uri: uri.into(),
                headers,
                body: None,
                timeout_ms: self.outgoing.timeout_ms,
            },
            polls: self.polls,
            retry: self.retry.clone(),
            refused: None,
        })
    }
}

impl fmt::Debug for HttpRequest {
    /// Without the values of headers: logs are read by more people than history is.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpRequest")
            .field("method", &self.outgoing.method)
            .field("uri", &self.outgoing.uri)
            .field("headers", &self.outgoing.headers.keys())
            .finish_non_exhaustive()
    }
}

impl Outgoing {
    /// Its parts as the client takes them. The errors name what is wrong, but no value of a header, which may be a secret.
    pub(super) fn parts(&self) -> Result<(Method, Url, HeaderMap), CallHttpError> {
        let method = Method::from_bytes(self.method.as_bytes())
            .ok()
            .filter(|method| *method != Method::CONNECT)
            .ok_or_else(|| invalid(format!("`{}` is not a method", self.method)))?;
        let uri = Url::parse(&self.uri)
            .map_err(|error| error.to_string())
            .and_then(|uri| web(uri).map_err(str::to_owned))
            .map_err(|error| invalid(format!("the URI `{}`: {error}", self.uri)))?;
        let mut headers = HeaderMap::new();
        for (name, values) in &self.headers {
            let parsed = HeaderName::from_bytes(name.as_bytes())
                .map_err(|_| invalid(format!("`{name}` is not the name of a header")))?;
            for value in values {
                let value = HeaderValue::from_str(value).map_err(|_| {
                    invalid(format!(
                        "the header `{name}` has a value with control characters"
                    ))
                })?;
                headers.append(parsed.clone(), value);
            }
        }
        let size = self.body.as_ref().map_or(0, String::len);
        if size > MAX_HTTP_BODY_BYTES {
            return Err(CallHttpError::TooLarge {
                of: format!("the request {}", named(&method, &uri)),
                size: size as u64,
                limit: MAX_HTTP_BODY_BYTES as u64,
            });
        }
        Ok((method, uri, headers))
    }
}

fn invalid(what: String) -> CallHttpError {
    CallHttpError::Invalid(what)
}

/// The URI, when it is one that can be asked.
fn web(uri: Url) -> Result<Url, &'static str> {
    if !matches!(uri.scheme(), "http" | "https") {
        return Err("is neither `http` nor `https`");
    }
    // The library would take them out, and a poll of a relative `Location` would be without them.
    if !uri.username().is_empty() || uri.password().is_some() {
        return Err("holds a user or a password, which belong into the header `Authorization`");
    }
    Ok(uri)
}

/// What a request is called in messages: without the query, which often holds a key.
pub(super) fn named(method: &Method, uri: &Url) -> String {
    let mut uri = uri.clone();
    uri.set_query(None);
    uri.set_fragment(None);
    format!("{method} {uri}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(request: &HttpRequest) -> String {
        request.check().unwrap_err().to_string()
    }

    #[test]
    fn what_is_wrong_with_a_request_is_named() {
        let uri = "http://example.com/";
        for (request, text) in [
            (
                HttpRequest::new("GE T", uri),
                "the request cannot be sent: `GE T` is not a method",
            ),
            (
                HttpRequest::new("connect", uri),
                "the request cannot be sent: `CONNECT` is not a method",
            ),
            (
                HttpRequest::get("/orders"),
                "the request cannot be sent: the URI `/orders`: relative URL without a base",
            ),
            (
                HttpRequest::get("ftp://example.com"),
                "the request cannot be sent: the URI `ftp://example.com`: is neither `http` nor `https`",
            ),
            (
                HttpRequest::get("http://me:word@example.com"),
                "the request cannot be sent: the URI `http://me:word@example.com`: holds a user or a password, which belong into the header `Authorization`",
            ),
            (
                HttpRequest::get(uri).header("Api Key", "secret"),
                "the request cannot be sent: `Api Key` is not the name of a header",
            ),
            (
                HttpRequest::get(uri).header("X-Key", "secret\n"),
                "the request cannot be sent: the header `x-key` has a value with control characters",
            ),
            (
                HttpRequest::post("http://example.com/a?key=1")
                    .body("x".repeat(MAX_HTTP_BODY_BYTES + 1)),
                "the body of the request POST http://example.com/a has 1048577 bytes or more; at most 1048576 are allowed",
            ),
        ] {
            assert_eq!(refusal(&request), text);
        }
        let unreadable = std::collections::HashMap::from([(vec![1], 2)]);
        assert_eq!(
            refusal(&HttpRequest::post(uri).json(&unreadable)),
            "the request cannot be sent: the body of the request cannot be encoded as JSON: key must be a string"
        );
        assert_eq!(HttpRequest::new("get", uri).check(), Ok(()));
    }

    #[test]
    fn a_poll_carries_headers_as_a_redirect_does() {
        let request = HttpRequest::post("http://example.com/a/b")
            .header("Authorization", "secret")
            .header("X-Tenant", "7")
            .json(&1);
        let headers = |location: &str| -> (String, Vec<String>) {
            let poll = request.poll(location, "http://example.com/a/b").unwrap();
            assert_eq!(
                (poll.outgoing.method.as_str(), &poll.outgoing.body),
                ("GET", &None)
            );
            (
                poll.outgoing.uri,
                poll.outgoing.headers.into_keys().collect(),
            )
        };
        assert_eq!(
            headers("c?x=1"),
            (
                "http://example.com/a/c?x=1".to_owned(),
                vec!["authorization".to_owned(), "x-tenant".to_owned()]
            )
        );
        for other in [
            "//other.com/c",
            "http://example.com:81/c",
            "https://example.com/c",
        ] {
            assert_eq!(headers(other).1, ["x-tenant"], "{other}");
        }
        for wrong in ["mailto:me", "http://[", "http://me@example.com/"] {
            let error = request.poll(wrong, "http://example.com/").unwrap_err();
            assert!(error.to_string().contains(wrong), "{error}");
        }
    }

    #[test]
    fn a_log_does_not_tell_the_value_of_a_header() {
        let request = HttpRequest::get("http://example.com").header("Authorization", "secret");
        let text = format!("{request:?}");
        assert!(
            text.contains("authorization") && !text.contains("secret"),
            "{text}"
        );
    }

    #[test]
    fn history_is_readable() {
        let request = HttpRequest::post("http://example.com/")
            .header("Accept", "text/plain")
            .json(&[1])
            .timeout(Duration::from_micros(1));
        assert_eq!(
            serde_json::to_string(&request.outgoing).unwrap(),
            r#"{"method":"POST","uri":"http://example.com/","headers":{"accept":["text/plain"],"content-type":["application/json"]},"body":"[1]","timeout_ms":1}"#
        );
    }
}
