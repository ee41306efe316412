//! The thread of the watchdog: it gives a shard another thread when an orchestrator keeps the one that it has.
//!
//! The thread before cannot be ended. It owns nothing any more: what it had not taken is taken by the next one, what it writes is
//! not committed, and if it ever comes back it ends.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::shard::{ShardDriver, Surroundings};
use super::spawn;
use crate::limits::MAX_THREADS_GIVEN_UP;
use crate::worker::logged::{aloud, logged};
use crate::worker::pulse::{At, Pulse};
use crate::worker::shard::reason;
use crate::worker::watchdog::{Finding, Watchdog};
use crate::worker::writer::Origin;

pub(super) enum WatchdogMessage {
    /// A shard works.
    Wake,
    Stop,
}

/// What wakes the watchdog when it sleeps because every shard rests.
#[derive(Clone)]
pub(super) struct Alarm {
    sleeps: Arc<AtomicBool>,
    watchdog: Sender<WatchdogMessage>,
}

impl Alarm {
    pub(super) fn new(watchdog: Sender<WatchdogMessage>) -> Self {
        Self {
            sleeps: Arc::default(),
            watchdog,
        }
    }

    /// A shard has got something to do, and says no longer that it rests.
    pub(super) fn somebody_works(&self) {
        if self.sleeps.load(Ordering::SeqCst) && self.sleeps.swap(false, Ordering::SeqCst) {
            drop(self.watchdog.send(WatchdogMessage::Wake));
        }
    }
}

/// The threads of the shards, those left out that were given up.
pub(super) type ShardThreads = Arc<Mutex<Vec<JoinHandle<()>>>>;

/// The thread.
pub(super) struct Watch {
    around: Surroundings,
    pulses: Vec<Arc<Pulse>>,
    threads: ShardThreads,
    watchdog: Watchdog,
    /// The shards of which it was said that they get no other thread.
    lost: Vec<bool>,
}

impl Watch {
    /// Over the threads with these pulses, whose orchestrators may take so long at a time.
    pub(super) fn new(
        around: Surroundings,
        pulses: Vec<Arc<Pulse>>,
        threads: ShardThreads,
        limit: Duration,
    ) -> Self {
        Self {
            around,
            threads,
            watchdog: Watchdog::new(pulses.len(), limit),
            lost: vec![false; pulses.len()],
            pulses,
        }
    }

    /// Looks while somebody works, and sleeps while nobody does.
    pub(super) fn run(mut self, messages: &Receiver<WatchdogMessage>) {
        loop {
            let message = if self.may_sleep() {
                messages.recv().map_err(|_| RecvTimeoutError::Disconnected)
            } else {
                messages.recv_timeout(self.watchdog.pause())
            };
            match message {
                // The pause begins anew.
                Ok(WatchdogMessage::Wake) => {}
                Ok(WatchdogMessage::Stop) | Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => self.look(),
            }
        }
    }

    /// Whether every shard rests, and will wake it otherwise.
    fn may_sleep(&self) -> bool {
        let all_rest = || self.pulses.iter().all(|pulse| pulse.is_resting());
        // What was found to be slow is looked at until it is back.
        if !self.watchdog.is_calm() || !all_rest() {
            return false;
        }
        let sleeps = &self.around.alarm.sleeps;
        sleeps.store(true, Ordering::SeqCst);
        // Who has begun to work before that has not seen it.
        let may_sleep = all_rest();
        if !may_sleep {
            sleeps.store(false, Ordering::SeqCst);
        }
        may_sleep
    }

    fn look(&mut self) {
        for shard in 0..self.pulses.len() {
            let finding = self.watchdog.look(shard, &self.pulses[shard]);
            if let Some(Finding::Stuck { at, took }) = finding {
                self.give_up(shard, &at, took);
                continue;
            }
            self.lost[shard] = false;
            match finding {
                Some(Finding::Slow { at, took }) => self.tell(&at, took),
                Some(Finding::Back { took }) => {
                    logged(|| {
                        tracing::info!(shard, ?took, "an orchestrator that took long has returned")
                    });
                }
                _ => {}
            }
        }
        let is_stuck = self.lost.contains(&true);
        self.around.shared.condition.set_stuck(is_stuck);
    }

    fn tell(&self, at: &At, took: Duration) {
        let why = format!(
            "it has been running for {took:?} without returning, and the instances of its thread wait"
        );
        let reason = self.reason(at, &why);
        logged(
            || tracing::warn!(instance = %at.about.id, reason, "an orchestrator does not return"),
        );
        aloud(|| format!("instance `{}` does not return: {reason}", at.about.id));
    }

    /// Gives a shard to another thread.
    fn give_up(&mut self, shard: usize, at: &At, took: Duration) {
        let shared = &self.around.shared;
        let given_up = shared.meters.threads_given_up.load(Ordering::Relaxed);
        if usize::try_from(given_up).is_ok_and(|count| count >= MAX_THREADS_GIVEN_UP) {
            let why = format!(
                "{given_up} threads are kept by orchestrators that do not return, and no more are started"
            );
            return self.lose(shard, at, &why);
        }
        let why = format!(
            "it did not return within {took:?}, as an endless loop or a blocking call does not, and its thread was given up; once it \
             is repaired, retry it or start a worker anew"
        );
        shared.culprits.add(at.incarnation, self.reason(at, &why));
        let pulse = Arc::new(Pulse::default());
        let started = self.around.inlets.take_over(shard, |thread| {
            let handle = self.start(thread, &pulse, at.clone())?;
            let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
            threads[shard] = handle;
            Ok::<_, io::Error>(())
        });
        match started {
            Some(Ok(())) => {
                let before = std::mem::replace(&mut self.pulses[shard], pulse);
                shared.meters.forget_resident(before.resident());
                self.watchdog.forget(shard);
                self.lost[shard] = false;
                let given_up = given_up + 1;
                logged(|| {
                    tracing::error!(
                        shard, instance = %at.about.id, orchestrator = at.about.name, given_up, at_most = MAX_THREADS_GIVEN_UP,
                        "a thread is given up that an orchestrator keeps; its other instances go on in a new one"
                    )
                });
            }
            // It has come back in this moment.
            None => shared.culprits.forgive(at.incarnation),
            Some(Err(error)) => {
                shared.culprits.forgive(at.incarnation);
                let why = format!("its thread is kept, and another one cannot be started: {error}");
                self.lose(shard, at, &why);
            }
        }
    }

    fn start(&self, thread: Origin, pulse: &Arc<Pulse>, after: At) -> io::Result<JoinHandle<()>> {
        let (around, pulse) = (self.around.clone(), Arc::clone(pulse));
        let driver = ShardDriver {
            thread,
            pulse,
            around,
        };
        let name = format!("steadfast-shard-{}", thread.shard);
        spawn(&self.around.shared, name, move || driver.run(Some(after)))
    }

    /// The instances of a shard do not go on. It is tried again with every look.
    fn lose(&mut self, shard: usize, at: &At, why: &str) {
        if std::mem::replace(&mut self.lost[shard], true) {
            return;
        }
        let reason = self.reason(at, why);
        logged(
            || tracing::error!(shard, instance = %at.about.id, reason, "a shard does not go on: start the program again"),
        );
        aloud(|| {
            format!(
                "the instances beside `{}` do not go on: {reason}",
                at.about.id
            )
        });
    }

    fn reason(&self, at: &At, why: &str) -> String {
        let (name, version) = (&at.about.name, at.about.version.as_deref());
        reason(&self.around.shared.registry, name, version, &why)
    }
}
