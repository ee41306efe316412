//! Many operations in one request.

use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::http::StatusCode;
use axum::response::Response;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use super::error::HttpError;
use super::payload::json_response;
use super::{Api, Asked};
use crate::client::{BatchOperation, StartByName};

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
    let entries: Vec<&RawValue> = serde_json::from_slice(body)?;
    if entries.len() > GREATEST {
        return Err(HttpError::TooManyOperations { limit: GREATEST });
    }
    let mut operations = Vec::new();
    let mut outcomes = Vec::new();
    for entry in entries {
        match operation(entry.get(), asked) {
            Ok(operation) => {
                // Its result follows.
                outcomes.push(None);
                operations.push(operation);
            }
            Err(error) => outcomes.push(Some(Outcome::of(&HttpError::Entry(error), None))),
        }
    }
    let kinds: Vec<_> = operations.iter().map(Expected::of).collect();
    let results = api.client.batch(operations).await;
    let mut results = results.into_iter().zip(kinds);
    let outcomes = outcomes.into_iter().filter_map(|outcome| {
        outcome.or_else(|| {
            let (result, expected) = results.next()?;
            Some(match result {
                Ok(instance) => Outcome {
                    status: expected.status.as_u16(),
                    instance_id: Some(instance.id().into()),
                    error: None,
                },
                Err(error) if expected.is_start => Outcome::of(&error.into(), expected.id),
                Err(error) => Outcome::of(&HttpError::of_id(error), expected.id),
            })
        })
    });
    let outcomes: Vec<_> = outcomes.collect();
    Ok(json_response(StatusCode::OK, &outcomes))
}

/// How an operation is answered.
struct Expected {
    status: StatusCode,
    is_start: bool,
    id: Option<String>,
}

impl Expected {
    fn of(operation: &BatchOperation) -> Self {
        let status = match operation {
            BatchOperation::Purge { .. } => StatusCode::OK,
            _ => StatusCode::ACCEPTED,
        };
        Self {
            status,
            is_start: matches!(operation, BatchOperation::Start(_)),
            id: operation.id().map(str::to_owned),
        }
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
            let mut start = StartByName::new(entry.orchestrator_name)
                .json_input(entry.input.map(text))
                .trace_context(asked.trace.clone());
            if let Some(id) = entry.instance_id {
                start = start.id(id);
            }
            if let Some(version) = entry.version {
                start = start.version(version);
            }
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
