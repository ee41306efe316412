//! One [`Write`]: decided first, then done.

use std::convert::Infallible;

use jiff::Timestamp;

use super::Data;
use super::instance::{Advanced, Instance};
use crate::model::instance::{ExecutionId, Incarnation, InstanceId};
use crate::model::status::RuntimeStatus;
use crate::model::time::whole_microseconds;
use crate::store::{
    CreateChild, CreateInstance, Destination, EpisodeWrite, ImportInstance, InboxRow,
    OutgoingMessage, PurgeWhere, Refused, RewindChild, Write, WriteResult, Written,
    are_consecutive, gives_way, joined, replacing_ended, walked, without_repetitions,
};

impl Data {
    pub(super) fn apply(&mut self, write: &Write) -> WriteResult {
        match write {
            Write::Create(create) => self.create(create),
            Write::Episode(write) => self.episode(write),
            Write::Enqueue {
                incarnation,
                execution,
                event,
            } => {
                let header = &self.unfinished(*incarnation)?.header;
                if execution.is_some_and(|execution| execution != header.execution_id) {
                    return Err(Refused::Stale);
                }
                self.deliver(*incarnation, *execution, event);
                Ok(Written::Stored)
            }
            Write::SetStalled {
                incarnation,
                reason,
            } => {
                let header = &mut self.unfinished(*incarnation)?.header;
                header.stalled.clone_from(reason);
                header.needs_attention |= reason.is_some();
                Ok(Written::Stored)
            }
            Write::Progress {
                incarnation,
                execution_id,
                sequence,
                at,
                progress,
            } => {
                let instance = self.unfinished(*incarnation)?;
                if instance.header.execution_id != *execution_id {
                    return Err(Refused::Stale);
                }
                instance.header.sequence = *sequence;
                instance.header.last_updated_at = whole_microseconds(*at);
                let mut progress = progress.clone();
                progress.reported_at = whole_microseconds(progress.reported_at);
                instance.progress.insert(progress.task_id, progress);
                Ok(Written::Stored)
            }
            Write::Rewind { id, at, event } => {
                let found = self.by_id(id).ok_or(Refused::Stale)?;
                if found.header.runtime_status != RuntimeStatus::Failed {
                    return Err(Refused::Exists(Box::new(found.header.clone())));
                }
                let incarnation = found.header.incarnation;
                self.rewind(incarnation, *at, event);
                Ok(Written::Stored)
            }
            Write::Purge { id } => {
                let found = self.by_id(id).ok_or(Refused::Stale)?;
                if !found.is_finished() {
                    return Err(Refused::Exists(Box::new(found.header.clone())));
                }
                let incarnation = found.header.incarnation;
                self.delete(incarnation);
                Ok(Written::Purged {
                    count: 1,
                    next: None,
                })
            }
            Write::PurgeWhere(purge) => Ok(self.purge_where(purge)),
            Write::Import(import) => self.import(import),
        }
    }

    /// The instance that creating would find done, or which gives way; refused when there is one that does not.
    fn place_for(&self, create: &CreateInstance) -> Result<Place, Refused> {
        match self.by_id(&create.id).map(|existing| &existing.header) {
            None => Ok(Place::Free),
            Some(existing) if existing.execution_id == create.execution_id => {
                Ok(Place::Created(existing.incarnation))
            }
            Some(existing) if gives_way(existing, create) => {
                Ok(Place::TakenBy(existing.incarnation))
            }
            Some(existing) => Err(Refused::Exists(Box::new(existing.clone()))),
        }
    }

    fn create(&mut self, create: &CreateInstance) -> WriteResult {
        let place = self.place_for(create)?;
        match place {
            Place::Created(incarnation) => {
                return Ok(Written::Created {
                    incarnation,
                    replaced: true,
                });
            }
            Place::TakenBy(incarnation) => self.delete(incarnation),
            Place::Free => {}
        }
        self.incarnations += 1;
        let incarnation = Incarnation(self.incarnations);
        self.by_id.insert(create.id.clone(), incarnation);
        self.instances
            .insert(incarnation, Instance::new(incarnation, create));
        Ok(Written::Created {
            incarnation,
            replaced: matches!(place, Place::TakenBy(_)),
        })
    }

    fn import(&mut self, import: &ImportInstance) -> WriteResult {
        if !are_consecutive(&import.rows) {
            return Err(Refused::Stale);
        }
        let place = self.place_for(&import.create)?;
        let created = self.create(&import.create)?;
        if let Written::Created { incarnation, .. } = created
            && !matches!(place, Place::Created(_))
            && let Some(instance) = self.instances.get_mut(&incarnation)
        {
            instance.import(import);
            for event in &import.inbox {
                self.deliver(incarnation, None, event);
            }
        }
        Ok(created)
    }

    fn episode(&mut self, write: &EpisodeWrite) -> WriteResult {
        let instance = self.instances.get_mut(&write.incarnation);
        let advanced = instance.ok_or(Refused::Stale)?.advance(write)?;
        let mut notified = Vec::new();
        if matches!(advanced, Advanced::Now) {
            for child in &write.children {
                self.create_child(write, child, &mut notified);
            }
            for child in &write.rewinds {
                self.rewind_child(write, child, &mut notified);
            }
            for message in &write.messages {
                self.send(write, message, &mut notified);
            }
        }
        Ok(Written::Episode {
            notified: without_repetitions(notified),
        })
    }

    fn create_child(
        &mut self,
        writer: &EpisodeWrite,
        child: &CreateChild,
        notified: &mut Vec<InstanceId>,
    ) {
        if self.create(&child.create).is_ok() {
            return notified.push(child.create.id.clone());
        }
        let execution = writer.execution_id;
        if let Ok(instance) = self.unfinished(writer.incarnation)
            && instance.header.execution_id == execution
        {
            notified.push(instance.header.id.clone());
            self.deliver(writer.incarnation, Some(execution), &child.on_refused);
        }
    }

    fn rewind_child(
        &mut self,
        writer: &EpisodeWrite,
        child: &RewindChild,
        notified: &mut Vec<InstanceId>,
    ) {
        match self.child(writer, &child.id, child.task_scheduled_id) {
            Some(found) if found.header.runtime_status == RuntimeStatus::Failed => {
                let incarnation = found.header.incarnation;
                self.rewind(incarnation, writer.last_updated_at, &child.event);
                notified.push(child.id.clone());
            }
            Some(found) if !found.is_finished() => {}
            Some(found) if found.header.runtime_status == RuntimeStatus::Completed => {
                let last = found.history.last().map(|row| row.events.as_str());
                let answer = joined(&child.answer, last.unwrap_or_default());
                self.deliver(writer.incarnation, Some(writer.execution_id), &answer);
                let own = self.instances.get(&writer.incarnation);
                notified.extend(own.map(|own| own.header.id.clone()));
            }
            _ => self.create_child(writer, &replacing_ended(&child.otherwise), notified),
        }
    }

    fn send(
        &mut self,
        writer: &EpisodeWrite,
        message: &OutgoingMessage,
        notified: &mut Vec<InstanceId>,
    ) {
        let (found, execution): (Vec<&Instance>, _) = match &message.to {
            Destination::Instance(id) => (self.by_id(id).into_iter().collect(), None),
            Destination::Execution(id, execution) => {
                let found = self.by_id(id);
                let found = found.filter(|found| found.header.execution_id == *execution);
                (found.into_iter().collect(), Some(*execution))
            }
            Destination::Child {
                id,
                task_scheduled_id,
            } => {
                let found = self.child(writer, id, *task_scheduled_id);
                (found.into_iter().collect(), None)
            }
            Destination::Children => {
                let found = self.instances.values();
                let found = found.filter(|instance| self.is_child(writer, instance));
                (found.collect(), None)
            }
        };
        let unfinished = found.into_iter().filter(|instance| !instance.is_finished());
        let unfinished: Vec<_> = unfinished
            .map(|instance| (instance.header.incarnation, instance.header.id.clone()))
            .collect();
        for (incarnation, id) in unfinished {
            self.deliver(incarnation, execution, &message.event);
            notified.push(id);
        }
    }

    /// The instance of this id, if the writer's execution started it by this action.
    fn child(&self, writer: &EpisodeWrite, id: &InstanceId, task: i32) -> Option<&Instance> {
        let found = self.by_id(id)?;
        let link = found.header.parent.as_ref()?;
        (link.task_scheduled_id == task && self.is_child(writer, found)).then_some(found)
    }

    /// Whether the writer's execution started an instance.
    fn is_child(&self, writer: &EpisodeWrite, instance: &Instance) -> bool {
        let parent = self.instances.get(&writer.incarnation);
        instance.header.parent.as_ref().is_some_and(|link| {
            link.execution_id == writer.execution_id
                && parent.is_some_and(|parent| parent.header.id == link.instance_id)
        })
    }

    fn rewind(&mut self, incarnation: Incarnation, at: Timestamp, event: &str) {
        if let Some(instance) = self.instances.get_mut(&incarnation) {
            instance.rewind(at);
        }
        self.deliver(incarnation, None, event);
    }

    /// Puts an event into an inbox.
    fn deliver(&mut self, incarnation: Incarnation, execution: Option<ExecutionId>, event: &str) {
        if let Some(instance) = self.instances.get_mut(&incarnation) {
            self.messages += 1;
            instance.inbox.push(InboxRow {
                sequence: self.messages,
                execution,
                event: event.to_owned(),
            });
        }
    }

    fn purge_where(&mut self, purge: &PurgeWhere) -> Written {
        let mut ended = Vec::new();
        let mut next = None;
        if let Some((filter, page)) = purge.walk() {
            let Ok(end) = walked::<_, Infallible>(&page, self.walk(&filter, &page), |instance| {
                ended.push(instance.header.incarnation);
                Ok(instance.history.len())
            });
            next = end;
        }
        for incarnation in &ended {
            self.delete(*incarnation);
        }
        Written::Purged {
            count: ended.len() as u64,
            next,
        }
    }

    fn delete(&mut self, incarnation: Incarnation) {
        if let Some(instance) = self.instances.remove(&incarnation) {
            self.by_id.remove(&instance.header.id);
        }
    }

    fn unfinished(&mut self, incarnation: Incarnation) -> Result<&mut Instance, Refused> {
        let instance = self.instances.get_mut(&incarnation);
        instance
            .filter(|instance| !instance.is_finished())
            .ok_or(Refused::Stale)
    }
}

/// What an id is to an instance that is to be created.
enum Place {
    Free,
    Created(Incarnation),
    TakenBy(Incarnation),
}
