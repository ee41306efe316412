//! The commit of an episode: what it does to its own instance, and then to others.

use rusqlite::{Connection, Result};

use super::{history, inbox, instances, progress, writes};
use crate::model::instance::{ExecutionId, Incarnation, InstanceId};
use crate::model::status::RuntimeStatus;
use crate::store::{
    CreateChild, Destination, EpisodeWrite, InstanceHeader, OutgoingMessage, Refused, RewindChild,
    WriteResult, Written, joined, replacing_ended, without_repetitions,
};

/// Commits an episode, or says why not.
pub(super) fn apply(db: &Connection, write: &EpisodeWrite) -> Result<WriteResult> {
    if !instances::advance(db, write)? {
        return Ok(if was_applied_before(db, write)? {
            Ok(Written::Episode {
                notified: Vec::new(),
            })
        } else {
            Err(Refused::Stale)
        });
    }
    history::insert(db, write.incarnation, &write.row)?;
    if let Some(up_to) = write.inbox_taken {
        inbox::take(db, write.incarnation, up_to)?;
    }
    for task in &write.progress_ended {
        progress::end(db, write.incarnation, *task)?;
    }
    if let Some(next) = &write.continued {
        let has_custom_status = write.row.custom_status.is_some();
        instances::begin_execution(db, write.incarnation, next, has_custom_status)?;
        history::delete_before(db, write.incarnation, write.row.episode)?;
        inbox::delete_for_an_execution(db, write.incarnation)?;
        progress::delete(db, write.incarnation)?;
    }
    let mut notified = Vec::new();
    for child in &write.children {
        create_child(db, write, child, &mut notified)?;
    }
    for child in &write.rewinds {
        rewind_child(db, write, child, &mut notified)?;
    }
    for message in &write.messages {
        send(db, write, message, &mut notified)?;
    }
    Ok(Ok(Written::Episode {
        notified: without_repetitions(notified),
    }))
}

fn was_applied_before(db: &Connection, write: &EpisodeWrite) -> Result<bool> {
    let Some(header) = instances::by_incarnation(db, write.incarnation)? else {
        return Ok(false);
    };
    let episode = write.row.episode;
    let is_of_the_execution = match &write.continued {
        Some(next) => header.execution_id == next.execution_id && header.first_episode == episode,
        None => header.execution_id == write.execution_id,
    };
    Ok(is_of_the_execution
        && history::row(db, write.incarnation, episode)?.as_ref() == Some(&write.row))
}

fn create_child(
    db: &Connection,
    writer: &EpisodeWrite,
    child: &CreateChild,
    notified: &mut Vec<InstanceId>,
) -> Result<()> {
    if writes::apply_create(db, &child.create)?.is_ok() {
        notified.push(child.create.id.clone());
        return Ok(());
    }
    let execution = writer.execution_id;
    match instances::by_incarnation(db, writer.incarnation)? {
        Some(header) if is_unfinished(&header) && header.execution_id == execution => {
            inbox::append(db, header.incarnation, Some(execution), &child.on_refused)?;
            notified.push(header.id);
        }
        _ => {}
    }
    Ok(())
}

fn rewind_child(
    db: &Connection,
    writer: &EpisodeWrite,
    child: &RewindChild,
    notified: &mut Vec<InstanceId>,
) -> Result<()> {
    match find_child(db, writer, &child.id, child.task_scheduled_id)? {
        Some(found) if found.runtime_status == RuntimeStatus::Failed => {
            instances::rewind(db, found.incarnation, writer.last_updated_at)?;
            inbox::append(db, found.incarnation, None, &child.event)?;
            notified.push(found.id);
            Ok(())
        }
        Some(found) if is_unfinished(&found) => Ok(()),
        Some(found) if found.runtime_status == RuntimeStatus::Completed => {
            let last = history::events(db, found.incarnation, found.episode)?;
            let answer = joined(&child.answer, &last);
            let execution = Some(writer.execution_id);
            inbox::append(db, writer.incarnation, execution, &answer)?;
            let own = instances::by_incarnation(db, writer.incarnation)?;
            notified.extend(own.map(|own| own.id));
            Ok(())
        }
        _ => create_child(db, writer, &replacing_ended(&child.otherwise), notified),
    }
}

fn send(
    db: &Connection,
    writer: &EpisodeWrite,
    message: &OutgoingMessage,
    notified: &mut Vec<InstanceId>,
) -> Result<()> {
    let (recipients, execution) = recipients(db, writer, &message.to)?;
    for (incarnation, id) in recipients {
        inbox::append(db, incarnation, execution, &message.event)?;
        notified.push(id);
    }
    Ok(())
}

/// Who gets a message, and for which execution, if it is for one only.
type Recipients = (Vec<(Incarnation, InstanceId)>, Option<ExecutionId>);

/// The unfinished instances that a message is for.
fn recipients(db: &Connection, writer: &EpisodeWrite, to: &Destination) -> Result<Recipients> {
    let (found, execution) = match to {
        Destination::Instance(id) => (instances::by_id(db, id)?, None),
        Destination::Execution(id, execution) => {
            let found = instances::by_id(db, id)?;
            let found = found.filter(|found| found.execution_id == *execution);
            (found, Some(*execution))
        }
        Destination::Child {
            id,
            task_scheduled_id,
        } => (find_child(db, writer, id, *task_scheduled_id)?, None),
        Destination::Children => {
            let Some(header) = instances::by_incarnation(db, writer.incarnation)? else {
                return Ok((Vec::new(), None));
            };
            let children = instances::unfinished_children(db, &header.id, writer.execution_id)?;
            return Ok((children, None));
        }
    };
    let found = found.filter(is_unfinished);
    let found = found.map(|found| (found.incarnation, found.id));
    Ok((found.into_iter().collect(), execution))
}

/// The instance of this id, if the writer's execution started it by this action.
fn find_child(
    db: &Connection,
    writer: &EpisodeWrite,
    id: &InstanceId,
    task: i32,
) -> Result<Option<InstanceHeader>> {
    let Some(found) = instances::by_id(db, id)? else {
        return Ok(None);
    };
    let is_child = match &found.parent {
        Some(link)
            if link.execution_id == writer.execution_id && link.task_scheduled_id == task =>
        {
            let parent = instances::by_incarnation(db, writer.incarnation)?;
            parent.is_some_and(|parent| parent.id == link.instance_id)
        }
        _ => false,
    };
    Ok(is_child.then_some(found))
}

fn is_unfinished(header: &InstanceHeader) -> bool {
    !header.runtime_status.is_terminal()
}
