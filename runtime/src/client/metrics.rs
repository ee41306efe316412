//! The metrics of a worker, for monitoring.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Mutex;

use super::{Client, ClientError};
use crate::clock::Stopwatch;
use crate::model::query::InstanceFilter;
use crate::model::status::RuntimeStatus;
use crate::store::{Store, StoreError};
use crate::worker::meters::Buckets;

/// How long the instances are not counted again, at least.
const COUNTED_FOR: SignedDuration = SignedDuration::from_secs(10);

/// How many times as long as the counting took they are not counted again, at least: it takes two hundredths of a processor at most.
const TIMES_AS_LONG: i32 = 50;

/// What a worker has done since it was started, and its current state: see [`Client::metrics`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Metrics {
    /// How many episodes were run, without replays.
    pub episodes: u64,
    /// How often an instance was rebuilt from its history.
    pub replays: u64,
    /// How many events these replays read.
    pub replayed_events: u64,
    /// How many episodes set or cleared the custom status.
    pub status_writes: u64,
    /// How many attempts of activities returned a result.
    pub activities_completed: u64,
    /// How many attempts of activities failed, panicked or took too long.
    pub activities_failed: u64,
    /// How many activities run.
    pub activities_running: u64,
    /// How many activities wait for a free place.
    pub activities_waiting: u64,
    /// How many instances are in memory: those that can go on at once, and those that are suspended or set aside.
    pub instances_in_memory: u64,
    /// How many messages wait for a thread that runs orchestrators.
    pub messages_waiting: u64,
    /// How many writes wait for the thread that commits, those that it is committing included.
    pub writes_waiting: u64,
    /// How many instances have a timer in memory. Of many thousands only the next are; the store has the others.
    pub timers_in_memory: u64,
    /// How many readers wait for a change or the end of an instance, or of all instances: in this program, and over HTTP. A watch that
    /// is held but not asked for the next change does not count.
    pub watchers: u64,
    /// How many threads were given up, since their orchestrators did not return. Other threads run in their place.
    pub threads_given_up: u64,
    /// How many commits failed.
    pub commits_failed: u64,
    /// How many writes were in each commit.
    pub commit_writes: Histogram,
    /// How long each commit took, in seconds.
    pub commit_seconds: Histogram,
}

/// How values are distributed: how many there were in each range.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Histogram {
    /// Bounds, from the least to infinity, with how many values were up to each and above the one before.
    pub buckets: Vec<(f64, u64)>,
    /// All values together.
    pub sum: f64,
}

impl Histogram {
    /// Of values that were counted in parts, so many of which are one.
    fn of(buckets: &Buckets, parts: f64) -> Self {
        let (bounded, above) = buckets.read();
        let bounded = bounded
            .into_iter()
            .map(|(bound, count)| (bound as f64 / parts, count));
        Self {
            buckets: bounded.chain([(f64::INFINITY, above)]).collect(),
            sum: buckets.sum() as f64 / parts,
        }
    }

    /// How many values there were.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.buckets.iter().map(|(_, count)| count).sum()
    }
}

/// How many instances there were, when they were last counted: see [`Client::instance_counts`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InstanceCounts {
    /// By runtime status. Those that no instance has are not in it.
    pub by_status: HashMap<RuntimeStatus, u64>,
    /// How many of them are stalled.
    pub stalled: u64,
    /// When they were counted.
    pub counted_at: Timestamp,
}

/// The last count. Locked while they are counted, so that who asks meanwhile gets the same.
#[derive(Clone, Debug, Default)]
pub(super) struct Counted(Arc<Mutex<Option<Count>>>);

/// A count, and until when it is to do.
type Count = (Arc<InstanceCounts>, Timestamp);

impl Client {
    /// What the worker has done since it was started, and its current state. It takes no lock of the worker, and reads nothing from
    /// the store. Each number is read by itself: two that belong together may be a moment apart.
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        let shared = &self.0.shared;
        let meters = &shared.meters;
        let gauge = |value: i64| u64::try_from(value).unwrap_or_default();
        Metrics {
            episodes: meters.episodes.load(Relaxed),
            replays: meters.replays.load(Relaxed),
            replayed_events: meters.replayed_events.load(Relaxed),
            status_writes: meters.status_writes.load(Relaxed),
            activities_completed: meters.activities_completed.load(Relaxed),
            activities_failed: meters.activities_failed.load(Relaxed),
            activities_running: meters.activities_running.load(Relaxed) as u64,
            activities_waiting: meters.activities_waiting.load(Relaxed) as u64,
            instances_in_memory: gauge(meters.resident.load(Relaxed)),
            messages_waiting: gauge(meters.messages()),
            writes_waiting: gauge(meters.writes()),
            timers_in_memory: meters.timers.load(Relaxed) as u64,
            watchers: shared.watchers.waiting() as u64,
            threads_given_up: gauge(meters.threads_given_up.load(Relaxed)),
            commits_failed: meters.commits_failed.load(Relaxed),
            commit_writes: Histogram::of(&meters.commit_writes, 1.0),
            commit_seconds: Histogram::of(&meters.commit_micros, 1e6),
        }
    }

    /// How many instances there are, by runtime status, and how many of them are stalled: for monitoring, which asks again and again.
    ///
    /// To count them the store reads all of them. So the answer is kept for ten seconds, and for at least fifty times as long as the
    /// counting took; [`count`](Self::count) always counts anew. Requests during a count wait for it, even when the first one is
    /// dropped. Outside of a tokio runtime it counts in the calling thread.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub async fn instance_counts(&self) -> Result<Arc<InstanceCounts>, ClientError> {
        let mut counted = Arc::clone(&self.0.counted.0).lock_owned().await;
        let now = self.0.shared.clock.now();
        if let Some((counts, until)) = &*counted
            && (counts.counted_at..*until).contains(&now)
        {
            return Ok(Arc::clone(counts));
        }
        // The count goes on when whoever asked for it goes away, and so must the lock: another one beside it would read everything too.
        self.read_at_length(move |store| {
            Box::pin(async move {
                let (counts, until) = count(store, now).await?;
                *counted = Some((Arc::clone(&counts), until));
                Ok(counts)
            })
        })
        .await
    }
}

async fn count(store: &dyn Store, now: Timestamp) -> Result<Count, StoreError> {
    let watch = Stopwatch::start();
    let by_status = store.counts(&InstanceFilter::new()).await?;
    let stalled = store.counts(&InstanceFilter::new().stalled(true)).await?;
    let counts = InstanceCounts {
        by_status: by_status.into_iter().collect(),
        stalled: stalled.iter().map(|(_, count)| count).sum(),
        counted_at: now,
    };
    let pause = SignedDuration::try_from(watch.elapsed()).unwrap_or(COUNTED_FOR);
    let pause = pause.saturating_mul(TIMES_AS_LONG).max(COUNTED_FOR);
    let until = now.saturating_add(pause).unwrap_or(Timestamp::MAX);
    Ok((Arc::new(counts), until))
}
