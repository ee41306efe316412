//! Whether an instance may be given an event.

use super::slot::Kept;
use crate::model::history::{HistoryEvent, HistoryEventKind};
use crate::registration::Function;
use crate::registry::Registry;
use crate::store::InstanceHeader;
use crate::worker::message::RequestError;

/// What speaks against giving an event to an instance, which keeps so much that nobody has taken.
pub(super) fn objection(
    registry: &Registry,
    header: &InstanceHeader,
    event: &HistoryEvent,
    kept: Kept,
) -> Option<RequestError> {
    let HistoryEventKind::EventRaised(raised) = &event.kind else {
        return None;
    };
    let id = &header.id;
    if kept.is_full() {
        return Some(RequestError::TooManyEvents { id: id.clone() });
    }
    let found = registry.orchestrator(&header.name, header.version.as_deref())?;
    let Function::Orchestrator {
        events: Some(events),
        ..
    } = found.function
    else {
        return None;
    };
    let declared = events
        .iter()
        .find(|declared| declared.name.to_lowercase() == raised.name.to_lowercase());
    let Some(declared) = declared else {
        return Some(RequestError::UndeclaredEvent {
            id: id.clone(),
            event: raised.name.clone(),
            declared: events.iter().map(|event| event.name).collect(),
        });
    };
    let error = (declared.check)(raised.input.as_deref()).err()?;
    Some(RequestError::EventPayload {
        id: id.clone(),
        error,
    })
}
