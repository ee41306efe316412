//! What a shard does after a pause.

use jiff::{SignedDuration, Timestamp};

use super::Shard;
use crate::model::instance::InstanceId;
use crate::worker::message::{ShardOutput, TaskKey};

/// Failures of the store in a row after which the pause before the next attempt grows no more: it is 13 seconds then.
pub(super) const MANY_FAILURES: u32 = 8;

/// Something that a shard does later.
#[derive(Debug)]
pub(super) enum Later {
    /// The store failed when this instance was to be loaded.
    Load(InstanceId),
    /// This activity has reported, too soon after the last time.
    Report(InstanceId, TaskKey),
    /// A commit that others depend on was not acknowledged, and the store could not be asked what became of it.
    Recover,
}

impl Shard {
    /// When the shard must see a [`ShardInput::Tick`].
    pub(crate) fn next_tick(&mut self) -> Option<Timestamp> {
        self.look_at_the_clock();
        self.delayed.first_key_value().map(|((at, _), _)| *at)
    }

    /// What is to be done after a pause does not wait for longer when the clock is set back.
    pub(super) fn look_at_the_clock(&mut self) {
        let now = self.shared.clock.now();
        if now < self.now && !self.delayed.is_empty() {
            let back = self.now.duration_since(now);
            let delayed = std::mem::take(&mut self.delayed).into_iter();
            let sooner = delayed.map(|((at, number), later)| {
                let at = at.saturating_sub(back).unwrap_or(Timestamp::MIN);
                ((at, number), later)
            });
            self.delayed = sooner.collect();
        }
        self.now = now;
    }

    /// Loads an instance again after a pause.
    pub(super) fn load_later(&mut self, id: InstanceId) {
        self.later(Later::Load(id));
    }

    /// Does something after a pause that grows while the store keeps failing.
    pub(super) fn later(&mut self, later: Later) {
        self.failures = self.failures.saturating_add(1);
        let pause = SignedDuration::from_millis(50 << self.failures.min(MANY_FAILURES));
        self.uses += 1;
        let at = self.now().saturating_add(pause).unwrap_or(Timestamp::MAX);
        self.delayed.insert((at, self.uses), later);
    }

    /// Does what it is time for.
    pub(super) fn tick(&mut self) {
        let now = self.now();
        while let Some(first) = self.delayed.first_entry() {
            if first.key().0 > now {
                break;
            }
            match first.remove() {
                Later::Load(id) => self.load(id),
                Later::Report(id, key) => self.tell_reports(&id, key),
                Later::Recover => self.outputs.push(ShardOutput::Recover),
            }
        }
    }
}
