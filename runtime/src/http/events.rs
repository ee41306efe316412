//! External events from outside.

use axum::body::Bytes;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

use super::Api;
use super::error::HttpError;
use super::orchestrators::json_text;
use crate::client::ClientError;

/// Raises an external event. That there is nobody to take it weighs more than what is wrong with the payload.
pub(super) async fn raise(
    api: &Api,
    id: String,
    event: &str,
    headers: &HeaderMap,
    body: &Bytes,
) -> Result<Response, HttpError> {
    let instance = api.instance(id)?;
    match payload(headers, body) {
        Ok(payload) => instance.raise_json_event(event, payload).await?,
        Err(error) => {
            if instance.status().await?.is_terminal() {
                let id = instance.id().clone();
                return Err(ClientError::AlreadyEnded { id }.into());
            }
            return Err(error);
        }
    }
    Ok(StatusCode::ACCEPTED.into_response())
}

fn payload(headers: &HeaderMap, body: &Bytes) -> Result<Option<String>, HttpError> {
    let content_type = headers.get(CONTENT_TYPE);
    let content_type = content_type.and_then(|value| value.to_str().ok());
    let media_type = content_type.and_then(|value| value.split(';').next());
    match media_type {
        // What is not there has no type.
        None if body.is_empty() => Ok(None),
        Some(media_type) if media_type.trim().eq_ignore_ascii_case("application/json") => {
            json_text(body)
        }
        _ => Err(HttpError::MediaType),
    }
}
