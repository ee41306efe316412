//! Operations on one instance: its status, its termination.

use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};

use super::error::HttpError;
use super::payload::{StatusObject, json_response, retry_after};
use super::{Api, Asked, header};
use crate::client::HistoryOptions;
use crate::model::status::RuntimeStatus;

/// Shows the committed status of an instance.
pub(super) async fn status(api: &Api, asked: &Asked, id: String) -> Result<Response, HttpError> {
    let query = &asked.query;
    let instance = api.instance(id)?;
    let status = instance.status().await?;
    let show_input = query.boolean("showInput").unwrap_or(true);
    let mut object = StatusObject::of(&status, show_input);
    if query.boolean("showHistory") == Some(true) {
        let show_results = query.boolean("showHistoryOutput").unwrap_or(false);
        let options = HistoryOptions::new()
            .inputs(show_input)
            .results(show_results);
        object = object.with_history(instance.history_json(options).await?);
    }
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
