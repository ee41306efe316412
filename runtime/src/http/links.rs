//! The addresses that a start hands out.

use axum::http::header::HOST;
use axum::http::{HeaderMap, Uri};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

use super::guard::Pass;
use super::route::WEBHOOK;
use crate::model::instance::InstanceId;

/// What is written as it is in a segment of a path and in a query.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The scheme, host and port that the client used.
pub(super) fn origin(headers: &HeaderMap, uri: &Uri) -> String {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let host = host.or_else(|| uri.authority().map(axum::http::uri::Authority::as_str));
    format!("http://{}", host.unwrap_or("localhost"))
}

/// Where an instance can be asked and told things. The order of the keys is that of the API.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Links {
    id: String,
    pub(super) status_query_get_uri: String,
    send_event_post_uri: String,
    terminate_post_uri: String,
    purge_history_delete_uri: String,
    restart_post_uri: String,
    suspend_post_uri: String,
    resume_post_uri: String,
}

impl Links {
    pub(super) fn new(
        origin: &str,
        id: &InstanceId,
        task_hub: &str,
        connection: &str,
        pass: &Pass,
    ) -> Self {
        let instance = format!("{origin}{WEBHOOK}/instances/{}", encode(id.as_str()));
        let query = format!(
            "taskHub={}&connection={}{}",
            encode(task_hub),
            encode(connection),
            pass.query()
        );
        let with_reason =
            |operation: &str| format!("{instance}/{operation}?reason={{text}}&{query}");
        Self {
            id: id.to_string(),
            status_query_get_uri: format!("{instance}?{query}"),
            send_event_post_uri: format!("{instance}/raiseEvent/{{eventName}}?{query}"),
            terminate_post_uri: with_reason("terminate"),
            purge_history_delete_uri: format!("{instance}?{query}"),
            restart_post_uri: format!("{instance}/restart?{query}"),
            suspend_post_uri: with_reason("suspend"),
            resume_post_uri: with_reason("resume"),
        }
    }
}

/// A text as it is written in a segment of a path and in a query.
pub(super) fn encode(text: &str) -> impl std::fmt::Display {
    utf8_percent_encode(text, RESERVED)
}
