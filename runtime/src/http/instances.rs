//! Operations on one instance: reading it, and what an operator does to it.

use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};

use super::check_status::{patience, started};
use super::error::HttpError;
use super::guard::Operation;
use super::list::purged;
use super::payload::{StatusObject, json_response, retry_after};
use super::watch::{self, CURSOR};
use super::{Api, Asked, header};
use crate::client::HistoryOptions;
use crate::model::status::RuntimeStatus;

/// Shows the committed status of an instance.
pub(super) async fn status(api: &Api, asked: &Asked, id: String) -> Result<Response, HttpError> {
    let query = &asked.query;
    let instance = api.instance(id)?;
    let status = watch::status(api, query, &instance).await?;
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
        header(&mut response, CURSOR, status.cursor.to_string());
        retry_after(&mut response, 5);
        return Ok(response);
    }
    let failed = status.runtime_status == RuntimeStatus::Failed;
    let code = match query.boolean("returnInternalServerErrorOnFailure") {
        Some(true) if failed => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::OK,
    };
    let mut response = json_response(code, &object);
    header(&mut response, CURSOR, status.cursor.to_string());
    Ok(response)
}

/// Ends an instance. The body of the request is not looked at, as in the other operations here.
pub(super) async fn terminate(api: &Api, asked: &Asked, id: String) -> Result<Response, HttpError> {
    let reason = asked.query.text("reason");
    api.instance(id)?.terminate(reason.as_deref()).await?;
    Ok(StatusCode::ACCEPTED.into_response())
}

/// Pauses an instance.
pub(super) async fn suspend(api: &Api, asked: &Asked, id: String) -> Result<Response, HttpError> {
    let reason = asked.query.text("reason");
    api.instance(id)?.suspend(reason.as_deref()).await?;
    Ok(StatusCode::ACCEPTED.into_response())
}

/// Lets an instance go on after a pause.
pub(super) async fn resume(api: &Api, asked: &Asked, id: String) -> Result<Response, HttpError> {
    let reason = asked.query.text("reason");
    api.instance(id)?.resume(reason.as_deref()).await?;
    Ok(StatusCode::ACCEPTED.into_response())
}

/// Lets an instance go on after a failure.
pub(super) async fn rewind(api: &Api, asked: &Asked, id: String) -> Result<Response, HttpError> {
    let refused = |error| HttpError::of(Operation::Rewind, &id, error);
    let reason = asked.query.text("reason");
    let instance = api.client.instance(&id).map_err(refused)?;
    instance.rewind(reason.as_deref()).await.map_err(refused)?;
    Ok(StatusCode::ACCEPTED.into_response())
}

/// Starts an instance anew, under an id of its own unless the request says otherwise.
pub(super) async fn restart(api: &Api, asked: &Asked, id: String) -> Result<Response, HttpError> {
    let refused = |error| HttpError::of(Operation::Restart, &id, error);
    let patience = patience(asked)?;
    let instance = api.client.instance(&id).map_err(refused)?;
    let restarted = match asked.query.boolean("restartWithNewInstanceId") {
        Some(false) => instance.restart().await.map(|()| instance),
        _ => instance.restart_as(None).await,
    };
    started(api, asked, &restarted.map_err(refused)?, patience).await
}

/// Deletes an instance that has ended.
pub(super) async fn purge(api: &Api, id: String) -> Result<Response, HttpError> {
    api.instance(id)?.purge().await?;
    Ok(purged(1))
}
