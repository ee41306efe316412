//! The addresses that a start hands out: where they begin, and what they are.

use axum::extract::OriginalUri;
use axum::http::header::HOST;
use axum::http::{Extensions, HeaderMap, Uri};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Serialize, Serializer};

use super::authority::authority;
use super::guard::{Operation, Pass};
use super::route::WEBHOOK;
use crate::model::instance::InstanceId;

/// What is written as it is in a segment of a path and in a query.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

const REWIND: &str = "rewindPostUri";

/// What the client is to fill in.
const REASON: &str = "reason={text}&";

/// The scheme, host and port that the client used. What is neither a name nor an address counts as absent: it would end up in
/// links, for someone else to follow.
pub(super) fn origin(headers: &HeaderMap, uri: &Uri) -> String {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let host = host.and_then(authority);
    let host = host.or_else(|| authority(uri.authority()?.as_str()));
    format!("http://{}", host.unwrap_or("localhost"))
}

/// The address that the client asked for. The router takes what the routes are nested below away from the request's own.
pub(super) fn original_uri<'a>(extensions: &'a Extensions, uri: &'a Uri) -> &'a Uri {
    extensions
        .get()
        .map_or(uri, |OriginalUri(original)| original)
}

/// The path that the routes are nested below; empty when they are not.
pub(super) fn prefix<'a>(original: &'a Uri, uri: &Uri) -> &'a str {
    original.path().strip_suffix(uri.path()).unwrap_or_default()
}

/// Where an instance can be asked and told things: what a start answers with, as a value to put into answers of your own.
///
/// `{eventName}` and `{text}` in them are for the caller to fill in. Serialized, the keys have the names and the order of the API.
/// Made by [`Api::management_urls`](super::Api::management_urls).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ManagementUrls {
    /// The instance's id.
    pub id: String,
    /// `GET`: its status.
    pub status_query_get_uri: String,
    /// `POST`: raises an event.
    pub send_event_post_uri: String,
    /// `POST`: ends it.
    pub terminate_post_uri: String,
    /// `POST`: lets it go on after a failure.
    pub rewind_post_uri: String,
    /// `DELETE`: purges it.
    pub purge_history_delete_uri: String,
    /// `POST`: starts it anew.
    pub restart_post_uri: String,
    /// `POST`: pauses it.
    pub suspend_post_uri: String,
    /// `POST`: lets it go on after a pause.
    pub resume_post_uri: String,
}

impl ManagementUrls {
    /// The addresses below `base`, which is where the routes are mounted.
    pub(super) fn new(
        base: &str,
        id: &InstanceId,
        task_hub: &str,
        connection: &str,
        pass: &Pass,
    ) -> Self {
        let instance = instance_url(base, id);
        let hub = encode(task_hub);
        let connection = encode(connection);
        let url = |operation, rest: &str, first: &str| {
            let pass = pass.query(id, operation);
            format!("{instance}{rest}?{first}taskHub={hub}&connection={connection}{pass}")
        };
        let with_reason =
            |operation: Operation| url(operation, &format!("/{}", operation.as_str()), REASON);
        Self {
            id: id.to_string(),
            status_query_get_uri: url(Operation::Read, "", ""),
            send_event_post_uri: url(Operation::RaiseEvent, "/raiseEvent/{eventName}", ""),
            terminate_post_uri: with_reason(Operation::Terminate),
            rewind_post_uri: with_reason(Operation::Rewind),
            purge_history_delete_uri: url(Operation::Purge, "", ""),
            restart_post_uri: url(Operation::Restart, "/restart", ""),
            suspend_post_uri: with_reason(Operation::Suspend),
            resume_post_uri: with_reason(Operation::Resume),
        }
    }

    /// With a status address that answers 500 for an instance that failed.
    pub(super) fn with_500_on_failure(mut self) -> Self {
        self.status_query_get_uri
            .push_str("&returnInternalServerErrorOnFailure=true");
        self
    }

    /// In the order of the API.
    fn fields(&self) -> [(&'static str, &str); 9] {
        [
            ("id", &self.id),
            ("statusQueryGetUri", &self.status_query_get_uri),
            ("sendEventPostUri", &self.send_event_post_uri),
            ("terminatePostUri", &self.terminate_post_uri),
            (REWIND, &self.rewind_post_uri),
            ("purgeHistoryDeleteUri", &self.purge_history_delete_uri),
            ("restartPostUri", &self.restart_post_uri),
            ("suspendPostUri", &self.suspend_post_uri),
            ("resumePostUri", &self.resume_post_uri),
        ]
    }
}

impl Serialize for ManagementUrls {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.fields())
    }
}

/// As the API itself answers a start. Azure took the address for rewinding out of this answer, and left it in its helpers'.
#[derive(Debug)]
pub(super) struct WithoutRewind<'a>(pub(super) &'a ManagementUrls);

impl Serialize for WithoutRewind<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let fields = self.0.fields().into_iter();
        serializer.collect_map(fields.filter(|(key, _)| *key != REWIND))
    }
}

/// The address of an instance, below where the routes are mounted.
pub(super) fn instance_url(base: &str, id: &InstanceId) -> String {
    format!("{base}{WEBHOOK}/instances/{}", encode(id.as_str()))
}

/// A text as it is written in a segment of a path and in a query.
pub(super) fn encode(text: &str) -> impl std::fmt::Display {
    utf8_percent_encode(text, RESERVED)
}
