//! Instances that are set aside: their messages are stored until they can take them.

use std::sync::Arc;

use super::Shard;
use super::commit::{Pending, answer_behind};
use super::live::set_timer;
use super::objection::objection;
use super::slot::{Aside, Held, Kept, Known, Message, Slot, SlotState, Source};
use super::tell::{reason, tell_set_aside};
use crate::engine::{Episode, Fault};
use crate::model::history::encode_events;
use crate::model::instance::{ExecutionId, Incarnation, InstanceId};
use crate::store::{InstanceHeader, StoreError, Write};
use crate::worker::message::ShardOutput;

impl Shard {
    /// Sets an instance aside whose orchestrator was woken from outside an episode.
    pub(super) fn foreign_wake(&mut self, id: &InstanceId, execution: ExecutionId) {
        if let Some(SlotState::Live(live)) = self.slots.get(id).map(|slot| &slot.state)
            && live.known.header.execution_id == execution
        {
            let fault = live.execution.woken_from_outside();
            self.hold(id, &fault, Vec::new());
        }
    }

    /// Sets an instance aside. What the episode was to take goes back in front of what waits.
    pub(super) fn hold(&mut self, id: &InstanceId, fault: &Fault, messages: Vec<Message>) {
        let Some(slot) = self.slots.get_mut(id) else {
            return;
        };
        let SlotState::Live(live) = &slot.state else {
            return;
        };
        self.pulse
            .turn_to(&live.known.about, live.known.header.incarnation);
        let InstanceHeader { name, version, .. } = &live.known.header;
        let reason = reason(&self.shared.registry, name, version.as_deref(), fault);
        tell_set_aside(id, &reason);
        for message in messages.into_iter().rev() {
            slot.waiting.push_front(message);
        }
        self.set_aside(id, Aside::Stalled);
        self.set_stalled(id, Some(reason));
        self.take_held(id);
    }

    /// Drops an orchestrator from memory, and lets its instance take no events.
    pub(super) fn set_aside(&mut self, id: &InstanceId, why: Aside) {
        let Some(slot) = self.slots.get_mut(id) else {
            return;
        };
        slot.state = match std::mem::replace(&mut slot.state, SlotState::Loading) {
            SlotState::Live(live) => SlotState::Held(Box::new(Held {
                kept: Kept {
                    events: live.execution.buffered_events(),
                    bytes: live.execution.buffered_bytes(),
                },
                known: live.known,
                why,
            })),
            SlotState::Held(mut held) => {
                held.why = why;
                SlotState::Held(held)
            }
            other => other,
        };
    }

    /// Writes why an instance cannot advance, unless the store says the same already.
    pub(super) fn set_stalled(&mut self, id: &InstanceId, reason: Option<String>) {
        let Some(slot) = self.slots.get_mut(id) else {
            return;
        };
        let Some(Known { header, .. }) = slot.known() else {
            return;
        };
        if header.stalled == reason {
            return;
        }
        header.stalled.clone_from(&reason);
        let incarnation = header.incarnation;
        self.write_stalled(id, incarnation, reason);
    }

    /// Says why an instance does not advance whose episode cannot be stored as it is. It is tried again all the same, after a pause: a codec
    /// may fail for a while only.
    pub(super) fn set_obstructed(&mut self, id: &InstanceId, error: &Arc<StoreError>) {
        let Some(slot) = self.slots.get_mut(id) else {
            return;
        };
        let before = slot.obstacle.replace(Arc::clone(error));
        let is_known = before.is_some_and(|before| before.to_string() == error.to_string());
        // Without a header, another write of it has failed before, and said it.
        if !is_known && let Some(header) = self.slots.get(id).and_then(Slot::header) {
            let (incarnation, reason) = (header.incarnation, self.obstruction(header, error));
            tell_set_aside(id, &reason);
            self.write_stalled(id, incarnation, Some(reason));
        }
    }

    /// Why an instance does not advance whose episode cannot be stored.
    pub(super) fn obstruction(&self, header: &InstanceHeader, error: &StoreError) -> String {
        let InstanceHeader { name, version, .. } = header;
        let why = format!("what it does next cannot be stored: {error}");
        reason(&self.shared.registry, name, version.as_deref(), &why)
    }

    fn write_stalled(&mut self, id: &InstanceId, incarnation: Incarnation, reason: Option<String>) {
        if let Some(slot) = self.slots.get_mut(id) {
            slot.unanswered += 1;
        }
        self.outputs.push(ShardOutput::Write(Write::SetStalled {
            incarnation,
            reason,
        }));
        self.pending.push_back(Pending::Message {
            id: id.clone(),
            incarnation,
            message: None,
        });
    }

    /// Stores the messages of an instance that cannot take them.
    pub(super) fn take_held(&mut self, id: &InstanceId) {
        let now = self.now();
        let Some(slot) = self.slots.get_mut(id) else {
            return;
        };
        let SlotState::Held(held) = &slot.state else {
            return;
        };
        let why = held.why;
        let (incarnation, execution) = (
            held.known.header.incarnation,
            held.known.header.execution_id,
        );
        let (mut mail, mut reports) = (false, Vec::new());
        // What makes it something else, behind what came before that.
        let mut last = None;
        while let Some(message) = slot.waiting.pop_front() {
            match message {
                // The result of an earlier execution.
                Message::Event {
                    source: Source::Activity(key),
                    ..
                } if key.execution != execution => {
                    self.running.remove(id, key);
                }
                Message::TimersDue | Message::Attend if let Aside::Scheduled(at) = why => {
                    if at <= now {
                        last = Some(message);
                        break;
                    }
                    // The clock may have gone back since its time was found to have come.
                    if let SlotState::Held(held) = &slot.state {
                        self.outputs.push(set_timer(&held.known.header, at));
                    }
                }
                // Timers are found again when the instance is loaded, and what is in the inbox is stored already.
                Message::TimersDue
                | Message::Attend
                | Message::Rewind { .. }
                | Message::Event {
                    source: Source::Inbox(_),
                    ..
                } => {}
                Message::Event { event, source } => {
                    if let SlotState::Held(held) = &slot.state
                        && let Source::Client(_) = source
                        && let Some(error) =
                            objection(&self.shared.registry, &held.known.header, &event, held.kept)
                    {
                        Message::Event { event, source }.refuse(|| error);
                        continue;
                    }
                    if let SlotState::Held(held) = &mut slot.state {
                        held.kept.add(&event);
                    }
                    let of_execution = matches!(source, Source::Activity(_)).then_some(execution);
                    slot.unanswered += 1;
                    self.outputs.push(ShardOutput::Write(Write::Enqueue {
                        incarnation,
                        execution: of_execution,
                        event: encode_events(std::slice::from_ref(&event)),
                    }));
                    let message = Some(Box::new(Message::Event { event, source }));
                    self.pending.push_back(Pending::Message {
                        id: id.clone(),
                        incarnation,
                        message,
                    });
                }
                Message::Suspend { reply, .. } if why == Aside::Suspended => {
                    answer_behind(&mut self.pending, id, reply);
                }
                Message::Resume { reply, .. } if why != Aside::Suspended => reply.send(Ok(())),
                Message::Retry { reply } if why != Aside::Stalled => reply.send(Ok(())),
                Message::Terminate { .. }
                | Message::Suspend { .. }
                | Message::Resume { .. }
                | Message::Retry { .. } => {
                    last = Some(message);
                    break;
                }
                Message::Inspect { reply } => reply.send(Ok(Vec::new())),
                Message::Mail => mail = true,
                Message::Progress(key) => reports.push(key),
            }
        }
        for key in reports {
            self.report_progress(id, key);
        }
        if mail {
            self.read_inbox(id);
        }
        match last {
            None => {}
            Some(Message::Resume { reason, reply }) => {
                let source = Some(Source::Client(reply));
                let episode = Episode::resumed(now, reason);
                self.commit_episode(id, episode, vec![source], Vec::new());
                self.load_again(id);
            }
            Some(Message::Retry { reply }) => {
                reply.send(Ok(()));
                self.shared.culprits.forgive(incarnation);
                self.load_again(id);
            }
            // It may start.
            Some(Message::TimersDue | Message::Attend) => self.load_again(id),
            Some(stop) => self.stop_by(id, stop),
        }
    }

    /// Loads an instance anew, once what is on its way to the store has arrived there.
    fn load_again(&mut self, id: &InstanceId) {
        let Some(slot) = self.slots.get_mut(id) else {
            return;
        };
        self.resident -= usize::from(slot.is_resident());
        slot.state = SlotState::Loading;
        self.reload_if_drained(id);
    }
}
