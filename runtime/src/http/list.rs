//! Operations on all instances that match: listing them, purging them.

use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::Response;

use super::error::HttpError;
use super::payload::{StatusObject, json_response};
use super::query::Query;
use super::{Api, Asked, header};
use crate::client::{ContinuationToken, ContinuationTokenError};
use crate::model::query::InstanceFilter;
use crate::model::status::InstanceStatus;

/// Where a page ended, and where the next one begins.
pub(super) const CONTINUATION: HeaderName = HeaderName::from_static("x-ms-continuation-token");

/// How many instances a page has when the request does not say.
const DEFAULT_PAGE: i64 = 100;
/// How many it has at most: all of a page are in memory, as is what they hold, which is
/// [bounded](crate::limits::MAX_PAGE_BYTES) too. A page may be short, so that a greater wish takes several.
pub(super) const GREATEST_PAGE: i64 = 1_000;

/// Lists a page of instances.
pub(super) async fn list(
    api: &Api,
    asked: &Asked,
    headers: &HeaderMap,
) -> Result<Response, HttpError> {
    let query = &asked.query;
    let mut instances = api.client.query(filter(query)).page_size(page_size(query));
    if let Some(token) = continuation(headers)? {
        instances = instances.after(token);
    }
    let page = instances.page().await?;
    let show_input = query.boolean("showInput").unwrap_or(true);
    Ok(page_of(&page.instances, show_input, page.continuation))
}

/// Which instances a list is about.
pub(super) fn filter(query: &Query) -> InstanceFilter {
    let mut filter = InstanceFilter::new();
    filter.runtime_status = query.runtime_statuses("runtimeStatus").unwrap_or_default();
    filter.created_from = query.timestamp("createdTimeFrom");
    filter.created_to = query.timestamp("createdTimeTo");
    filter.id_prefix = query.text("instanceIdPrefix");
    filter
}

/// A page of instances. The header says where the next one begins, and is empty when there is none.
pub(super) fn page_of(
    instances: &[InstanceStatus],
    show_input: bool,
    continuation: Option<ContinuationToken>,
) -> Response {
    let objects: Vec<_> = instances
        .iter()
        .map(|status| StatusObject::of(status, show_input))
        .collect();
    let mut response = json_response(StatusCode::OK, &objects);
    let token = continuation.map_or_else(String::new, |token| token.to_string());
    header(&mut response, CONTINUATION, token);
    response
}

fn page_size(query: &Query) -> usize {
    let asked = query.integer("top").filter(|&top| top > 0);
    let size = asked.unwrap_or(DEFAULT_PAGE).min(GREATEST_PAGE);
    usize::try_from(size).unwrap_or_default()
}

fn continuation(headers: &HeaderMap) -> Result<Option<ContinuationToken>, ContinuationTokenError> {
    let Some(value) = headers.get(CONTINUATION) else {
        return Ok(None);
    };
    // What is not text is no token either.
    let text = String::from_utf8_lossy(value.as_bytes());
    match text.trim() {
        "" => Ok(None),
        token => token.parse().map(Some),
    }
}

/// Purges the instances that match and have ended. What restricts a purge is never left out because it cannot be read: more would be
/// gone than was asked for.
pub(super) async fn purge(api: &Api, asked: &Asked) -> Result<Response, HttpError> {
    let query = &asked.query;
    let from = query.timestamp("createdTimeFrom");
    let mut filter = InstanceFilter::new().created_from(from.ok_or(HttpError::PurgeFrom)?);
    if query.name("createdTimeTo").is_some() {
        let to = query.timestamp("createdTimeTo");
        filter = filter.created_to(to.ok_or(HttpError::PurgeTo)?);
    }
    match query.runtime_statuses("runtimeStatus") {
        Some(statuses) if statuses.is_empty() => return Err(HttpError::NoInstance),
        statuses => filter.runtime_status = statuses.unwrap_or_default(),
    }
    match api.client.purge_where(filter).await? {
        0 => Err(HttpError::NoInstance),
        count => Ok(purged(count)),
    }
}

/// How many instances are gone.
pub(super) fn purged(count: u64) -> Response {
    #[derive(serde::Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Purged {
        instances_deleted: u64,
    }
    let body = Purged {
        instances_deleted: count,
    };
    json_response(StatusCode::OK, &body)
}
