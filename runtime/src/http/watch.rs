//! Pushed status: streams of changes, and requests that wait for one.

use std::convert::Infallible;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::unfold;
use futures_util::{Stream, StreamExt as _};
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::change::{event, list_event};
use super::error::HttpError;
use super::list::filter;
use super::query::Query;
use super::{Api, Asked};
use crate::client::{ClientError, InstanceHandle, SharedEvent};
use crate::model::instance::Cursor;
use crate::model::status::InstanceStatus;

/// Where a reader of a stream was when its connection broke.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Tells a proxy to pass each event on as it comes.
const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// When a reader is to connect again after its connection broke.
const RETRY: Duration = Duration::from_secs(2);

/// How long nothing is sent before a comment is, so that either side notices when the other is gone.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// How long it takes at least from one list to the next in a stream of all instances.
const BETWEEN_LISTS: Duration = Duration::from_secs(1);

/// How long a request waits for a change at most: as long as proxies usually let a request take.
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Which change an answer shows.
pub(super) const CURSOR: HeaderName = HeaderName::from_static("x-steadfast-cursor");

/// Streams the changes of an instance.
pub(super) async fn instance(
    api: &Api,
    asked: &Asked,
    headers: &HeaderMap,
    id: String,
) -> Result<Response, HttpError> {
    while_working(api)?;
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

/// Streams the instances that match, and then what becomes of them.
pub(super) fn instances(api: &Api, asked: &Asked) -> Result<Response, HttpError> {
    while_working(api)?;
    let watch = api.client.watch_instances(filter(&asked.query));
    let events = unfold(watch, async |mut watch| {
        let event = watch.next_shared().await.ok()?;
        Some((event, watch))
    });
    Ok(stream(api, paced(events).map(|event| list_event(&event))))
}

/// A list does not begin anew without a pause: for a reader that is too slow it would be read from the store again and again.
fn paced(
    events: impl Stream<Item = SharedEvent> + Send + 'static,
) -> impl Stream<Item = SharedEvent> {
    let mut pace = interval(BETWEEN_LISTS);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    unfold((events.boxed(), pace), async |(mut events, mut pace)| {
        let event = events.next().await?;
        if matches!(event, SharedEvent::Reset) {
            pace.tick().await;
        }
        Some((event, (events, pace)))
    })
}

/// Refuses to stream what cannot change any more: readers would be answered, see the stream end, and connect again, for ever.
fn while_working(api: &Api) -> Result<(), HttpError> {
    if api.client.is_shut_down() {
        return Err(ClientError::ShutDown.into());
    }
    Ok(())
}

/// Where the reader was, as far as that is a cursor: browsers say it in a header, and who cannot, in the query.
fn last_event(headers: &HeaderMap, query: &Query) -> Option<Cursor> {
    let header = headers.get(LAST_EVENT_ID);
    let header = header.and_then(|value| value.to_str().ok()?.trim().parse().ok());
    header.or_else(|| query.text("lastEventId")?.trim().parse().ok())
}

/// The status of an instance: once it is newer than the request knows, when it says how long it waits for that.
pub(super) async fn status(
    api: &Api,
    query: &Query,
    instance: &InstanceHandle,
) -> Result<InstanceStatus, ClientError> {
    let now = instance.status().await?;
    let Some(patience) = query.seconds("wait") else {
        return Ok(now);
    };
    let known = query.text("version");
    let known = known.and_then(|version| version_of(version.trim(), now.cursor));
    let known = known.unwrap_or(now.cursor);
    if now.cursor > known || now.is_terminal() {
        return Ok(now);
    }
    let ending = &api.serving.ending;
    let changed = ending.or_end(instance.wait_for_change(known));
    match timeout(patience.min(LONGEST_WAIT), changed).await {
        Ok(Some(status)) => status,
        // As it is now: it may have stalled meanwhile.
        Ok(None) | Err(_) => instance.status().await,
    }
}

/// The cursor that a text means: a whole one, or a sequence of the incarnation that there is.
fn version_of(text: &str, now: Cursor) -> Option<Cursor> {
    let sequence = || text.parse().ok();
    let of_this_incarnation = |sequence| Cursor { sequence, ..now };
    text.parse()
        .ok()
        .or_else(|| sequence().map(of_this_incarnation))
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
        .take_until(api.serving.ending.begun());
    let heartbeat = KeepAlive::new().interval(HEARTBEAT);
    let mut response = Sse::new(events).keep_alive(heartbeat).into_response();
    let headers = response.headers_mut();
    headers.insert(ACCEL_BUFFERING, HeaderValue::from_static("no"));
    response
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;
    use crate::model::instance::InstanceId;

    #[tokio::test(start_paused = true)]
    async fn lists_follow_each_other_at_a_pace() {
        let began = Instant::now();
        let reset = || SharedEvent::Reset;
        let left = || SharedEvent::Left(InstanceId::parse("a").unwrap());
        let events = futures_util::stream::iter([reset(), left(), reset(), left(), reset()]);
        let told = paced(events).map(|_| began.elapsed().as_secs());
        assert_eq!(told.collect::<Vec<_>>().await, [0, 0, 1, 1, 2]);
    }

    #[test]
    fn a_version_is_a_cursor_or_a_sequence() {
        let now = "3.7".parse().unwrap();
        for (text, version) in [("3.4", "3.4"), ("2.9", "2.9"), ("4", "3.4"), ("0", "3.0")] {
            assert_eq!(version_of(text, now), version.parse().ok(), "{text}");
        }
        for text in ["", "x", "-1", "3.", "3.4.5"] {
            assert_eq!(version_of(text, now), None, "{text}");
        }
    }
}
