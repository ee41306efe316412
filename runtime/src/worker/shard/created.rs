//! Answers to creations and imports: the instance begins, waits for room, or is one that exists.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::Shard;
use super::enter::LiveParts;
use super::residency::{CREATED_PER_CROWD, MAX_CREATED_INPUT_BYTES};
use super::slot::{Message, Slot, SlotState};
use crate::context::CancelReason;
use crate::model::history::{HistoryEvent, HistoryEventKind};
use crate::model::instance::{Cursor, Incarnation, InstanceId};
use crate::model::on_existing::OnExisting;
use crate::model::status::RuntimeStatus;
use crate::store::{InstanceHeader, Refused, StoreError, WriteResult, Written};
use crate::worker::message::{Reply, RequestError, StartRequest};
use crate::worker::update::{About, Published, Update};

#[derive(Debug)]
pub(super) struct PendingCreate {
    pub(super) start: StartRequest,
    pub(super) started: HistoryEvent,
}

impl Shard {
    /// Takes the answer to a start. Whatever was told of the id between the commit and this answer has loaded it, so that in its slot may be
    ///
    /// - the new instance: it lives already;
    /// - one that is loaded once its writes are answered: that finds the new one;
    /// - one that is being loaded, and what waits for it: that is for the new one;
    /// - the one that was replaced, or nothing: the new one begins here, or waits for room.
    pub(super) fn created(
        &mut self,
        create: PendingCreate,
        answer: Result<WriteResult, Arc<StoreError>>,
    ) {
        let PendingCreate { start, started } = create;
        let StartRequest {
            id,
            name,
            version,
            custom_status,
            start_at,
            tags,
            trace: _,
            on_existing,
            reply,
            input: _,
        } = start;
        let (incarnation, replaces) = match answer {
            Ok(Ok(Written::Created {
                incarnation,
                replaced,
            })) => (incarnation, replaced),
            Ok(Err(Refused::Exists(existing))) => {
                let watchers = &self.shared.watchers;
                watchers.publish_incarnation(&id, existing.incarnation);
                reply.send(attach(&id, &name, on_existing, &existing));
                // It may be one whose creation was not acknowledged, so that nobody runs it yet.
                return self.tell(id, Message::Attend);
            }
            Ok(_) => return reply.send(Err(RequestError::NotFound { id })),
            Err(error) => {
                reply.send(Err(RequestError::Store(error)));
                // It may have been created all the same, and may even have replaced the one in memory.
                if self.fenced.is_none() {
                    self.reload(&id);
                }
                return;
            }
        };
        let known = self.slots.get(&id).and_then(Slot::header);
        if known.is_some_and(|header| header.incarnation >= incarnation) {
            // It was loaded between its commit and this answer, and lives already; or another one is that has replaced it since.
            self.shared.watchers.publish_uncertain(&id);
            return reply.send(Ok(incarnation));
        }
        let is_ahead =
            |slot: &Slot| matches!(slot.state, SlotState::Loading) && slot.unanswered > 0;
        if self.slots.get(&id).is_some_and(is_ahead) {
            // It has even written since, or the one before has, and is loaded again when that is answered: what it was created as may be
            // out of date. What runs of the one before is not.
            if let HistoryEventKind::ExecutionStarted(begun) = &started.kind {
                let others = self.running.take_others(&id, begun.execution_id);
                self.cancel(others, CancelReason::Replaced);
            }
            self.shared.watchers.publish_uncertain(&id);
            return reply.send(Ok(incarnation));
        }
        let replaced = self.remove(&id);
        self.created.remove(&id);
        // Whatever runs belongs to the instance that was replaced, with which it is deleted.
        self.cancel_all(&id, CancelReason::Replaced);
        let mut waiting = VecDeque::new();
        if let Some(slot) = replaced {
            if matches!(slot.state, SlotState::Loading) {
                waiting = slot.waiting;
            } else {
                self.refuse(&id, slot.waiting);
            }
        }
        let created_at = started.timestamp;
        let HistoryEventKind::ExecutionStarted(begun) = &started.kind else {
            return;
        };
        let execution_id = begun.execution_id;
        let input_bytes = begun.input.as_ref().map_or(0, String::len);
        let header = InstanceHeader {
            id: id.clone(),
            incarnation,
            name,
            version,
            execution_id,
            parent: None,
            runtime_status: RuntimeStatus::Pending,
            created_at,
            last_updated_at: created_at,
            first_episode: 0,
            episode: 0,
            status_episode: custom_status.is_some().then_some(0),
            sequence: 0,
            next_timer: start_at,
            needs_attention: start_at.is_none(),
            stalled: None,
        };
        self.shared.watchers.publish(
            &id,
            Published::new(Update {
                about: About::of(&header, &tags),
                cursor: Cursor {
                    incarnation,
                    sequence: 0,
                },
                runtime_status: RuntimeStatus::Pending,
                custom_status: custom_status.clone(),
                progress: Vec::new(),
                output: None,
                failure: None,
                stalled: None,
                replaces,
                last_updated_at: Some(created_at),
            }),
        );
        reply.send(Ok(incarnation));
        let parts = LiveParts {
            header,
            last_status: custom_status.clone(),
            custom_status,
            progress: BTreeMap::new(),
            begin: vec![started],
            past: Vec::new(),
            inbox: waiting.into(),
            inbox_seen: 0,
        };
        if start_at.is_some() || !parts.inbox.is_empty() || self.has_room() {
            return self.enter(parts);
        }
        let is_small = input_bytes <= MAX_CREATED_INPUT_BYTES;
        if is_small && self.created.len() < CREATED_PER_CROWD * self.shared.crowd {
            self.created.insert(id.clone(), Box::new(parts));
        }
        self.defer([id]);
    }

    pub(super) fn imported(
        &mut self,
        id: InstanceId,
        reply: Reply<Incarnation>,
        answer: Result<WriteResult, Arc<StoreError>>,
    ) {
        let incarnation = match answer {
            Ok(Ok(Written::Created { incarnation, .. })) => incarnation,
            Ok(Err(Refused::Exists(existing))) => {
                return reply.send(Err(RequestError::AlreadyExists {
                    id,
                    name: existing.name,
                    runtime_status: existing.runtime_status,
                }));
            }
            Ok(_) => return reply.send(Err(RequestError::NotFound { id })),
            Err(error) => {
                reply.send(Err(RequestError::Store(error)));
                // It may have been imported all the same.
                if self.fenced.is_none() {
                    self.reload(&id);
                }
                return;
            }
        };
        self.shared.watchers.publish_uncertain(&id);
        reply.send(Ok(incarnation));
        self.tell(id, Message::Attend);
    }
}

/// The answer to a start whose id is taken.
fn attach(
    id: &InstanceId,
    name: &str,
    on_existing: OnExisting,
    existing: &InstanceHeader,
) -> Result<Incarnation, RequestError> {
    if on_existing == OnExisting::Attach && existing.name.eq_ignore_ascii_case(name) {
        return Ok(existing.incarnation);
    }
    Err(RequestError::AlreadyExists {
        id: id.clone(),
        name: existing.name.clone(),
        runtime_status: existing.runtime_status,
    })
}
