//! Continuing as new: what the next execution of an instance begins with.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::Shared;
use super::enter::LiveParts;
use super::slot::{Known, Message, Source, is_raised};
use crate::engine::Continued;
use crate::model::history::{ExecutionStarted, HistoryEvent};
use crate::worker::update::About;

/// Takes the external events that an execution did not live to see out of what was not delivered. The next execution begins with
/// them.
pub(super) fn carry(
    sources: &mut Vec<Option<Source>>,
    undelivered: &mut Vec<Message>,
) -> Vec<HistoryEvent> {
    let mut carried = Vec::new();
    for message in std::mem::take(undelivered) {
        match message {
            Message::Event { event, source } if is_raised(&event) => {
                carried.push(event);
                sources.push(Some(source));
            }
            other => undelivered.push(other),
        }
    }
    carried
}

/// Makes an instance that of its next execution, and returns what that begins with.
pub(super) fn continue_as_new(
    shared: &Shared,
    known: &mut Known,
    continued: Continued,
    carried: Vec<HistoryEvent>,
    now: Timestamp,
) -> LiveParts {
    let execution_id = shared.ids.new_execution();
    let header = &mut known.header;
    header.execution_id = execution_id;
    header.first_episode = header.episode;
    if let Some(version) = continued.version {
        header.version = Some(version).filter(|version| !version.is_empty());
        known.about = About::of(header, &known.tags);
    }
    header.status_episode = known.custom_status.as_ref().map(|_| header.episode);
    (header.next_timer, header.needs_attention, header.stalled) = (None, true, None);
    let started = ExecutionStarted {
        name: header.name.clone(),
        version: header.version.clone(),
        input: continued.input,
        execution_id,
        parent: known.parent.clone(),
        tags: known.tags.clone(),
        scheduled_start: None,
        parent_trace: known.trace.as_deref().cloned(),
    };
    let mut begin = vec![HistoryEvent::new(now, started)];
    begin.extend(continued.carried);
    begin.extend(carried);
    known.progress.clear();
    LiveParts {
        header: header.clone(),
        custom_status: known.custom_status.clone(),
        last_status: known.custom_status.clone(),
        progress: BTreeMap::new(),
        begin,
        past: Vec::new(),
        inbox: Vec::new(),
        inbox_seen: known.inbox_seen,
    }
}
