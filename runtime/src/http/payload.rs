//! What is written into answers: the status object, and how stored texts become JSON in it.

use std::borrow::Cow;

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use super::headers::protect;
use crate::model::failure::FailureDetails;
use crate::model::status::{InstanceStatus, RuntimeStatus};

/// Answers with an instance's status as the HTTP API shows it: for a handler of your own.
///
/// 200 once the instance has ended; 202 with `Retry-After: 5` while it lives. The body is the status object of
/// [the reference](crate::http#the-status-object). There is no `Location` header: only the handler knows where it is mounted.
///
/// ```
/// use axum::http::StatusCode;
/// use axum::response::{IntoResponse, Response};
/// use steadfast::Client;
///
/// async fn order_status(client: Client, order: String) -> Response {
///     let Ok(instance) = client.instance(order) else {
///         return StatusCode::NOT_FOUND.into_response();
///     };
///     match instance.status().await {
///         Ok(status) => steadfast::http::status_response(&status),
///         Err(_) => StatusCode::NOT_FOUND.into_response(),
///     }
/// }
/// ```
#[must_use]
pub fn status_response(status: &InstanceStatus) -> Response {
    let response = json_response(StatusCode::OK, &StatusObject::of(status, true));
    let mut response = protect(response);
    if !status.is_terminal() {
        *response.status_mut() = StatusCode::ACCEPTED;
        retry_after(&mut response, 5);
    }
    response
}

/// An answer with a JSON body.
pub(super) fn json_response<T: Serialize + ?Sized>(status: StatusCode, body: &T) -> Response {
    let json = serde_json::to_vec(body).expect("bodies hold strings and JSON only");
    let content_type = (CONTENT_TYPE, "application/json; charset=utf-8");
    (status, [content_type], json).into_response()
}

/// Tells the client when to ask again.
pub(super) fn retry_after(response: &mut Response, seconds: u16) {
    let seconds = HeaderValue::from(seconds);
    response.headers_mut().insert(RETRY_AFTER, seconds);
}

/// What a reader sees of an instance. The order of the keys is that of the API.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StatusObject<'a> {
    name: &'a str,
    instance_id: &'a str,
    runtime_status: &'static str,
    input: Option<Cow<'a, RawValue>>,
    custom_status: Option<Cow<'a, RawValue>>,
    output: Option<Cow<'a, RawValue>>,
    created_time: String,
    last_updated_time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    history_events: Option<Vec<serde_json::Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stalled: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_instance_id: Option<&'a str>,
}

impl<'a> StatusObject<'a> {
    pub(super) fn of(status: &'a InstanceStatus, show_input: bool) -> Self {
        let custom_status = status.custom_status.as_ref();
        Self {
            name: &status.name,
            instance_id: status.instance_id.as_str(),
            runtime_status: status.runtime_status.as_str(),
            input: status.input.as_deref().filter(|_| show_input).map(json),
            custom_status: custom_status.map(|status| json(status.as_json())),
            output: output(
                &status.name,
                status.runtime_status,
                status.output.as_deref(),
                status.failure.as_ref(),
            ),
            created_time: whole_seconds(status.created_at),
            last_updated_time: whole_seconds(status.last_updated_at),
            history_events: None,
            stalled: status.stalled.as_deref(),
            parent_instance_id: status.parent.as_ref().map(|p| p.instance_id.as_str()),
        }
    }

    pub(super) fn with_history(self, events: Vec<serde_json::Value>) -> Self {
        Self {
            history_events: Some(events),
            ..self
        }
    }
}

/// What the instance of this orchestrator ended with.
pub(super) fn output<'a>(
    name: &str,
    runtime_status: RuntimeStatus,
    output: Option<&'a str>,
    failure: Option<&FailureDetails>,
) -> Option<Cow<'a, RawValue>> {
    match runtime_status {
        RuntimeStatus::Completed | RuntimeStatus::Canceled => output.map(json),
        RuntimeStatus::Terminated => output.map(reason),
        // What was read back from history does not have it.
        RuntimeStatus::Failed => failure.map(|failure| {
            let text = format!("Orchestrator function '{name}' failed: {failure}");
            Cow::Owned(string(&text))
        }),
        _ => None,
    }
}

/// A stored text as JSON: itself, byte for byte, when it is one JSON value; a JSON string of it otherwise.
pub(super) fn json(text: &str) -> Cow<'_, RawValue> {
    match serde_json::from_str(text) {
        Ok(json) => Cow::Borrowed(json),
        Err(_) if text.trim().is_empty() => Cow::Owned(string("")),
        Err(_) => Cow::Owned(string(text)),
    }
}

/// The reason of a termination: text to the one who gave it, which this API shows as JSON when it is JSON.
fn reason(output: &str) -> Cow<'_, RawValue> {
    match serde_json::from_str::<String>(output) {
        Ok(text) => Cow::Owned(json(&text).into_owned()),
        Err(_) => json(output),
    }
}

fn string(text: &str) -> Box<RawValue> {
    to_raw_value(text).expect("a string is JSON")
}

/// `YYYY-MM-DDTHH:MM:SSZ`, with the fraction cut off.
pub(super) fn whole_seconds(time: Timestamp) -> String {
    format!("{time:.0}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_text_is_shown_as_the_json_that_it_is() {
        for (text, shown) in [
            ("1", "1"),
            ("{\"a\" : 1,\"a\":2}", "{\"a\" : 1,\"a\":2}"),
            (
                "123456789012345678901234567890.10",
                "123456789012345678901234567890.10",
            ),
            ("\"\\ud55c한\"", "\"\\ud55c한\""),
            ("no longer", "\"no longer\""),
            ("42 is the answer", "\"42 is the answer\""),
            ("", "\"\""),
            (" \n", "\"\""),
        ] {
            assert_eq!(json(text).get(), shown, "{text:?}");
        }
    }

    #[test]
    fn a_reason_that_is_json_is_shown_as_json() {
        for (stored, shown) in [
            ("\"no longer\"", "\"no longer\""),
            ("\"true\"", "true"),
            ("\"\"", "\"\""),
            ("\"\\\"quoted\\\"\"", "\"quoted\""),
            ("{\"a\":1}", "{\"a\":1}"),
        ] {
            assert_eq!(reason(stored).get(), shown, "{stored}");
        }
    }

    #[test]
    fn times_are_cut_to_whole_seconds() {
        let time = "2026-02-28T23:59:59.999999999Z".parse().unwrap();
        assert_eq!(whole_seconds(time), "2026-02-28T23:59:59Z");
    }
}
