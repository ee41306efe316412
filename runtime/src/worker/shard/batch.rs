//! What one episode is to take.

use jiff::Timestamp;

use super::slot::{Message, Source, payload_bytes};
use crate::limits::{MAX_EVENT_BYTES_PER_EPISODE, MAX_EVENTS_PER_EPISODE};
use crate::model::history::{HistoryEvent, TimerFired};

/// The events that an episode is to take, each with where it came from.
#[derive(Default)]
pub(super) struct Batch {
    /// How many bytes the payloads of the events have.
    pub(super) bytes: usize,
    pub(super) events: Vec<HistoryEvent>,
    pub(super) sources: Vec<Option<Source>>,
}

impl Batch {
    pub(super) fn with_capacity(events: usize) -> Self {
        Self {
            bytes: 0,
            events: Vec::with_capacity(events),
            sources: Vec::with_capacity(events),
        }
    }

    /// Whether what comes next is for the next episode.
    pub(super) fn is_full(&self) -> bool {
        self.events.len() >= MAX_EVENTS_PER_EPISODE || self.bytes >= MAX_EVENT_BYTES_PER_EPISODE
    }

    pub(super) fn push(&mut self, event: HistoryEvent, source: Option<Source>) {
        self.bytes += payload_bytes(&event);
        self.events.push(event);
        self.sources.push(source);
    }

    /// Puts due timers, earliest first, in front of the events that happened after their time. The first events are left alone:
    /// they begin the execution.
    pub(super) fn insert_timers(
        &mut self,
        begin: usize,
        due: Vec<(Timestamp, i32)>,
        now: Timestamp,
    ) {
        let mut from = begin;
        for (fire_at, timer_id) in due {
            let later = self.events[from..]
                .iter()
                .position(|event| event.timestamp > fire_at);
            let at = later.map_or(self.events.len(), |later| from + later);
            let fired = HistoryEvent::new(now, TimerFired { timer_id, fire_at });
            self.events.insert(at, fired);
            self.sources.insert(at, None);
            from = at + 1;
        }
    }

    /// The messages that the events came in. Timers are found again.
    pub(super) fn into_messages(self) -> Vec<Message> {
        let messages = self.events.into_iter().zip(self.sources);
        messages
            .filter_map(|(event, source)| {
                Some(Message::Event {
                    event,
                    source: source?,
                })
            })
            .collect()
    }
}
