//! Committed changes as events of a stream.

use std::borrow::Cow;
use std::fmt::Write as _;

use axum::response::sse::Event;
use serde::Serialize;
use serde_json::value::RawValue;

use super::payload::{json, output, whole_seconds};
use crate::client::{Given, SharedEvent, Update};
use crate::model::status::ActivityProgress;

/// The data of an event, but for what differs from one reader to another.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ChangeObject<'a> {
    cursor: String,
    name: &'a str,
    instance_id: &'a str,
    runtime_status: &'static str,
    custom_status: Option<Cow<'a, RawValue>>,
    progress: Vec<ProgressObject<'a>>,
    output: Option<Cow<'a, RawValue>>,
    created_time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_updated_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stalled: Option<&'a str>,
}

/// What a running activity reported last.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ProgressObject<'a> {
    task_id: i32,
    name: &'a str,
    attempt: u32,
    details: Cow<'a, RawValue>,
    reported_time: String,
}

impl<'a> From<&'a Update> for ChangeObject<'a> {
    fn from(update: &'a Update) -> Self {
        let about = &update.about;
        let (text, failure) = (update.output.as_deref(), update.failure.as_ref());
        let custom_status = update.custom_status.as_ref();
        Self {
            cursor: update.cursor.to_string(),
            name: &about.name,
            instance_id: about.id.as_str(),
            runtime_status: update.runtime_status.as_str(),
            custom_status: custom_status.map(|status| json(status.as_json())),
            progress: update.progress.iter().map(Into::into).collect(),
            output: output(&about.name, update.runtime_status, text, failure),
            created_time: whole_seconds(about.created_at),
            last_updated_time: update.last_updated_at.map(whole_seconds),
            stalled: update.stalled.as_deref(),
        }
    }
}

impl<'a> From<&'a ActivityProgress> for ProgressObject<'a> {
    fn from(progress: &'a ActivityProgress) -> Self {
        Self {
            task_id: progress.task_id,
            name: &progress.name,
            attempt: progress.attempt,
            details: json(&progress.details),
            reported_time: whole_seconds(progress.reported_at),
        }
    }
}

/// The event of a change, with its cursor.
pub(super) fn event(given: &Given) -> Event {
    let id = given.update.cursor.to_string();
    write(Event::default().id(id), given)
}

/// An event of a stream over many instances, where one cursor says nothing.
pub(super) fn list_event(event: &SharedEvent) -> Event {
    match event {
        SharedEvent::Reset => Event::default().event("reset").data("{}"),
        SharedEvent::Complete => Event::default().event("complete").data("{}"),
        SharedEvent::Change(given) => write(Event::default(), given),
        SharedEvent::Left(id) => {
            let id = serde_json::to_string(id).expect("an id is a string");
            let data = format!("{{\"instanceId\":{id}}}");
            Event::default().event("left").data(data)
        }
    }
}

/// Its JSON is written once, however many readers there are; each is told first how many changes it missed.
fn write(event: Event, given: &Given) -> Event {
    let json = given.update.rendered(|update| {
        serde_json::to_string(&ChangeObject::from(update))
            .expect("changes hold strings and JSON only")
    });
    let mut data = event.into_data_writer();
    let rest = json.strip_prefix('{').unwrap_or(json);
    // Writing into memory does not fail.
    let _ = write!(data, "{{\"skipped\":{},{rest}", given.skipped);
    data.into_event()
}
