//! What is written, with its payloads encoded.

use super::place::Place;
use super::{Codec, CodecError, text};
use crate::model::instance::ExecutionId;
use crate::store::{
    CreateChild, CreateInstance, Destination, EpisodeWrite, HistoryRow, ImportInstance,
    RewindChild, Write,
};

type Result<T = ()> = std::result::Result<T, CodecError>;

/// A copy of a write that a store may have.
pub(super) fn encoded(codec: &dyn Codec, write: &Write) -> Result<Write> {
    let encoder = Encoder(codec);
    let mut write = write.clone();
    match &mut write {
        Write::Create(create) => encoder.create(create)?,
        Write::Episode(episode) => encoder.episode(episode)?,
        Write::Enqueue {
            incarnation, event, ..
        } => encoder.text(Place::ToIncarnation(*incarnation), event)?,
        Write::SetStalled {
            incarnation,
            reason,
        } => encoder.optional(Place::Stalled(*incarnation), reason)?,
        Write::Progress {
            execution_id,
            progress,
            ..
        } => {
            let place = Place::Progress(*execution_id, progress.task_id);
            encoder.text(place, &mut progress.details)?;
        }
        Write::Rewind { id, event, .. } => encoder.text(Place::ToInstance(id), event)?,
        Write::Import(import) => encoder.import(import)?,
        // What they say about instances is in clear.
        Write::Purge { .. } | Write::PurgeWhere(_) => {}
    }
    Ok(write)
}

struct Encoder<'a>(&'a dyn Codec);

impl Encoder<'_> {
    fn text(&self, place: Place<'_>, payload: &mut String) -> Result {
        *payload = text::encode(self.0, place, payload)?;
        Ok(())
    }

    fn optional(&self, place: Place<'_>, payload: &mut Option<String>) -> Result {
        match payload {
            Some(payload) => self.text(place, payload),
            None => Ok(()),
        }
    }

    fn create(&self, create: &mut CreateInstance) -> Result {
        let execution = create.execution_id;
        self.text(Place::Events(execution, 0), &mut create.events)?;
        let status = Place::CustomStatus(execution, 0);
        self.optional(status, &mut create.custom_status)
    }

    fn row(&self, execution: ExecutionId, row: &mut HistoryRow) -> Result {
        self.text(Place::Events(execution, row.episode), &mut row.events)?;
        let status = Place::CustomStatus(execution, row.episode);
        self.optional(status, &mut row.custom_status)
    }

    fn import(&self, import: &mut ImportInstance) -> Result {
        self.create(&mut import.create)?;
        for row in &mut import.rows {
            self.row(import.create.execution_id, row)?;
        }
        for event in &mut import.inbox {
            self.text(Place::ToInstance(&import.create.id), event)?;
        }
        Ok(())
    }

    fn episode(&self, write: &mut EpisodeWrite) -> Result {
        let next = write.continued.as_ref().map(|next| next.execution_id);
        self.row(next.unwrap_or(write.execution_id), &mut write.row)?;
        let incarnation = write.incarnation;
        self.optional(Place::Stalled(incarnation), &mut write.stalled)?;
        for child in &mut write.children {
            self.child(Place::ToIncarnation(incarnation), child)?;
        }
        for RewindChild {
            id,
            event,
            answer,
            otherwise,
            ..
        } in &mut write.rewinds
        {
            self.text(Place::ToInstance(id), event)?;
            self.text(Place::ToIncarnation(incarnation), answer)?;
            self.child(Place::ToIncarnation(incarnation), otherwise)?;
        }
        for message in &mut write.messages {
            let place = match &message.to {
                Destination::Instance(id)
                | Destination::Execution(id, _)
                | Destination::Child { id, .. } => Place::ToInstance(id),
                Destination::Children => Place::ToChildren(write.execution_id),
            };
            self.text(place, &mut message.event)?;
        }
        Ok(())
    }

    fn child(&self, writer: Place<'_>, child: &mut CreateChild) -> Result {
        self.create(&mut child.create)?;
        self.text(writer, &mut child.on_refused)
    }
}
