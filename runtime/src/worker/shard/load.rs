//! Loading an instance: what its rows say of it.

use std::sync::Arc;

use super::Shard;
use super::enter::LiveParts;
use super::inbox::messages;
use super::slot::{Known, Message, SlotState, Source};
use crate::context::CancelReason;
use crate::engine::Fault;
use crate::model::custom_status::CustomStatus;
use crate::model::history::{HistoryEvent, decode_events, events_to_replay};
use crate::model::instance::InstanceId;
use crate::model::status::RuntimeStatus;
use crate::model::tags::Tags;
use crate::store::{
    HistoryRow, InboxRow, InstanceHeader, StoreError, StoreErrorKind, StoredInstance,
};
use crate::worker::logged::logged;
use crate::worker::message::RequestError;
use crate::worker::update::About;

impl Shard {
    /// Takes the rows of an instance that something waits for.
    pub(super) fn loaded(
        &mut self,
        id: InstanceId,
        result: Result<Option<StoredInstance>, Arc<StoreError>>,
    ) {
        let Some(slot) = self.slots.get_mut(&id) else {
            return;
        };
        if !matches!(slot.state, SlotState::Loading) || slot.unanswered > 0 {
            return;
        }
        slot.failed = None;
        if slot.uncertain && result.is_ok() {
            slot.uncertain = false;
            self.shared.watchers.publish_uncertain(&id);
        }
        match result {
            Ok(Some(stored)) if stored.header.runtime_status.is_terminal() => {
                // By a commit that was not acknowledged.
                if stored.header.runtime_status == RuntimeStatus::Terminated {
                    self.cancel_all(&id, CancelReason::Terminated);
                }
                self.dismiss(&id, || RequestError::AlreadyEnded { id: id.clone() });
            }
            Ok(Some(stored)) => self.revive(stored),
            Ok(None) => self.dismiss(&id, || RequestError::NotFound { id: id.clone() }),
            Err(error) => self.load_failed(id, &error),
        }
    }

    fn load_failed(&mut self, id: InstanceId, error: &Arc<StoreError>) {
        logged(|| tracing::error!(instance = %id, %error, "an instance cannot be loaded"));
        if error.kind() == StoreErrorKind::Corrupt {
            // Reading it again gives the same. What waits for it is told, and the next message tries again.
            return self.dismiss(&id, || RequestError::Store(Arc::clone(error)));
        }
        let Some(slot) = self.slots.get_mut(&id) else {
            return;
        };
        // Clients learn of it now; results of activities stay until the store answers.
        for message in std::mem::take(&mut slot.waiting) {
            if message.is_nobodys() {
                slot.waiting.push_back(message);
            } else {
                message.refuse(|| RequestError::Store(Arc::clone(error)));
            }
        }
        self.load_later(id);
    }

    /// Forgets an instance that is not there or has ended.
    fn dismiss(&mut self, id: &InstanceId, error: impl Fn() -> RequestError) {
        for message in self.remove(id).map(|slot| slot.waiting).unwrap_or_default() {
            if let Message::Event {
                source: Source::Activity(key),
                ..
            } = message
            {
                self.running.remove(id, key);
            } else {
                message.refuse(&error);
            }
        }
    }

    fn revive(&mut self, stored: StoredInstance) {
        // What waits of its inbox has been read again.
        if let Some(slot) = self.slots.get_mut(&stored.header.id) {
            slot.waiting.retain(|message| !message.is_of_inbox());
        }
        let StoredInstance {
            header,
            history,
            inbox,
            progress,
        } = stored;
        let last_status = history
            .iter()
            .rev()
            .find_map(|row| row.custom_status.clone());
        let last_status = last_status.and_then(CustomStatus::from_stored);
        let inbox_seen = inbox.last().map_or(0, |row| row.sequence);
        let progress = progress.into_iter().map(|row| (row.task_id, row)).collect();
        match parts(&header, history, inbox) {
            Ok(Rows {
                custom_status,
                begin,
                past,
                inbox,
            }) => self.enter(LiveParts {
                header,
                custom_status,
                last_status,
                progress,
                begin,
                past,
                inbox,
                inbox_seen,
            }),
            Err(fault) => {
                let known = Known {
                    about: About::of(&header, &Tags::default()),
                    header,
                    custom_status: last_status,
                    progress,
                    inbox_seen,
                    begun: true,
                    parent: None,
                    tags: Tags::default(),
                    trace: None,
                };
                self.enter_stalled(known, Vec::new(), &fault);
            }
        }
    }
}

/// The rows of an instance, decoded.
struct Rows {
    custom_status: Option<CustomStatus>,
    begin: Vec<HistoryEvent>,
    past: Vec<HistoryEvent>,
    inbox: Vec<Message>,
}

/// Reads the rows of the current execution.
fn parts(
    header: &InstanceHeader,
    history: Vec<HistoryRow>,
    inbox: Vec<InboxRow>,
) -> Result<Rows, Fault> {
    let decode = |episode: u64, text: &str| {
        decode_events(text).map_err(|error| Fault::Undecodable {
            what: format!("the history of episode {episode}"),
            message: error.to_string(),
        })
    };
    let mut rows = history.into_iter();
    let Some(first) = rows.next() else {
        return Err(Fault::MalformedHistory(
            "the execution has no first row".into(),
        ));
    };
    let begin = decode(first.episode, &first.events)?;
    let custom_status = first.custom_status.and_then(CustomStatus::from_stored);
    let episodes = rows.map(|row| decode(row.episode, &row.events));
    let (begin, past) = events_to_replay(begin, episodes)?;
    Ok(Rows {
        custom_status,
        begin,
        past,
        inbox: messages(header, inbox)?,
    })
}
