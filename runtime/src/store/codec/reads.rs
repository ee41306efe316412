//! What is read, with its payloads decoded.
//!
//! When one of an instance cannot be decoded, all of its events are texts that say why: a worker sets the instance aside, and a
//! reader is told.

use super::place::{Expected, Place};
use super::{Codec, text};
use crate::model::encoded::undecodable;
use crate::model::instance::{ExecutionId, Incarnation, InstanceId};
use crate::model::status::ActivityProgress;
use crate::store::{ChangeRow, InboxRow, InstanceHeader, InstanceRows, StoredInstance};

type Result<T = ()> = std::result::Result<T, String>;

#[derive(Clone, Copy, Debug)]
pub(super) struct Decoder<'a> {
    pub(super) codec: &'a dyn Codec,
    pub(super) accepts_plain_text: bool,
}

impl Decoder<'_> {
    pub(super) fn header(self, header: &mut InstanceHeader) {
        if let Some(reason) = &mut header.stalled {
            let place = Place::Stalled(header.incarnation);
            *reason = self
                .text(&Expected::at(place), reason)
                .unwrap_or_else(|why| format!("the reason cannot be decoded: {why}"));
        }
    }

    pub(super) fn stored(self, mut stored: StoredInstance) -> StoredInstance {
        self.header(&mut stored.header);
        if let Err(why) = self.try_stored(&mut stored) {
            let instead = undecodable(&why);
            for row in &mut stored.history {
                row.events.clone_from(&instead);
                row.custom_status = None;
            }
            for message in &mut stored.inbox {
                message.event.clone_from(&instead);
            }
            stored.progress.clear();
        }
        stored
    }

    fn try_stored(self, stored: &mut StoredInstance) -> Result {
        let StoredInstance {
            header,
            history,
            inbox,
            progress,
        } = stored;
        let execution = header.execution_id;
        for row in history {
            self.at(Place::Events(execution, row.episode), &mut row.events)?;
            let status = Place::CustomStatus(execution, row.episode);
            self.optional(status, &mut row.custom_status)?;
        }
        self.progress(execution, progress)?;
        self.messages(&header.id, header.incarnation, inbox)
    }

    pub(super) fn rows(self, mut rows: InstanceRows) -> InstanceRows {
        self.header(&mut rows.header);
        if let Err(why) = self.try_rows(&mut rows) {
            rows.without_payloads(&why);
        }
        rows
    }

    fn try_rows(self, rows: &mut InstanceRows) -> Result {
        let header = &rows.header;
        let execution = header.execution_id;
        let first = Place::Events(execution, header.first_episode);
        self.at(first, &mut rows.first_events)?;
        let last = Place::Events(execution, header.episode);
        self.optional(last, &mut rows.last_events)?;
        if let Some(episode) = header.status_episode {
            let place = Place::CustomStatus(execution, episode);
            self.optional(place, &mut rows.custom_status)?;
        }
        self.progress(execution, &mut rows.progress)
    }

    /// The messages of an inbox. One that cannot be decoded says why in its place.
    pub(super) fn inbox(
        self,
        id: &InstanceId,
        incarnation: Incarnation,
        mut inbox: Vec<InboxRow>,
    ) -> Vec<InboxRow> {
        for message in &mut inbox {
            let one = std::slice::from_mut(message);
            if let Err(why) = self.messages(id, incarnation, one) {
                message.event = undecodable(&why);
            }
        }
        inbox
    }

    /// A custom status that cannot be decoded is left out, as it is where the instance is read.
    pub(super) fn changes(self, mut changes: Vec<ChangeRow>) -> Vec<ChangeRow> {
        for row in &mut changes {
            let Some(episode) = row.status_episode else {
                continue;
            };
            let place = Place::CustomStatus(row.execution_id, episode);
            if self.optional(place, &mut row.custom_status).is_err() {
                (row.custom_status, row.status_episode) = (None, None);
            }
        }
        changes
    }

    fn messages(self, id: &InstanceId, incarnation: Incarnation, inbox: &mut [InboxRow]) -> Result {
        if inbox.is_empty() {
            return Ok(());
        }
        let expected = Expected::message(id, incarnation);
        for message in inbox {
            message.event = self.text(&expected, &message.event)?;
        }
        Ok(())
    }

    fn progress(self, execution: ExecutionId, progress: &mut [ActivityProgress]) -> Result {
        for report in progress {
            let place = Place::Progress(execution, report.task_id);
            self.at(place, &mut report.details)?;
        }
        Ok(())
    }

    fn at(self, place: Place<'_>, text: &mut String) -> Result {
        *text = self.text(&Expected::at(place), text)?;
        Ok(())
    }

    fn optional(self, place: Place<'_>, text: &mut Option<String>) -> Result {
        match text {
            Some(text) => self.at(place, text),
            None => Ok(()),
        }
    }

    fn text(self, expected: &Expected, text: &str) -> Result<String> {
        text::decode(self.codec, self.accepts_plain_text, expected, text)
    }
}
