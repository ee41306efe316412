//! What a worker counts of itself, for those who watch over it.
//!
//! Nothing is counted per event: a shard adds up what a step did and hands it over once, and a commit is measured once for all that
//! is in it. Reading takes no lock.

use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

/// The upper bounds of the sizes of commits, in writes.
const WRITES: &[u64] = &[1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024, 2_048];

/// The upper bounds of how long commits take, in microseconds: from memory over a good disk to a bad one.
const MICROSECONDS: &[u64] = &[
    50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 1_000_000,
    10_000_000,
];

/// The figures of a worker.
#[derive(Debug)]
pub(crate) struct Meters {
    pub(crate) episodes: AtomicU64,
    pub(crate) replays: AtomicU64,
    pub(crate) replayed_events: AtomicU64,
    pub(crate) status_writes: AtomicU64,
    pub(crate) activities_completed: AtomicU64,
    pub(crate) activities_failed: AtomicU64,
    /// Instances in memory.
    pub(crate) resident: AtomicI64,
    /// Messages that wait for each shard.
    messages: Box<[Waiting]>,
    /// Writes that wait for the writer, those in its current commit included.
    writes: AtomicI64,
    pub(crate) activities_running: AtomicUsize,
    pub(crate) activities_waiting: AtomicUsize,
    /// Timers in memory.
    pub(crate) timers: AtomicUsize,
    /// Threads that have not come back from an orchestrator, and whose shards have others.
    pub(crate) threads_given_up: AtomicI64,
    pub(crate) commits_failed: AtomicU64,
    pub(crate) commit_writes: Buckets,
    pub(crate) commit_micros: Buckets,
}

/// On a cache line of its own: messages for one shard cost those for another nothing.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Waiting(AtomicI64);

impl Meters {
    pub(crate) fn new(shards: usize) -> Self {
        Self {
            messages: (0..shards).map(|_| Waiting::default()).collect(),
            episodes: AtomicU64::default(),
            replays: AtomicU64::default(),
            replayed_events: AtomicU64::default(),
            status_writes: AtomicU64::default(),
            activities_completed: AtomicU64::default(),
            activities_failed: AtomicU64::default(),
            resident: AtomicI64::default(),
            writes: AtomicI64::default(),
            activities_running: AtomicUsize::default(),
            activities_waiting: AtomicUsize::default(),
            timers: AtomicUsize::default(),
            threads_given_up: AtomicI64::default(),
            commits_failed: AtomicU64::default(),
            commit_writes: Buckets::new(WRITES),
            commit_micros: Buckets::new(MICROSECONDS),
        }
    }

    /// Notes that a message is on its way to a shard.
    pub(crate) fn message_sent(&self, shard: usize) {
        self.messages[shard].0.fetch_add(1, Relaxed);
    }

    /// Notes that a shard has taken so many of them.
    pub(crate) fn messages_taken(&self, shard: usize, count: i64) {
        self.messages[shard].0.fetch_sub(count, Relaxed);
    }

    pub(crate) fn messages(&self) -> i64 {
        self.messages
            .iter()
            .map(|Waiting(count)| count.load(Relaxed))
            .sum()
    }

    /// Notes that so many instances are no longer in memory, of which no shard says so.
    pub(crate) fn forget_resident(&self, instances: usize) {
        self.resident.fetch_sub(instances as i64, Relaxed);
    }

    /// Notes that so many writes are on their way to the writer.
    pub(crate) fn writes_sent(&self, count: usize) {
        self.writes.fetch_add(count as i64, Relaxed);
    }

    /// Notes that the writer has committed so many of them.
    pub(crate) fn writes_taken(&self, count: usize) {
        self.writes.fetch_sub(count as i64, Relaxed);
    }

    pub(crate) fn writes(&self) -> i64 {
        self.writes.load(Relaxed)
    }

    /// Measures a commit of so many writes.
    pub(crate) fn committed(&self, writes: usize, took: Duration, failed: bool) {
        self.commit_writes.add(writes as u64);
        self.commit_micros
            .add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
        if failed {
            self.commits_failed.fetch_add(1, Relaxed);
        }
    }
}

/// How many values there were up to each of some bounds.
#[derive(Debug)]
pub(crate) struct Buckets {
    bounds: &'static [u64],
    /// One more than there are bounds.
    counts: Box<[AtomicU64]>,
    sum: AtomicU64,
}

impl Buckets {
    fn new(bounds: &'static [u64]) -> Self {
        Self {
            bounds,
            counts: (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect(),
            sum: AtomicU64::new(0),
        }
    }

    fn add(&self, value: u64) {
        let at = self.bounds.partition_point(|bound| *bound < value);
        self.counts[at].fetch_add(1, Relaxed);
        self.sum.fetch_add(value, Relaxed);
    }

    /// The bounds with how many values are up to each and above the one before, then how many are above all.
    pub(crate) fn read(&self) -> (Vec<(u64, u64)>, u64) {
        let counts: Vec<u64> = self
            .counts
            .iter()
            .map(|count| count.load(Relaxed))
            .collect();
        let above = counts.last().copied().unwrap_or_default();
        (self.bounds.iter().copied().zip(counts).collect(), above)
    }

    pub(crate) fn sum(&self) -> u64 {
        self.sum.load(Relaxed)
    }
}

/// What a shard has done since it handed this over.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) episodes: u64,
    pub(crate) replays: u64,
    pub(crate) replayed_events: u64,
    pub(crate) status_writes: u64,
    pub(crate) activities_completed: u64,
    pub(crate) activities_failed: u64,
    /// How many of its instances were in memory when it did so last.
    resident: usize,
}

impl Tally {
    /// Hands over what was done. This many instances of the shard are in memory now.
    pub(crate) fn hand_over(&mut self, meters: &Meters, resident: usize) {
        for (done, meter) in [
            (&mut self.episodes, &meters.episodes),
            (&mut self.replays, &meters.replays),
            (&mut self.replayed_events, &meters.replayed_events),
            (&mut self.status_writes, &meters.status_writes),
            (&mut self.activities_completed, &meters.activities_completed),
            (&mut self.activities_failed, &meters.activities_failed),
        ] {
            if *done > 0 {
                meter.fetch_add(std::mem::take(done), Relaxed);
            }
        }
        if resident != self.resident {
            let change = resident as i64 - self.resident as i64;
            meters.resident.fetch_add(change, Relaxed);
            self.resident = resident;
        }
    }

    /// How many instances were in memory when it was handed over last.
    pub(crate) const fn resident(&self) -> usize {
        self.resident
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_counts_up_to_its_bound() {
        let buckets = Buckets::new(&[1, 4]);
        for value in [0, 1, 2, 4, 5, 100] {
            buckets.add(value);
        }
        assert_eq!(buckets.read(), (vec![(1, 2), (4, 2)], 2));
        assert_eq!(buckets.sum(), 112);
    }

    #[test]
    fn what_was_handed_over_is_not_handed_over_again() {
        let (meters, mut one, mut other) = (Meters::new(1), Tally::default(), Tally::default());
        one.episodes = 2;
        one.hand_over(&meters, 3);
        other.episodes = 1;
        other.hand_over(&meters, 4);
        one.hand_over(&meters, 1);
        assert_eq!(meters.episodes.load(Relaxed), 3);
        assert_eq!(meters.resident.load(Relaxed), 5);
    }
}
