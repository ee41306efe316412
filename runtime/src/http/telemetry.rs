//! What a request says of the trace that it belongs to.

use axum::http::HeaderMap;

use crate::model::trace_context::TraceContext;

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
