//! What whoever started an orchestration is answered: where to ask, or how it ended when that was waited for.

use std::time::Duration;

use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::Response;
use serde_json::value::RawValue;

use super::error::HttpError;
use super::links::{ManagementUrls, WithoutRewind};
use super::payload::{StatusObject, json, json_response, retry_after};
use super::query::Query;
use super::{Api, Asked, header};
use crate::client::{ClientError, InstanceHandle};
use crate::model::status::{InstanceStatus, RuntimeStatus};

/// How long a request waits for the end of what it starts; `None` when it does not. The interval has no meaning here, since the
/// end is pushed, but a request that contradicts itself is refused.
pub(super) fn patience(query: &Query) -> Result<Option<Duration>, HttpError> {
    let (timeout, interval) = (query.seconds("timeout"), query.seconds("pollingInterval"));
    match timeout.zip(interval) {
        Some((timeout, interval)) if interval > timeout => Err(HttpError::PollingInterval),
        waits => Ok(waits.map(|(timeout, _)| timeout)),
    }
}

/// Answers a request that has started this instance.
pub(super) async fn started(
    api: &Api,
    asked: &Asked,
    instance: &InstanceHandle,
    patience: Option<Duration>,
) -> Result<Response, HttpError> {
    let query = &asked.query;
    let shows_failure = query.boolean("returnInternalServerErrorOnFailure") == Some(true);
    if let Some(timeout) = patience
        && let Some(status) = end_within(instance, timeout).await?
    {
        return Ok(ended(&status, shows_failure));
    }
    let connection = query
        .name("connection")
        .or_else(|| query.name("connectionName"));
    let connection = connection.as_deref().unwrap_or(&api.connection_name);
    let hub = api.client.task_hub();
    let mut urls = ManagementUrls::new(&asked.base(), instance.id(), hub, connection, &asked.pass);
    if shows_failure {
        urls = urls.with_500_on_failure();
    }
    let mut response = json_response(StatusCode::ACCEPTED, &WithoutRewind(&urls));
    header(&mut response, LOCATION, urls.status_query_get_uri);
    retry_after(&mut response, 10);
    Ok(response)
}

async fn end_within(
    instance: &InstanceHandle,
    timeout: Duration,
) -> Result<Option<InstanceStatus>, ClientError> {
    let end = tokio::time::timeout(timeout, instance.wait_for_completion());
    end.await.ok().transpose()
}

fn ended(status: &InstanceStatus, shows_failure: bool) -> Response {
    let object = StatusObject::of(status, true);
    match status.runtime_status {
        RuntimeStatus::Completed => {
            let output = json(status.output.as_deref().unwrap_or("null"));
            json_response::<RawValue>(StatusCode::OK, &output)
        }
        RuntimeStatus::Failed if shows_failure => {
            json_response(StatusCode::INTERNAL_SERVER_ERROR, &object)
        }
        _ => json_response(StatusCode::OK, &object),
    }
}
