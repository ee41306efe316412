//! What the log is told of a request, and which trace it belongs to.

use axum::extract::Request;
use axum::http::HeaderMap;
use axum::middleware::Next;
use axum::response::Response;
use tracing::field::Empty;
use tracing::{Instrument, Span};
use uuid::Uuid;

use super::endpoint::Endpoint;
use super::route::Route;
use crate::clock::Stopwatch;
use crate::model::trace_context::TraceContext;

/// The header in which Azure's clients say on behalf of whom they ask.
const INVOCATION_ID: &str = "x-azure-functions-invocationid";

/// Answers a request in a span. The span has the template of the path and neither path nor query: they hold ids and keys.
pub(super) async fn trace(mut request: Request, next: Next) -> Response {
    let watch = Stopwatch::start();
    let span = tracing::info_span!(
        "request",
        method = %request.method(),
        route = Empty,
        traceparent = trace_context(request.headers()).map(display),
        invocation = invocation(request.headers()).map(display),
        status = Empty,
        milliseconds = Empty,
    );
    if !span.is_disabled() {
        request.extensions_mut().insert(RequestSpan(span.clone()));
    }
    let response = next.run(request).instrument(span.clone()).await;
    span.record("status", response.status().as_u16());
    span.record("milliseconds", watch.elapsed().as_secs_f64() * 1e3);
    span.in_scope(|| tracing::debug!("answered"));
    response
}

/// The span of a request, with the request.
#[derive(Clone)]
struct RequestSpan(Span);

/// Says in the span of a request which operation it asks for.
pub(super) fn note(request: &Request, route: &Route) {
    if let Some(RequestSpan(span)) = request.extensions().get() {
        span.record("route", Endpoint::of(route).path());
    }
}

fn invocation(headers: &HeaderMap) -> Option<Uuid> {
    headers.get(INVOCATION_ID)?.to_str().ok()?.parse().ok()
}

/// The trace context of a request. One that is malformed, or not the only one, counts as absent.
pub(super) fn trace_context(headers: &HeaderMap) -> Option<TraceContext> {
    let mut parents = headers.get_all("traceparent").iter();
    let (Some(parent), None) = (parents.next(), parents.next()) else {
        return None;
    };
    let trace = TraceContext::parse(parent.to_str().ok()?).ok()?;
    let states = headers.get_all("tracestate").iter();
    let states: Option<Vec<_>> = states.map(|state| state.to_str().ok()).collect();
    Some(match states {
        Some(states) if !states.is_empty() => trace.with_state(&states.join(",")),
        _ => trace,
    })
}
