//! Operations on orchestrators: starting one.

use std::str;

use axum::body::Bytes;
use axum::response::Response;
use serde_json::value::RawValue;

use super::check_status::{patience, started};
use super::error::HttpError;
use super::{Api, Asked};
use crate::client::StartByName;

/// Starts an orchestration.
pub(super) async fn start(
    api: &Api,
    asked: &Asked,
    orchestrator: String,
    id: Option<String>,
    body: &Bytes,
) -> Result<Response, HttpError> {
    let patience = patience(asked)?;
    let version = asked.query.text("version");
    let start = start_of(asked, orchestrator, version, id, json_text(body)?);
    let instance = api.client.start_by_name(start).await?;
    started(api, asked, &instance, patience).await
}

/// A start, alone or in a batch. A blank version is none: the newest is started.
pub(super) fn start_of(
    asked: &Asked,
    orchestrator: String,
    version: Option<String>,
    id: Option<String>,
    input: Option<String>,
) -> StartByName {
    let mut start = StartByName::new(orchestrator)
        .json_input(input)
        .trace_context(asked.trace.clone());
    if let Some(version) = version.filter(|version| !version.trim().is_empty()) {
        start = start.version(version);
    }
    if let Some(id) = id {
        start = start.id(id);
    }
    start
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
