//! Exported histories: what is read is written as it was, and an instance that is made of it goes on or says why not.

use std::sync::Arc;

use arbitrary::{Result, Unstructured};
use steadfast::model::history::{HistoryEvent, HistoryEventKind, NO_ACTION};
use steadfast::store::memory::MemoryStore;
use steadfast::{ExecutionId, ExportedHistory, RuntimeStatus};

use super::{events, worker};

/// A history to make others of.
const BASE: &str = r#"{"format":"steadfast.history","format_version":1,"instance_id":"a","name":"Steps",
"execution_id":"00000000000000000000000000000001","runtime_status":"Pending","created_at":"2026-01-01T12:00:00Z",
"last_updated_at":"2026-01-01T12:00:00Z","episodes":[{"runtime_status":"Pending","sequence":0,"events":[]}]}"#;

pub(super) fn run(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        check(text);
    }
    if let Ok(text) = made_of(&mut Unstructured::new(data)) {
        check(&text);
    }
}

fn check(text: &str) {
    let history = match ExportedHistory::from_json(text) {
        Ok(history) => history,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    let written = history.to_json();
    let read = ExportedHistory::from_json(&written).unwrap();
    assert_eq!(read, history);
    assert_eq!(read.to_json(), written);

    let mut worker = worker::start(Arc::new(MemoryStore::new()));
    let client = worker.client().clone();
    let imported = worker.block_on(client.import(&history)).unwrap();
    if history.runtime_status.is_terminal() {
        // Nothing happens to it here.
        let again = worker.block_on(client.import(&history)).unwrap();
        assert_eq!(again.id(), imported.id());
        assert_eq!(worker.block_on(imported.export()).unwrap(), history);
    }
    worker::settle(&mut worker);
    let later = worker.block_on(imported.export()).unwrap();
    assert_eq!(ExportedHistory::from_json(&later.to_json()).unwrap(), later);
    worker::goes_on_or_says_why(&mut worker, &imported);
    worker::works(&mut worker);
}

/// The JSON of a history of any events.
fn made_of(u: &mut Unstructured<'_>) -> Result<String> {
    let mut history: serde_json::Value = serde_json::from_str(BASE).unwrap();
    let length = u.int_in_range(0..=4)?;
    let program = u.bytes(length)?;
    let id = ExecutionId::from_u128(1);
    let first = vec![events::started(program, id)];
    let mut status = events::status(u)?;
    let mut episodes = vec![episode(&first, "Pending", 0)];
    let count = u.int_in_range(0..=4)?;
    for number in 1..=count {
        let events = events::several(u, 4, events::any)?;
        status = match events.iter().rev().find_map(ended) {
            Some(status) => status,
            None if number == count => status,
            None => RuntimeStatus::Running,
        };
        episodes.push(episode(&events, status.as_str(), number));
    }
    let last = episodes[episodes.len() - 1]["runtime_status"].clone();
    history["runtime_status"] = last;
    history["episodes"] = episodes.into();
    let inbox = events::several(u, 3, events::happening)?;
    if !inbox.is_empty() {
        history["inbox"] = inbox.iter().map(readable).collect();
    }
    Ok(history.to_string())
}

fn ended(event: &HistoryEvent) -> Option<RuntimeStatus> {
    match &event.kind {
        HistoryEventKind::ExecutionCompleted(ended) => Some(ended.status),
        _ => None,
    }
}

fn episode(events: &[HistoryEvent], status: &str, sequence: u64) -> serde_json::Value {
    let events: Vec<_> = events.iter().map(readable).collect();
    serde_json::json!({"runtime_status": status, "sequence": sequence, "events": events})
}

fn readable(event: &HistoryEvent) -> serde_json::Value {
    let mut json = serde_json::to_value(&event.kind).unwrap();
    json["at"] = event.timestamp.to_string().into();
    if event.event_id != NO_ACTION {
        json["action"] = event.event_id.into();
    }
    json
}
