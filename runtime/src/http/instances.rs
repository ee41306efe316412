//! Operations on one instance: its status, its termination.

use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};

use super::error::HttpError;
use super::payload::{StatusObject, json_response, retry_after};
use super::{Api, Asked, header};
use crate::model::status::RuntimeStatus;

/// Shows the committed status of an instance.
pub(super) async fn status(api: &Api, asked: &Asked, id: String) -> Result<Response, HttpError> {
    let query = &asked.query;
    if query.boolean("showHistory") == Some(true) {
        return Err(HttpError::NotSupported("showing the history (showHistory)"));
    }
    let status = api.instance(id)?.status().await?;
    let show_input = query.boolean("showInput").unwrap_or(true);
    let object = StatusObject::of(&status, show_input);
    if !status.is_terminal() {
        let mut response = json_response(StatusCode::ACCEPTED, &object);
        header(&mut response, LOCATION, asked.url());
        retry_after(&mut response, 5);
        return Ok(response);
    }
    let failed = status.runtime_status == RuntimeStatus::Failed;
    let code = match query.boolean("returnInternalServerErrorOnFailure") {
        Some(true) if failed => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::OK,
    };
    Ok(json_response(code, &object))
}

/// Ends an instance. The body of the request is not looked at.
pub(super) async fn terminate(api: &Api, asked: &Asked, id: String) -> Result<Response, HttpError> {
    let reason = asked.query.text("reason");
    api.instance(id)?.terminate(reason.as_deref()).await?;
    Ok(StatusCode::ACCEPTED.into_response())
}
