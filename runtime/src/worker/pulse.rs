//! What a shard is at, for whoever watches over it from another thread.
//!
//! Only the shard's own thread writes here: two plain stores for an input that it takes, and an uncontended lock with the
//! exchange of one pointer for each time that it turns to the code of an instance.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::update::About;
use crate::model::instance::Incarnation;

/// The pulse of one thread of a shard.
#[derive(Debug, Default)]
pub(crate) struct Pulse {
    /// Odd while the thread takes an input. It is another number whenever something has gone on.
    beat: AtomicU64,
    at: Mutex<Option<At>>,
    /// Whether the thread waits for its next input.
    rests: AtomicBool,
    /// How many instances the meters count as in its memory.
    resident: AtomicUsize,
}

/// The instance whose code a shard has turned to.
#[derive(Clone, Debug)]
pub(crate) struct At {
    pub(crate) about: Arc<About>,
    pub(crate) incarnation: Incarnation,
    /// The beat since which it is so.
    beat: u64,
}

impl Pulse {
    /// The thread takes an input.
    pub(super) fn begin(&self) {
        self.beat_by(1);
    }

    /// It has taken it.
    pub(super) fn end(&self) {
        self.beat_by(1);
    }

    /// The shard turns to the code of an instance: it runs, replays or drops it.
    pub(super) fn turn_to(&self, about: &Arc<About>, incarnation: Incarnation) {
        let beat = self.beat_by(2);
        let about = Arc::clone(about);
        let mut at = self.at.lock().unwrap_or_else(PoisonError::into_inner);
        *at = Some(At {
            about,
            incarnation,
            beat,
        });
    }

    /// Nobody else writes it, so that it needs no exchange.
    fn beat_by(&self, step: u64) -> u64 {
        let beat = self.beat.load(Ordering::Relaxed).wrapping_add(step);
        self.beat.store(beat, Ordering::Release);
        beat
    }

    /// The beat while the thread takes an input.
    pub(super) fn busy(&self) -> Option<u64> {
        let beat = self.beat.load(Ordering::Acquire);
        (beat % 2 == 1).then_some(beat)
    }

    /// The instance whose code the shard turned to with this beat, which is its last. Otherwise it is at no instance's.
    pub(super) fn at(&self, beat: u64) -> Option<At> {
        let at = self.at.lock().unwrap_or_else(PoisonError::into_inner);
        at.clone().filter(|at| at.beat == beat)
    }

    /// Notes how many instances are in its memory.
    pub(super) fn set_resident(&self, instances: usize) {
        self.resident.store(instances, Ordering::Relaxed);
    }

    pub(crate) fn resident(&self) -> usize {
        self.resident.load(Ordering::Relaxed)
    }

    /// Notes whether the thread waits for its next input. Others must see it before what it then does.
    pub(super) fn set_resting(&self, rests: bool) {
        self.rests.store(rests, Ordering::SeqCst);
    }

    pub(super) fn is_resting(&self) -> bool {
        self.rests.load(Ordering::SeqCst)
    }
}
