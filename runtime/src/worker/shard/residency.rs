//! Which instances are in memory, and which of those that wait for room go on.

use super::Shard;
use super::slot::{Slot, SlotState};
use crate::model::instance::InstanceId;
use crate::worker::message::{ShardInput, ShardOutput};

/// What part of the instances in memory may be such as only wait, for an event or a timer. Those whose activities run are needed again
/// soon: to load an instance again for each of its results costs ten times what it costs to go on.
const RESTING: usize = 8;

/// With so many instances under way in each shard commits are large enough, and what they are made of stays in the caches of the
/// processor: 20,000 that are started at once take a fifth to a third less time, and a third of the memory, than if all went on side by
/// side. What only waits is not under way.
pub(crate) const CROWD: usize = 512;

/// How many of those that were just created, and wait for so many others, are kept in memory. Further ones are loaded when it is their
/// turn: what a flood of starts takes is bounded.
pub(super) const CREATED_PER_CROWD: usize = 20;

/// Those with a larger input are loaded when it is their turn.
pub(super) const MAX_CREATED_INPUT_BYTES: usize = 4 * 1024;

/// How many instances that wait for room are looked at in one step.
const ADMITTED_PER_STEP: usize = 64;

impl Shard {
    /// Lets instances begin, or go on, when there is room for them.
    pub(crate) fn defer(&mut self, ids: impl IntoIterator<Item = InstanceId>) {
        self.deferred.extend(ids);
    }

    /// Whether instances that wait for their turn or for room can go on now.
    pub(crate) fn can_admit(&self) -> bool {
        !self.more.is_empty()
            || !self.deferred.is_empty() && (self.has_room() || self.episodes == 0)
    }

    /// Lets those go on that have more to take, and the next instances that wait for room begin: so many as there is room for, but at least one, so that nobody waits for ever.
    /// Without a place in memory that one takes the place of another, which must be loaded again when its activity has ended; while
    /// all are busy that would be most of the work.
    pub(crate) fn admit(&mut self) {
        self.running.grow_old(self.now);
        if !self.more.is_empty() {
            self.look_at_the_clock();
        }
        for _ in 0..self.more.len() {
            if let Some(id) = self.more.pop_front() {
                self.slots
                    .entry(id.clone())
                    .and_modify(|slot| slot.has_more = false);
                self.advance(&id);
            }
        }
        for admitted in 0..ADMITTED_PER_STEP {
            if admitted > 0 && !self.has_room() {
                return;
            }
            let Some(id) = self.deferred.pop_front() else {
                return;
            };
            if self.created.contains_key(&id) {
                self.load(id);
            } else {
                self.handle(ShardInput::Attend(id));
            }
        }
    }

    /// Whether another instance may begin: there is a place for it, and not a crowd before it. Those that have begun go on first, so
    /// that they end, and are out of the caches of the processor, before others come into them.
    pub(super) fn has_room(&self) -> bool {
        let under_way = self.episodes + self.running.young();
        let is_crowded = self.episodes > 0 && under_way >= self.shared.crowd;
        self.has_place() && !is_crowded
    }

    /// Whether another instance may be in memory.
    fn has_place(&self) -> bool {
        self.slots.len() < self.shared.cache
    }

    pub(super) fn load(&mut self, id: InstanceId) {
        if let Some(parts) = self.created.remove(&id) {
            self.enter(*parts);
        } else if matches!(
            self.slots.get(&id),
            Some(Slot {
                state: SlotState::Loading,
                ..
            })
        ) {
            self.outputs.push(ShardOutput::Load(id));
        }
    }

    /// Marks an instance as used, and forgets others when too many are in memory.
    pub(super) fn touch(&mut self, id: &InstanceId) {
        self.uses += 1;
        if let Some(slot) = self.slots.get_mut(id) {
            slot.used = self.uses;
            self.recent.push_back((id.clone(), self.uses));
        }
        while self.resident > self.shared.cache.div_ceil(RESTING) {
            // What is busy comes back here when it no longer is.
            let Some((oldest, used)) = self.recent.pop_front() else {
                break;
            };
            let is_full = self.resident > self.shared.cache;
            if self.slots.get(&oldest).is_some_and(|slot| {
                slot.used == used && slot.is_idle() && (is_full || !slot.is_busy())
            }) {
                self.remove(&oldest);
            }
        }
        if self.recent.len() > 4 * self.slots.len() + 64 {
            self.recent
                .retain(|(id, used)| self.slots.get(id).is_some_and(|slot| slot.used == *used));
        }
    }

    pub(super) fn remove(&mut self, id: &InstanceId) -> Option<Slot> {
        self.turn_to_slot(id);
        let slot = self.slots.remove(id)?;
        self.resident -= usize::from(slot.is_resident());
        Some(slot)
    }
}
