//! Operations on orchestrators: starting one.

use std::str;

use axum::body::Bytes;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::Response;
use serde_json::value::RawValue;

use super::error::HttpError;
use super::links::Links;
use super::payload::{json_response, retry_after};
use super::{Api, Asked, header};
use crate::client::StartByName;

/// Starts an orchestration, and answers with the addresses of its instance.
pub(super) async fn start(
    api: &Api,
    asked: &Asked,
    orchestrator: String,
    id: Option<String>,
    body: &Bytes,
) -> Result<Response, HttpError> {
    let query = &asked.query;
    if query.seconds("timeout").is_some() && query.seconds("pollingInterval").is_some() {
        return Err(HttpError::NotSupported(
            "starting and waiting (timeout with pollingInterval)",
        ));
    }
    let mut start = StartByName::new(orchestrator)
        .json_input(json_text(body)?)
        .trace_context(asked.trace.clone());
    if let Some(version) = query.name("version") {
        start = start.version(version);
    }
    if let Some(id) = id {
        start = start.id(id);
    }
    let instance = api.client.start_by_name(start).await?;

    let connection = query
        .name("connection")
        .or_else(|| query.name("connectionName"));
    let connection = connection.as_deref().unwrap_or(&api.connection_name);
    let hub = api.client.task_hub();
    let mut links = Links::new(&asked.origin, instance.id(), hub, connection, &asked.pass);
    if query.boolean("returnInternalServerErrorOnFailure") == Some(true) {
        links
            .status_query_get_uri
            .push_str("&returnInternalServerErrorOnFailure=true");
    }
    let mut response = json_response(StatusCode::ACCEPTED, &links);
    header(&mut response, LOCATION, links.status_query_get_uri);
    retry_after(&mut response, 10);
    Ok(response)
}

/// The JSON text in a body, byte for byte; `None` when it is empty.
pub(super) fn json_text(body: &Bytes) -> Result<Option<String>, HttpError> {
    if body.is_empty() {
        return Ok(None);
    }
    let text = str::from_utf8(body)?;
    serde_json::from_str::<&RawValue>(text)?;
    Ok(Some(text.to_owned()))
}
