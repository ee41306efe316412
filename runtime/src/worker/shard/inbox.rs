//! The messages that wait in the store for an instance.

use std::sync::Arc;

use super::Shard;
use super::slot::{InboxRead, Message, SlotState, Source};
use crate::engine::Fault;
use crate::model::history::{HistoryEvent, HistoryEventKind, decode_events};
use crate::model::instance::{Incarnation, InstanceId};
use crate::store::{InboxRow, InstanceHeader, StoreError};
use crate::worker::logged::logged;
use crate::worker::message::ShardOutput;

impl Shard {
    /// Takes what was read from the inbox of an instance that is in memory.
    pub(super) fn take_inbox(
        &mut self,
        id: &InstanceId,
        incarnation: Incarnation,
        result: Result<Vec<InboxRow>, Arc<StoreError>>,
    ) {
        let Some(slot) = self.slots.get_mut(id) else {
            return;
        };
        let more = std::mem::take(&mut slot.inbox) == InboxRead::ReadingAndMore;
        if matches!(slot.state, SlotState::Continuing(_)) {
            return slot.waiting.push_back(Message::Mail);
        }
        // Loading reads the inbox too.
        let is_held = matches!(slot.state, SlotState::Held(_));
        let Some(known) = slot.known() else { return };
        if known.header.incarnation != incarnation {
            return;
        }
        match result {
            Ok(rows) => {
                let rows = rows
                    .into_iter()
                    .filter(|row| row.sequence > known.inbox_seen);
                let rows: Vec<_> = rows.collect();
                known.inbox_seen = rows.last().map_or(known.inbox_seen, |row| row.sequence);
                match messages(&known.header, rows) {
                    Ok(messages) => slot.waiting.extend(messages.into_iter().filter(|message| {
                        !is_held || matches!(message, Message::Terminate { .. })
                    })),
                    Err(fault) if !is_held => self.hold(id, &fault, Vec::new()),
                    Err(_) => {}
                }
            }
            Err(error) => {
                logged(
                    || tracing::error!(instance = %id, %error, "an inbox cannot be read; the instance is loaded again"),
                );
                return self.reload(id);
            }
        }
        if more {
            self.read_inbox(id);
        }
        self.advance(id);
    }

    /// Asks for what is new in the inbox of an instance that is in memory.
    pub(super) fn read_inbox(&mut self, id: &InstanceId) {
        let Some(slot) = self.slots.get_mut(id) else {
            return;
        };
        if matches!(slot.state, SlotState::Continuing(_)) {
            slot.waiting.push_back(Message::Mail);
        } else if slot.inbox != InboxRead::No {
            slot.inbox = InboxRead::ReadingAndMore;
        } else if let Some(known) = slot.known() {
            let (incarnation, seen) = (known.header.incarnation, known.inbox_seen);
            slot.inbox = InboxRead::Reading;
            self.outputs
                .push(ShardOutput::ReadInbox(id.clone(), incarnation, seen));
        }
    }
}

/// The messages of an inbox that are for this execution.
pub(super) fn messages(
    header: &InstanceHeader,
    inbox: Vec<InboxRow>,
) -> Result<Vec<Message>, Fault> {
    let mut messages = Vec::with_capacity(inbox.len());
    for InboxRow {
        sequence,
        execution,
        event,
    } in inbox
    {
        if execution.is_some_and(|execution| execution != header.execution_id) {
            continue;
        }
        let undecodable = |message| Fault::Undecodable {
            what: format!("message {sequence} of the inbox"),
            message,
        };
        let events = decode_events(&event).map_err(|error| undecodable(error.to_string()))?;
        let event = only_event(events).map_err(|why| undecodable(why.to_owned()))?;
        messages.push(match event.kind {
            HistoryEventKind::ExecutionTerminated(terminated) => Message::Terminate {
                reason: terminated.input,
                recursive: terminated.recurse,
                source: Source::Inbox(sequence),
            },
            HistoryEventKind::ExecutionRewound(rewound) => Message::Rewind {
                reason: rewound.reason,
                message: sequence,
            },
            kind => Message::Event {
                event: HistoryEvent { kind, ..event },
                source: Source::Inbox(sequence),
            },
        });
    }
    Ok(messages)
}

/// The one event of a message. The answer of a child that had completed before its parent was rewound is without its output, and followed
/// by the episode in which the child ended; whatever else is behind an event was put there by nobody who may.
fn only_event(events: Vec<HistoryEvent>) -> Result<HistoryEvent, &'static str> {
    let mut events = events.into_iter();
    let mut event = events.next().ok_or("it has no event")?;
    if events.len() == 0 {
        return Ok(event);
    }
    let end = events.rev().find_map(|event| match event.kind {
        HistoryEventKind::ExecutionCompleted(ended) => Some(ended),
        _ => None,
    });
    match (&mut event.kind, end) {
        (HistoryEventKind::SubOrchestrationInstanceCompleted(answer), Some(end))
            if answer.result.is_none() =>
        {
            answer.result = end.result;
            Ok(event)
        }
        _ => Err("it has more than one event"),
    }
}
