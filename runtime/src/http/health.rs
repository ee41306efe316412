//! Whether the program is there, and whether requests should be sent to it.

use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;

use super::Api;
use super::payload::json_response;

/// What a probe is told.
#[derive(Debug, Serialize)]
pub(super) struct Health {
    /// `healthy` or `unavailable`.
    status: &'static str,
    /// Why it is unavailable.
    reasons: Vec<String>,
}

const HEALTHY: Health = Health {
    status: "healthy",
    reasons: Vec::new(),
};

/// Answers as long as the program can: a failure means that only a restart helps.
pub(super) fn live() -> Response {
    json_response(StatusCode::OK, &HEALTHY)
}

/// Whether the worker takes requests and its store answers. Everyone may ask, so that nothing is said of the store's own words:
/// they are logged.
pub(super) async fn ready(api: &Api) -> Response {
    let Err(why) = api.client.ready().await else {
        return json_response(StatusCode::OK, &HEALTHY);
    };
    tracing::warn!(%why, cause = why.cause(), "not ready");
    let health = Health {
        status: "unavailable",
        reasons: vec![why.to_string()],
    };
    json_response(StatusCode::SERVICE_UNAVAILABLE, &health)
}
