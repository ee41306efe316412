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
    /// A commit that others depend on was not acknowledged.
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
        if now < self.now {
            self.fails_until = self.fails_until.min(now);
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

    /// Looks after a pause, once for all commits that fail until then, for those who may have got something by one.
    pub(super) fn recover_later(&mut self) {
        if !std::mem::replace(&mut self.recovers, true) {
            self.later(Later::Recover);
        }
    }

    /// Does something after a pause that grows while the store keeps failing.
    fn later(&mut self, later: Later) {
        let now = self.now();
        let after = |pause| now.saturating_add(pause).unwrap_or(Timestamp::MAX);
        // What fails before the next attempt is of the same failure: there may be thousands in one commit.
        let is_another = now >= self.fails_until;
        self.failures = self.failures.saturating_add(u32::from(is_another));
        let at = after(SignedDuration::from_millis(
            50 << self.failures.min(MANY_FAILURES),
        ));
        if is_another {
            self.fails_until = at;
        }
        self.uses += 1;
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
                Later::Recover => {
                    self.recovers = false;
                    self.outputs.push(ShardOutput::Recover);
                }
            }
        }
    }
}
