//! Terminating and suspending an instance, whether its orchestrator is in memory or not.

use super::Shard;
use super::slot::{Aside, Message, SlotState, Source};
use crate::engine::Episode;
use crate::model::instance::InstanceId;
use crate::worker::message::Reply;

impl Shard {
    /// Ends or pauses an instance, as a message says.
    pub(super) fn stop_by(&mut self, id: &InstanceId, message: Message) {
        match message {
            Message::Terminate {
                reason,
                recursive,
                source,
            } => self.terminate(id, reason, recursive, source),
            Message::Suspend { reason, reply } => self.suspend(id, reason, reply),
            _ => {}
        }
    }

    /// Lets an instance take no events until it is resumed.
    pub(super) fn suspend(&mut self, id: &InstanceId, reason: Option<String>, reply: Reply<()>) {
        let now = self.now();
        let Some(slot) = self.slots.get_mut(id) else {
            return;
        };
        match slot.state {
            SlotState::Live(_) | SlotState::Held(_) => {
                let source = Some(Source::Client(reply));
                let episode = Episode::suspended(now, reason);
                self.commit_episode(id, episode, vec![source], Vec::new());
                self.set_aside(id, Aside::Suspended);
                self.take_held(id);
            }
            // It is taken, or answered, once what is on its way is durable.
            SlotState::Loading | SlotState::Continuing(_) | SlotState::Ending(_) => {
                slot.waiting.push_front(Message::Suspend { reason, reply });
            }
        }
    }

    /// Ends an instance without running its orchestrator.
    pub(super) fn terminate(
        &mut self,
        id: &InstanceId,
        reason: Option<String>,
        recursive: bool,
        source: Source,
    ) {
        let now = self.now();
        let Some(slot) = self.slots.get_mut(id) else {
            return;
        };
        match &slot.state {
            SlotState::Live(_) | SlotState::Held(_) => {
                let episode = Episode::terminated(now, reason, recursive);
                self.commit_episode(id, episode, vec![Some(source)], Vec::new());
            }
            // It is answered once the end, or its failure, is durable.
            SlotState::Loading | SlotState::Continuing(_) | SlotState::Ending(_) => {
                slot.waiting.push_front(Message::Terminate {
                    reason,
                    recursive,
                    source,
                });
            }
        }
    }
}
