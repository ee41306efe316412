//! The time of a hub, and who waits for it.

use std::collections::BTreeMap;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use jiff::Timestamp;

use crate::clock::{Clock, ManualClock};
use crate::engine::Random;

/// The time of a [`TestHub`](super::TestHub), for mocks and fakes that take some. Clones are of the same hub.
///
/// ```
/// # #[cfg(feature = "macros")] {
/// # use std::time::Duration;
/// # use steadfast::prelude::*;
/// # use steadfast::testing::TestHub;
/// # #[activity]
/// # async fn fetch(url: String) -> String { url }
/// let hub = TestHub::new();
/// let time = hub.time();
/// hub.mock(fetch).with_async(move |url| {
///     let time = time.clone();
///     async move {
///         time.sleep(Duration::from_secs(url.len() as u64)).await;
///         format!("the page {url}")
///     }
/// });
/// # }
/// ```
#[derive(Clone)]
pub struct VirtualTime(Arc<Inner>);

struct Inner {
    clock: Arc<ManualClock>,
    alarms: Mutex<Alarms>,
}

/// Who waits, by when. Those of one moment are woken in an order that the seed says.
struct Alarms {
    waiting: BTreeMap<Alarm, Waker>,
    random: Random,
    set: u64,
}

type Alarm = (Timestamp, u64, u64);

impl VirtualTime {
    pub(super) fn new(clock: Arc<ManualClock>, seed: u64) -> Self {
        let alarms = Mutex::new(Alarms {
            waiting: BTreeMap::new(),
            random: Random::of_seed(seed),
            set: 0,
        });
        Self(Arc::new(Inner { clock, alarms }))
    }

    /// The current time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// Waits so long, in virtual time: the test does not wait.
    pub async fn sleep(&self, duration: Duration) {
        let at = later(self.now(), duration);
        self.sleep_until(at).await;
    }

    /// Waits until this time.
    pub async fn sleep_until(&self, at: Timestamp) {
        let sleep = Sleep {
            time: self,
            at,
            alarm: None,
        };
        sleep.await;
    }

    pub(super) fn clock(&self) -> &Arc<ManualClock> {
        &self.0.clock
    }

    /// When the next one wants to be woken.
    pub(super) fn next(&self) -> Option<Timestamp> {
        let alarms = self.alarms();
        alarms.waiting.first_key_value().map(|((at, ..), _)| *at)
    }

    /// Wakes those whose time has come.
    pub(super) fn ring(&self) {
        let now = self.now();
        loop {
            let due = {
                let mut alarms = self.alarms();
                match alarms.waiting.first_entry() {
                    Some(first) if first.key().0 <= now => first.remove(),
                    _ => return,
                }
            };
            due.wake();
        }
    }

    fn alarms(&self) -> MutexGuard<'_, Alarms> {
        self.0.alarms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// So much later, or the end of the calendar.
pub(super) fn later(now: Timestamp, duration: Duration) -> Timestamp {
    now.saturating_add(duration).unwrap_or(Timestamp::MAX)
}

impl fmt::Debug for VirtualTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("VirtualTime").field(&self.now()).finish()
    }
}

struct Sleep<'a> {
    time: &'a VirtualTime,
    at: Timestamp,
    alarm: Option<Alarm>,
}

impl Future for Sleep<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.time.now() >= self.at {
            return Poll::Ready(());
        }
        let mut alarms = self.time.alarms();
        let alarm = self.alarm.unwrap_or_else(|| {
            alarms.set += 1;
            (self.at, alarms.random.next(), alarms.set)
        });
        alarms.waiting.insert(alarm, context.waker().clone());
        drop(alarms);
        self.alarm = Some(alarm);
        Poll::Pending
    }
}

impl Drop for Sleep<'_> {
    fn drop(&mut self) {
        if let Some(alarm) = self.alarm {
            self.time.alarms().waiting.remove(&alarm);
        }
    }
}
