//! The thread of the timers.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use futures_executor::block_on;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::mpsc::UnboundedSender;

use super::inlets::Inlets;
use crate::clock::Clock;
use crate::model::instance::InstanceId;
use crate::store::{Store, TimerPosition};
use crate::worker::activities::run::DispatcherInput;
use crate::worker::logged::logged;
use crate::worker::message::ShardInput;
use crate::worker::timers::{PAGE, TimerIndex};
use crate::worker::turn::guarded;

/// The longest sleep while a timer is pending: machines are suspended and clocks are set.
const MAX_TIMER_SLEEP: Duration = Duration::from_secs(10);

/// How long the timers wait before they ask a failing store again.
const RETRY_READING: Duration = Duration::from_secs(1);

pub(super) enum TimerMessage {
    Set(Vec<(TimerPosition, InstanceId)>),
    /// An attempt of an activity will have run for as long as it may.
    WakeDispatcher(Timestamp),
    /// Some that are due, or were set, may have been lost: the store has them.
    ReadAgain,
    Stop,
}

pub(super) fn time(
    store: &dyn Store,
    messages: &Receiver<TimerMessage>,
    inlets: &Inlets,
    dispatcher: &UnboundedSender<DispatcherInput>,
    clock: &dyn Clock,
) {
    let mut index = TimerIndex::default();
    let mut wake_dispatcher = BTreeSet::new();
    loop {
        let now = clock.now();
        while let Some(at) = wake_dispatcher.pop_first() {
            if at > now {
                wake_dispatcher.insert(at);
                break;
            }
            drop(dispatcher.send(DispatcherInput::Tick));
        }
        let mut pause = None;
        // Reading makes timers due, and taking out what is due makes reading necessary.
        loop {
            for id in index.due(clock.now()) {
                inlets.send(&id.clone(), ShardInput::TimerDue(id));
            }
            let Some(after) = index.begin_reading() else {
                break;
            };
            match guarded(|| block_on(store.timers(after, PAGE))) {
                Ok(page) => index.read(page),
                Err(error) => {
                    logged(
                        || tracing::error!(%error, "the timers cannot be read; trying again later"),
                    );
                    index.reading_failed();
                    pause = Some(RETRY_READING);
                    break;
                }
            }
        }
        let next = index
            .next()
            .into_iter()
            .chain(wake_dispatcher.first().copied())
            .min();
        let next = next.map(|at| until(at, clock).min(MAX_TIMER_SLEEP));
        inlets.meters().timers.store(index.len(), Ordering::Relaxed);
        let first = match next.into_iter().chain(pause).min() {
            None => messages.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(sleep) => messages.recv_timeout(sleep),
        };
        let first = match first {
            Ok(message) => Some(message),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => return,
        };
        for message in first.into_iter().chain(messages.try_iter()) {
            match message {
                TimerMessage::Set(timers) => timers
                    .into_iter()
                    .for_each(|(position, id)| index.set(position, id)),
                TimerMessage::WakeDispatcher(at) => {
                    wake_dispatcher.insert(at);
                }
                TimerMessage::ReadAgain => index = TimerIndex::default(),
                TimerMessage::Stop => return,
            }
        }
    }
}

/// How long it is until a time. Rounded up, so that a wait for it is not over too early.
pub(super) fn until(at: Timestamp, clock: &dyn Clock) -> Duration {
    let left = at.duration_since(clock.now()).max(SignedDuration::ZERO);
    Duration::try_from(left).unwrap_or_default() + Duration::from_micros(1)
}
