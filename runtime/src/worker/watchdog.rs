//! The watchdog: which shard does not come back from the code of an instance.
//!
//! It counts how often it has looked and found the same, and reads no clock: a machine that was suspended, or a process that was
//! stopped, costs nobody more than one look.

use std::time::Duration;

use super::pulse::{At, Pulse};

/// How often it looks at most, and after how long an orchestrator is reported.
const LOOK: Duration = Duration::from_secs(1);

/// How many looks there are at least before a shard is given up: one may come soon after what it then finds began.
const LOOKS: u32 = 4;

/// The step function.
#[derive(Debug)]
pub(crate) struct Watchdog {
    pause: Duration,
    limit: Duration,
    shards: Vec<Seen>,
}

/// What was found at a shard.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    beat: u64,
    /// How many looks in a row found it the same, behind the first.
    looks: u32,
}

/// What is to be done about a shard.
#[derive(Debug)]
pub(super) enum Finding {
    /// The code of an instance has been running for so long: somebody should know.
    Slow { at: At, took: Duration },
    /// It has run for longer than it may.
    Stuck { at: At, took: Duration },
    /// It was reported, and has returned.
    Back { took: Duration },
}

impl Watchdog {
    /// A watchdog over so many shards, whose orchestrators may take this long at a time.
    pub(super) fn new(shards: usize, limit: Duration) -> Self {
        let pause = (limit / LOOKS).clamp(Duration::from_millis(1), LOOK);
        Self {
            pause,
            limit,
            shards: vec![Seen::default(); shards],
        }
    }

    /// How long it pauses between two looks.
    pub(super) const fn pause(&self) -> Duration {
        self.pause
    }

    /// Whether the last looks found nothing that a further one may find the same.
    pub(super) fn is_calm(&self) -> bool {
        self.shards.iter().all(|seen| seen.looks == 0)
    }

    /// Looks at a shard. To be called once for every [`pause`](Self::pause).
    pub(super) fn look(&mut self, shard: usize, pulse: &Pulse) -> Option<Finding> {
        let (pause, limit) = (self.pause, self.limit);
        let seen = &mut self.shards[shard];
        let before = pause.saturating_mul(seen.looks);
        let Some(beat) = pulse.busy().filter(|beat| *beat == seen.beat) else {
            *seen = Seen {
                beat: pulse.busy().unwrap_or_default(),
                looks: 0,
            };
            return (before >= LOOK).then_some(Finding::Back { took: before });
        };
        // What is not an instance's code comes to an end.
        let at = pulse.at(beat)?;
        seen.looks = seen.looks.saturating_add(1);
        let took = pause.saturating_mul(seen.looks);
        if took >= limit {
            Some(Finding::Stuck { at, took })
        } else if took >= LOOK && before < LOOK {
            Some(Finding::Slow { at, took })
        } else {
            None
        }
    }

    /// A shard has a new thread.
    pub(super) fn forget(&mut self, shard: usize) {
        self.shards[shard] = Seen::default();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use jiff::Timestamp;

    use super::*;
    use crate::model::instance::{Incarnation, InstanceId};
    use crate::model::tags::Tags;
    use crate::worker::update::About;

    fn turn_to(pulse: &Pulse, id: &str) {
        let about = About {
            id: InstanceId::parse(id).unwrap(),
            name: "loops".into(),
            version: None,
            created_at: Timestamp::UNIX_EPOCH,
            parent: None,
            tags: Tags::default(),
        };
        pulse.turn_to(&Arc::new(about), Incarnation(1));
    }

    fn told(finding: Option<Finding>) -> Option<(&'static str, u64)> {
        finding.map(|finding| match finding {
            Finding::Slow { took, .. } => ("slow", took.as_secs()),
            Finding::Stuck { took, .. } => ("stuck", took.as_secs()),
            Finding::Back { took } => ("back", took.as_secs()),
        })
    }

    #[test]
    fn what_does_not_return_is_told_once_and_then_given_up() {
        let pulse = Pulse::default();
        let mut watchdog = Watchdog::new(1, Duration::from_secs(4));
        pulse.begin();
        turn_to(&pulse, "a");
        let looks: Vec<_> = (0..6).map(|_| told(watchdog.look(0, &pulse))).collect();
        assert_eq!(
            looks,
            [
                None,
                Some(("slow", 1)),
                None,
                None,
                Some(("stuck", 4)),
                Some(("stuck", 5))
            ]
        );
        pulse.end();
        assert_eq!(told(watchdog.look(0, &pulse)), Some(("back", 5)));
        assert_eq!(told(watchdog.look(0, &pulse)), None);
    }

    #[test]
    fn what_goes_on_is_left_alone() {
        let pulse = Pulse::default();
        let mut watchdog = Watchdog::new(1, Duration::from_secs(4));
        for _ in 0..10 {
            pulse.begin();
            turn_to(&pulse, "a");
            assert_eq!(told(watchdog.look(0, &pulse)), None);
            turn_to(&pulse, "b");
            assert_eq!(told(watchdog.look(0, &pulse)), None);
            pulse.end();
        }
        pulse.begin();
        // At nobody's code, for whatever reason.
        (0..10).for_each(|_| assert_eq!(told(watchdog.look(0, &pulse)), None));
    }
}
