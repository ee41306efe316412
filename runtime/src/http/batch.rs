//! Many operations in one request.

use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::http::StatusCode;
use axum::response::Response;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use super::entries::entries;
use super::error::HttpError;
use super::guard::Operation;
use super::orchestrators::start_of;
use super::payload::json_response;
use super::{Api, Asked};
use crate::client::BatchOperation;

/// How many operations a request may have: about what one commit takes in.
pub(super) const GREATEST: usize = 1_000;

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Kind {
    Start,
    RaiseEvent,
    Terminate,
    Suspend,
    Resume,
    Rewind,
    Purge,
}

/// What an entry asks for. What else it has to say depends on that.
#[derive(Deserialize)]
#[serde(expecting = "an object with an `operation`")]
struct Entry {
    operation: Kind,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Start {
    #[serde(rename = "operation")]
    _operation: IgnoredAny,
    orchestrator_name: String,
    instance_id: Option<String>,
    version: Option<String>,
    #[serde(default, deserialize_with = "present")]
    input: Option<Box<RawValue>>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RaiseEvent {
    #[serde(rename = "operation")]
    _operation: IgnoredAny,
    instance_id: String,
    event_name: String,
    #[serde(default, deserialize_with = "present")]
    payload: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WithReason {
    #[serde(rename = "operation")]
    _operation: IgnoredAny,
    instance_id: String,
    reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Purge {
    #[serde(rename = "operation")]
    _operation: IgnoredAny,
    instance_id: String,
}

/// What became of an entry.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Outcome {
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    instance_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Box<RawValue>>,
}

/// A value that is there, `null` too.
fn present<'de, D: Deserializer<'de>>(json: D) -> Result<Option<Box<RawValue>>, D::Error> {
    Box::deserialize(json).map(Some)
}

/// Carries out every entry that can be read, all together, and answers with what became of each.
pub(super) async fn batch(api: &Api, asked: &Asked, body: &Bytes) -> Result<Response, HttpError> {
    let other_hub = api.other_hub(asked);
    let mut operations = Vec::new();
    let mut outcomes = Vec::new();
    for entry in entries(body, GREATEST)? {
        match (operation(entry.get(), asked), &other_hub) {
            (Ok(operation), None) => {
                // Its result follows.
                outcomes.push(None);
                operations.push(operation);
            }
            (Ok(operation), Some(hub)) => {
                let id = operation.id().map(str::to_owned);
                let kind = kind_of(&operation);
                let error = HttpError::of_other_hub(kind, id.as_deref().unwrap_or_default(), hub);
                outcomes.push(Some(Outcome::of(&error, id)));
            }
            (Err(error), _) => outcomes.push(Some(Outcome::of(&HttpError::Entry(error), None))),
        }
    }
    let asked_for: Vec<_> = operations
        .iter()
        .map(|operation| (kind_of(operation), operation.id().map(str::to_owned)))
        .collect();
    let results = api.client.batch(operations).await;
    let mut results = results.into_iter().zip(asked_for);
    let outcomes = outcomes.into_iter().filter_map(|outcome| {
        outcome.or_else(|| {
            let (result, (kind, id)) = results.next()?;
            Some(match result {
                Ok(instance) => Outcome {
                    status: accepted(kind).as_u16(),
                    instance_id: Some(instance.id().into()),
                    error: None,
                },
                Err(error) => {
                    let of = id.as_deref().unwrap_or_default();
                    Outcome::of(&HttpError::of(kind, of, error), id.clone())
                }
            })
        })
    });
    let outcomes: Vec<_> = outcomes.collect();
    Ok(json_response(StatusCode::OK, &outcomes))
}

const fn kind_of(operation: &BatchOperation) -> Operation {
    match operation {
        BatchOperation::Start(_) => Operation::Start,
        BatchOperation::RaiseEvent { .. } => Operation::RaiseEvent,
        BatchOperation::Terminate { .. } => Operation::Terminate,
        BatchOperation::Suspend { .. } => Operation::Suspend,
        BatchOperation::Resume { .. } => Operation::Resume,
        BatchOperation::Rewind { .. } => Operation::Rewind,
        BatchOperation::Purge { .. } => Operation::Purge,
    }
}

/// How an operation is answered that was carried out.
const fn accepted(operation: Operation) -> StatusCode {
    match operation {
        Operation::Purge => StatusCode::OK,
        _ => StatusCode::ACCEPTED,
    }
}

impl Outcome {
    fn of(error: &HttpError, instance_id: Option<String>) -> Self {
        let (status, error) = error.parts();
        Self {
            status: status.as_u16(),
            instance_id,
            error,
        }
    }
}

fn operation(entry: &str, asked: &Asked) -> serde_json::Result<BatchOperation> {
    let text = |json: Box<RawValue>| json.get().to_owned();
    let kind = serde_json::from_str::<Entry>(entry)?.operation;
    Ok(match kind {
        Kind::Start => {
            let entry: Start = serde_json::from_str(entry)?;
            let input = entry.input.map(text);
            let (name, version) = (entry.orchestrator_name, entry.version);
            let mut start = start_of(asked, name, version, entry.instance_id, input);
            for (key, value) in entry.tags {
                start = start.tag(key, value);
            }
            BatchOperation::Start(start)
        }
        Kind::RaiseEvent => {
            let entry: RaiseEvent = serde_json::from_str(entry)?;
            BatchOperation::RaiseEvent {
                id: entry.instance_id,
                event: entry.event_name,
                payload: entry.payload.map(text),
            }
        }
        Kind::Purge => {
            let entry: Purge = serde_json::from_str(entry)?;
            let id = entry.instance_id;
            BatchOperation::Purge { id }
        }
        Kind::Terminate | Kind::Suspend | Kind::Resume | Kind::Rewind => {
            let entry: WithReason = serde_json::from_str(entry)?;
            let (id, reason) = (entry.instance_id, entry.reason);
            match kind {
                Kind::Suspend => BatchOperation::Suspend { id, reason },
                Kind::Resume => BatchOperation::Resume { id, reason },
                Kind::Rewind => BatchOperation::Rewind { id, reason },
                _ => BatchOperation::Terminate { id, reason },
            }
        }
    })
}
