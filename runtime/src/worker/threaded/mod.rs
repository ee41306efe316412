//! The production driver: threads for the shards, the writer and the timers; tokio for activities.
//!
//! | thread | waits for | does |
//! | --- | --- | --- |
//! | `steadfast-shard-N` | its channel, or the next retry | steps the shard, loads instances, commits when it is alone |
//! | `steadfast-writer` | its channel | one transaction at a time |
//! | `steadfast-timers` | its channel, or the next timer (at most ten seconds) | tells shards of due timers |
//! | `steadfast-watchdog` | a second, while a shard works | gives a shard another thread when an orchestrator keeps the one it has |
//!
//! None of them wakes up when there is nothing to do.

mod account;
mod inlets;
mod shard;
mod timers;
mod watchdog;
mod writer;

use std::io;
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, MutexGuard, PoisonError, RwLock};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::sync::mpsc::UnboundedSender;

use super::activities::run::{self, DispatcherInput, Listeners};
use super::condition::State;
use super::logged::logged;
use super::message::{Request, RequestError, ShardInput};
use super::pulse::Pulse;
use super::room::WayIn;
use super::shard::Shared;
use super::takeover::Lost;
use super::turn::Turn;
use super::writer::Origin;
use crate::model::instance::InstanceId;
use crate::store::{Epoch, Store, StoreError};
use inlets::ShardMessage;
pub(crate) use inlets::{Inlets, foreign_wakes};
use shard::{ShardDriver, Surroundings, recover};
use timers::{TimerMessage, time};
use watchdog::{Alarm, ShardThreads, Watch, WatchdogMessage};
use writer::{WriterMessage, write};

/// How long a stopping worker waits for its threads at least. They only have to commit what is left.
const JOIN: Duration = Duration::from_secs(10);

/// How often it looks.
const JOIN_PAUSE: Duration = Duration::from_millis(2);

/// A running worker.
pub(crate) struct Threads {
    inlets: Inlets,
    shards: ShardThreads,
    writer: Sender<WriterMessage>,
    writer_thread: Option<JoinHandle<()>>,
    timers: Sender<TimerMessage>,
    timer_thread: Option<JoinHandle<()>>,
    watchdog: Sender<WatchdogMessage>,
    watchdog_thread: Option<JoinHandle<()>>,
    dispatcher: UnboundedSender<DispatcherInput>,
    requests: Arc<RwLock<bool>>,
    shared: Arc<Shared>,
}

/// What a worker is started with.
pub(crate) struct Parts {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) epoch: Epoch,
    pub(crate) shared: Arc<Shared>,
    pub(crate) activity_limit: usize,
    pub(crate) max_episode_duration: Duration,
    pub(crate) inlets: Inlets,
}

/// Starts the threads. Instances with work that nobody does are picked up at once.
pub(crate) fn start(parts: Parts, runtime: &tokio::runtime::Handle) -> io::Result<Threads> {
    let Parts {
        store,
        epoch,
        shared,
        activity_limit,
        max_episode_duration,
        inlets,
    } = parts;
    let (to_writer, writes) = mpsc::channel();
    let (to_timers, timer_messages) = mpsc::channel();
    let (to_watchdog, watchdog_messages) = mpsc::channel();
    let (to_dispatcher, dispatcher_inputs) = tokio::sync::mpsc::unbounded_channel();

    let turn = Arc::new(Turn::new(
        Arc::clone(&store),
        epoch,
        Arc::clone(&shared.meters),
    ));
    runtime.spawn(run::dispatch(
        Arc::clone(&shared),
        activity_limit,
        dispatcher_inputs,
        listeners(&inlets, &to_timers),
    ));
    let around = Surroundings {
        shared: Arc::clone(&shared),
        store: Arc::clone(&store),
        turn: Arc::clone(&turn),
        writer: to_writer.clone(),
        timers: to_timers.clone(),
        dispatcher: to_dispatcher.clone(),
        inlets: inlets.clone(),
        alarm: Alarm::new(to_watchdog.clone()),
    };
    let mut threads = Threads {
        inlets: inlets.clone(),
        shards: ShardThreads::default(),
        writer: to_writer,
        writer_thread: None,
        timers: to_timers,
        timer_thread: None,
        watchdog: to_watchdog,
        watchdog_thread: None,
        dispatcher: to_dispatcher.clone(),
        requests: Arc::new(RwLock::new(true)),
        shared: Arc::clone(&shared),
    };
    // When one thread cannot be started, dropping `threads` ends those that could.
    let pulses: Vec<_> = (0..inlets.len())
        .map(|_| Arc::new(Pulse::default()))
        .collect();
    for (shard, pulse) in pulses.iter().enumerate() {
        let driver = ShardDriver {
            thread: Origin {
                shard,
                generation: 0,
            },
            pulse: Arc::clone(pulse),
            around: around.clone(),
        };
        let name = format!("steadfast-shard-{shard}");
        let thread = spawn(&shared, name, move || driver.run(None))?;
        threads.lock_shards().push(thread);
    }
    let watch = Watch::new(
        around,
        pulses,
        Arc::clone(&threads.shards),
        max_episode_duration,
    );
    let body = move || watch.run(&watchdog_messages);
    threads.watchdog_thread = Some(spawn(&shared, "steadfast-watchdog".into(), body)?);
    let of_writer = inlets.clone();
    let body = move || write(&turn, &writes, &of_writer);
    threads.writer_thread = Some(spawn(&shared, "steadfast-writer".into(), body)?);
    let clock = Arc::clone(&shared.clock);
    let body = move || time(&*store, &timer_messages, &inlets, &to_dispatcher, &*clock);
    threads.timer_thread = Some(spawn(&shared, "steadfast-timers".into(), body)?);
    Ok(threads)
}

/// Whom the dispatcher tells what.
fn listeners(inlets: &Inlets, timers: &Sender<TimerMessage>) -> Listeners {
    let (for_ended, for_progress) = (inlets.clone(), inlets.clone());
    let timers = timers.clone();
    Listeners {
        ended: Arc::new(move |instance: InstanceId, key, outcome| {
            let input = ShardInput::TaskEnded {
                instance: instance.clone(),
                key,
                outcome,
            };
            for_ended.send(&instance, input);
        }),
        progress: Arc::new(move |instance: InstanceId, key, cell| {
            let input = ShardInput::Progress {
                instance: instance.clone(),
                key,
                cell,
            };
            for_progress.send(&instance, input);
        }),
        // When the thread is gone the worker stops, and with it the activities.
        wake_at: Arc::new(move |at| drop(timers.send(TimerMessage::WakeDispatcher(at)))),
    }
}

fn spawn(
    shared: &Arc<Shared>,
    name: String,
    body: impl FnOnce() + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    let noted = Noted(Arc::clone(shared));
    let body = move || {
        let _noted = noted;
        body();
    };
    thread::Builder::new().name(name).spawn(body)
}

/// Notes that a thread of the worker panicked: what it owned does not go on.
struct Noted(Arc<Shared>);

impl Drop for Noted {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.condition.becomes(State::Broken);
        }
    }
}

/// The way in for requests.
struct Entrance {
    open: Arc<RwLock<bool>>,
    inlets: Inlets,
}

impl WayIn for Entrance {
    fn room(&self, id: Option<&InstanceId>) -> Option<Arc<Semaphore>> {
        self.inlets.room(id)
    }

    fn send(&self, request: Request) -> Option<Lost> {
        // Held while sending: once shutdown has the lock, every accepted request is ahead of the stop.
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        if *open {
            return Some(self.inlets.send_request(request));
        }
        request.refuse(RequestError::ShutDown);
        None
    }
}

impl Threads {
    /// The way in for requests, until the worker shuts down.
    pub(crate) fn requests(&self) -> Arc<dyn WayIn> {
        Arc::new(Entrance {
            open: Arc::clone(&self.requests),
            inlets: self.inlets.clone(),
        })
    }

    /// Tells the shards of the instances that an earlier worker left with something to do.
    pub(crate) async fn recover(&self, store: &dyn Store) -> Result<(), StoreError> {
        recover(store, &self.inlets).await
    }

    /// Refuses new requests and starts no more activities. Activities that run have until the deadline; those that do not end
    /// by then run again after the next start. Returns once everything that was accepted is durable.
    pub(crate) async fn shut_down(mut self, deadline: Duration) {
        self.refuse_requests();
        let (drained, wait) = tokio::sync::oneshot::channel();
        drop(
            self.dispatcher
                .send(DispatcherInput::Close { deadline, drained }),
        );
        drop(wait.await);
        let (done, joined) = tokio::sync::oneshot::channel();
        let joiner = thread::spawn(move || {
            self.stop(deadline.max(JOIN));
            let _ = done.send(());
        });
        drop(joined.await);
        drop(joiner.join());
    }

    fn refuse_requests(&self) {
        self.shared.condition.becomes(State::Stopping);
        let mut open = self
            .requests
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        *open = false;
    }

    /// Ends the threads. They have so long for it.
    fn stop(&mut self, mut limit: Duration) {
        drop(self.watchdog.send(WatchdogMessage::Stop));
        join(self.watchdog_thread.take(), &mut limit);
        for shard in 0..self.inlets.len() {
            drop(self.inlets.put(shard, ShardMessage::Stop));
        }
        drop(self.timers.send(TimerMessage::Stop));
        let shards = std::mem::take(&mut *self.lock_shards());
        join(shards, &mut limit);
        // Whoever waits for one that is left behind is told.
        (0..self.inlets.len()).for_each(|shard| self.inlets.close(shard));
        drop(self.writer.send(WriterMessage::Stop));
        // Whoever keeps the thread of a shard has not used up the time of these.
        let mut limit = JOIN;
        join(self.timer_thread.take(), &mut limit);
        join(self.writer_thread.take(), &mut limit);
    }

    fn lock_shards(&self) -> MutexGuard<'_, Vec<JoinHandle<()>>> {
        self.shards.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Threads {
    /// Stops without waiting for activities. What is not committed is done again after the next start.
    fn drop(&mut self) {
        self.refuse_requests();
        drop(self.dispatcher.send(DispatcherInput::Abort));
        self.stop(JOIN);
    }
}

/// Waits until the threads have ended, but not for ever: an orchestrator that does not return keeps its thread.
fn join(threads: impl IntoIterator<Item = JoinHandle<()>>, limit: &mut Duration) {
    for thread in threads {
        while !thread.is_finished() && !limit.is_zero() {
            let pause = JOIN_PAUSE.min(*limit);
            thread::park_timeout(pause);
            *limit -= pause;
        }
        if !thread.is_finished() {
            logged(|| {
                tracing::error!(
                    thread = thread.thread().name(),
                    "a thread does not end and is left behind"
                )
            });
        } else if thread.join().is_err() {
            logged(|| tracing::error!("a thread of the worker panicked"));
        }
    }
}
