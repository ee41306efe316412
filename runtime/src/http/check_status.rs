//! What whoever started an orchestration is answered: where to ask, or how it ended when that was waited for.

use std::time::Duration;

use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::http::request::Parts;
use axum::response::Response;
use serde::Serialize;
use serde_json::value::RawValue;

use super::error::HttpError;
use super::guard::Pass;
use super::headers::protect;
use super::links::{ManagementUrls, WithoutRewind};
use super::payload::{StatusObject, json, json_response, retry_after};
use super::{Api, Asked, header};
use crate::client::{ClientError, InstanceHandle};
use crate::model::status::{InstanceStatus, RuntimeStatus};

/// How long a request waits for the end of what it starts at most: as long as Azure lets one take. Nobody who asks can hold a
/// connection for ever.
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(230);

/// How long a request waits for the end of what it starts; `None` when it does not. The interval has no meaning here, since the
/// end is pushed, but a request that contradicts itself is refused. Who comes by a signed address does not wait: it lets them
/// start the instance, and not read it.
pub(super) fn patience(asked: &Asked) -> Result<Option<Duration>, HttpError> {
    let query = &asked.query;
    let (timeout, interval) = (query.seconds("timeout"), query.seconds("pollingInterval"));
    match timeout.zip(interval) {
        Some((timeout, interval)) if interval > timeout => Err(HttpError::PollingInterval),
        _ if matches!(asked.pass, Pass::Granted) => Ok(None),
        waits => Ok(waits.map(|(timeout, _)| timeout.min(LONGEST_WAIT))),
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
    // It has been started, whatever becomes of the wait: when that fails the client must learn of the instance all the same.
    if let Some(timeout) = patience
        && let Ok(Some(status)) = end_within(api, instance, timeout).await
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
    Ok(check_status(&WithoutRewind(&urls), &urls))
}

/// Answers 202 with the addresses of an instance: for a handler of your own that has started it.
///
/// `Location` is the address of its status, and `Retry-After` is 10. As the addresses may carry a key or be signed, no cache keeps the
/// answer, and no browser tells others where it came from. The body is [`ManagementUrls`], which has the address for
/// rewinding too. Who may follow them: see [`Api::management_urls`].
///
/// ```
/// use axum::extract::State;
/// use axum::http::request::Parts;
/// use axum::response::Response;
/// use steadfast::http::{Api, create_check_status_response};
/// use steadfast::prelude::*;
/// # #[orchestrator]
/// # async fn ship(_ctx: OrchestrationContext, order: u64) -> String { order.to_string() }
///
/// async fn order(State(api): State<Api>, request: Parts) -> Result<Response, String> {
///     let start = api.client().start(ship(7)).await;
///     let parcel = start.map_err(|error| error.to_string())?;
///     Ok(create_check_status_response(&api, &request, &parcel))
/// }
/// ```
#[must_use]
pub fn create_check_status_response(
    api: &Api,
    request: &Parts,
    instance: &InstanceHandle,
) -> Response {
    let urls = api.management_urls(request, instance.id());
    protect(check_status(&urls, &urls))
}

/// Waits until an instance has ended, and answers how; as [`create_check_status_response`] when it has not ended after so long. For
/// a handler of your own. Azure's helpers wait for ten seconds when they are not told otherwise.
///
/// 200 with the bare output when it completed; 200 with the [status object](crate::http#the-status-object) when it was
/// terminated, and 500 with it when it failed. The end is pushed by its commit, not polled for.
///
/// ```
/// # use std::time::Duration;
/// # use axum::extract::State;
/// # use axum::http::request::Parts;
/// # use axum::response::Response;
/// # use steadfast::http::{Api, wait_for_completion_or_check_status};
/// # use steadfast::prelude::*;
/// # #[orchestrator]
/// # async fn ship(_ctx: OrchestrationContext, order: u64) -> String { order.to_string() }
/// async fn order(State(api): State<Api>, request: Parts) -> Result<Response, String> {
///     let start = api.client().start(ship(7)).await;
///     let parcel = start.map_err(|error| error.to_string())?;
///     let answer = wait_for_completion_or_check_status(&api, &request, &parcel, Duration::from_secs(10));
///     answer.await.map_err(|error| error.to_string())
/// }
/// ```
///
/// # Errors
///
/// [`ClientError::NotFound`] when there is no such instance.
pub async fn wait_for_completion_or_check_status(
    api: &Api,
    request: &Parts,
    instance: &InstanceHandle,
    timeout: Duration,
) -> Result<Response, ClientError> {
    Ok(match end_within(api, instance, timeout).await? {
        Some(status) => protect(ended(&status, true)),
        None => create_check_status_response(api, request, instance),
    })
}

/// How an instance ended, if it did in time, and before serving is to end: who waits is then told where to ask.
async fn end_within(
    api: &Api,
    instance: &InstanceHandle,
    timeout: Duration,
) -> Result<Option<InstanceStatus>, ClientError> {
    let ending = &api.serving.ending;
    let end = ending.or_end(instance.wait_for_completion());
    let end = tokio::time::timeout(timeout, end).await;
    end.ok().flatten().transpose()
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

fn check_status(body: &impl Serialize, urls: &ManagementUrls) -> Response {
    let mut response = json_response(StatusCode::ACCEPTED, body);
    header(&mut response, LOCATION, urls.status_query_get_uri.clone());
    retry_after(&mut response, 10);
    response
}
