//! Pushed status: streams of changes.

use std::convert::Infallible;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::unfold;
use futures_util::{Stream, StreamExt as _};

use super::change::event;
use super::error::HttpError;
use super::query::Query;
use super::{Api, Asked};
use crate::model::instance::Cursor;

/// Where a reader of a stream was when its connection broke.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Tells a proxy to pass each event on as it comes.
const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// When a reader is to connect again after its connection broke.
const RETRY: Duration = Duration::from_secs(2);

/// How long nothing is sent before a comment is, so that either side notices when the other is gone.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// Streams the changes of an instance.
pub(super) async fn instance(
    api: &Api,
    asked: &Asked,
    headers: &HeaderMap,
    id: String,
) -> Result<Response, HttpError> {
    let mut changes = api.instance(id)?.watch_changes();
    if let Some(cursor) = last_event(headers, &asked.query) {
        changes = changes.after(cursor);
    }
    if changes.has_ended().await? {
        // The one answer after which a browser does not connect again.
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    // When something fails the stream ends: the reader connects again, and is answered with what is wrong.
    let events = unfold(changes, async |mut changes| {
        let given = changes.next_shared().await.ok().flatten()?;
        Some((event(&given), changes))
    });
    Ok(stream(api, events))
}

/// Where the reader was, as far as that is a cursor: browsers say it in a header, and who cannot, in the query.
fn last_event(headers: &HeaderMap, query: &Query) -> Option<Cursor> {
    let header = headers.get(LAST_EVENT_ID);
    let header = header.and_then(|value| value.to_str().ok()?.trim().parse().ok());
    header.or_else(|| query.text("lastEventId")?.trim().parse().ok())
}

/// Answers with events, until there are none any more or serving ends.
fn stream(api: &Api, events: impl Stream<Item = Event> + Send + 'static) -> Response {
    let events = events
        .enumerate()
        .map(|(index, event)| match index {
            0 => event.retry(RETRY),
            _ => event,
        })
        .map(Ok::<_, Infallible>)
        .take_until(api.serving.stopping.clone().cancelled_owned());
    let heartbeat = KeepAlive::new().interval(HEARTBEAT);
    let mut response = Sse::new(events).keep_alive(heartbeat).into_response();
    let headers = response.headers_mut();
    headers.insert(ACCEL_BUFFERING, HeaderValue::from_static("no"));
    response
}
