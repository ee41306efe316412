//! What was recorded around a place, in lines.

use std::fmt::Write as _;

use super::{Divergence, DivergenceKind};
use crate::engine::in_full;
use crate::model::history::{HistoryEvent, HistoryEventKind as Event, NO_ACTION};

/// How many events before and behind the place are shown.
const BEFORE: usize = 6;
const BEHIND: usize = 3;

/// The events around the place, that of the divergence marked by `-` for what was recorded and `+` for what was found.
pub(super) fn around(divergence: &Divergence, past: &[HistoryEvent]) -> String {
    let Some(last) = past.len().checked_sub(1) else {
        return String::new();
    };
    let recorded = divergence
        .event_id
        .and_then(|id| past.iter().position(|event| event.event_id == id));
    let place = recorded.unwrap_or_else(|| divergence.place.saturating_sub(1).min(last));
    let (from, to) = (place.saturating_sub(BEFORE), (place + BEHIND).min(last));
    let mut text = String::new();
    if from > 0 {
        let _ = writeln!(text, "    .. {from} events before");
    }
    for (index, event) in past.iter().enumerate().take(to + 1).skip(from) {
        let is_place = index == place;
        let mark = if is_place && recorded.is_some() {
            '-'
        } else {
            ' '
        };
        line(&mut text, mark, event);
        if is_place && divergence.kind != DivergenceKind::CustomStatus {
            found(&mut text, divergence);
        }
    }
    if to < last {
        let _ = writeln!(text, "    .. {} events behind", last - to);
    }
    text
}

fn line(text: &mut String, mark: char, event: &HistoryEvent) {
    let _ = match &event.kind {
        Event::OrchestratorStarted(_) => writeln!(text, "  {mark} episode of {}", event.timestamp),
        kind if event.event_id == NO_ACTION => writeln!(text, "  {mark}       {}", in_full(kind)),
        kind => writeln!(text, "  {mark} {:>5} {}", event.event_id, in_full(kind)),
    };
}

fn found(text: &mut String, divergence: &Divergence) {
    let what = divergence.found.as_deref().unwrap_or(&divergence.message);
    let _ = match divergence.event_id {
        Some(id) => write!(text, "  + {id:>5} {what}"),
        None => write!(text, "  +       {what}"),
    };
    if let Some(location) = &divergence.location {
        let _ = write!(text, "   <- {location}");
    }
    text.push('\n');
}
