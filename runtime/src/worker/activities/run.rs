//! Running activities: one attempt of one activity, and the tokio task that drives the dispatcher.

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::Duration;

use futures_util::FutureExt;
use jiff::Timestamp;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::oneshot;
use tokio::task::{AbortHandle, JoinSet};
use tracing::{Instrument, Span};

use super::Dispatcher;
use super::progress::ProgressCell;
use crate::context::{ActivityContext, ActivityTask, CancelReason, Cancellation, Report};
use crate::engine::{Outcome, panic_message};
use crate::hash::Map;
use crate::model::failure::{self, FailureDetails};
use crate::model::instance::InstanceId;
use crate::registration::Function;
use crate::worker::logged::logged;
use crate::worker::message::{Task, TaskKey};
use crate::worker::shard::Shared;

/// What reaches the dispatcher.
#[derive(Debug)]
pub(crate) enum DispatcherInput {
    Run(Arc<Task>),
    Cancel(TaskKey, CancelReason),
    /// An attempt may have run for as long as it may.
    Tick,
    /// A thread of a shard was given up: say what it has handed out.
    Account(Box<dyn Account>),
    /// Start nothing more, and say when everything has ended or the deadline has passed.
    Close {
        deadline: Duration,
        drained: oneshot::Sender<()>,
    },
    /// Drop everything.
    Abort,
}

/// Runs an activity. A panic in it is a failure of it. `None` when this program has no activity of its name: then it waits,
/// and its instance says so. The same when nobody waits for it any more before it begins.
pub(crate) async fn run(
    shared: &Shared,
    task: &Task,
    cancellation: Cancellation,
    report: Report,
) -> Option<Outcome> {
    let Function::Activity { run, .. } = shared.registry.activity(&task.name)?.function else {
        return None;
    };
    if cancellation.reason().is_some() {
        return None;
    }
    let context = ActivityContext::new(ActivityTask {
        instance_id: task.instance.clone(),
        execution_id: task.key.execution,
        name: task.name.clone(),
        task_id: task.key.id,
        first_task_id: task.attempt.first,
        attempt: task.attempt.number,
        max_attempts: task.attempt.max,
        last_heartbeat: task.last_heartbeat.clone(),
        trace: task.trace.clone(),
        report,
        dependencies: Arc::clone(&shared.dependencies),
        cancellation,
    });
    let attempt = async move {
        match run(context, task.input.as_deref()) {
            Ok(future) => future.await,
            Err(error) => Err(FailureDetails::from(&error)),
        }
    };
    let outcome = AssertUnwindSafe(attempt)
        .catch_unwind()
        .instrument(span(task))
        .await
        .unwrap_or_else(|panic| {
            Err(FailureDetails::new(
                failure::kind::PANIC,
                panic_message(&*panic),
            ))
        });
    Some(within_limit(shared, task, outcome))
}

/// A result that is too large is a failure.
pub(crate) fn within_limit(shared: &Shared, task: &Task, outcome: Outcome) -> Outcome {
    let limit = shared.settings.limits.max_payload_bytes;
    match outcome {
        Ok(result) if result.len() > limit => {
            let what = format!("the result of activity `{}`", task.name);
            Err(FailureDetails::payload_too_large(
                &what,
                result.len(),
                limit,
            ))
        }
        Err(failure) => {
            Err(failure.within(&format!("the failure of activity `{}`", task.name), limit))
        }
        outcome => outcome,
    }
}

/// What says of everything that an activity logs whose it is.
fn span(task: &Task) -> Span {
    let Task { name, instance, .. } = task;
    let traceparent = task.trace.as_deref().map(tracing::field::display);
    let (task_id, attempt) = (task.key.id, task.attempt.number);
    tracing::info_span!("activity", %name, %instance, task_id, attempt, traceparent)
}

/// The failure of an attempt that has run for as long as it may.
pub(crate) fn timed_out(task: &Task) -> Outcome {
    let limit = task.attempt.timeout.unwrap_or_default();
    let message = format!("activity `{}` did not end within {limit:?}", task.name);
    Err(FailureDetails::new(failure::kind::TIMEOUT, message))
}

/// Told of every activity that ended.
pub(crate) type OnEnded = Arc<dyn Fn(InstanceId, TaskKey, Outcome) + Send + Sync>;

/// Told of the first of the reports that an activity made since they were last looked at.
pub(crate) type OnProgress = Arc<dyn Fn(InstanceId, TaskKey, ProgressCell) + Send + Sync>;

/// Told of everything that runs or waits for a place, and then dropped. What has ended until then has been [told](Listeners::ended).
pub(crate) trait Account: fmt::Debug + Send {
    /// An activity, with its reports when it runs.
    fn handed_out(&self, task: &Task, progress: Option<&ProgressCell>);
}

/// What the dispatcher tells.
pub(crate) struct Listeners {
    pub(crate) ended: OnEnded,
    pub(crate) progress: OnProgress,
    /// Asks for a [`DispatcherInput::Tick`] at a time.
    pub(crate) wake_at: Arc<dyn Fn(Timestamp) + Send + Sync>,
}

/// How an activity reports its progress.
pub(crate) fn report(cell: ProgressCell, on_progress: &OnProgress) -> Report {
    let on_progress = Arc::clone(on_progress);
    Arc::new(move |details| {
        if cell.put(details) {
            let task = cell.task();
            on_progress(task.instance.clone(), task.key, cell.clone());
        }
    })
}

/// An activity that runs.
struct Attempted {
    task: Arc<Task>,
    cancellation: Cancellation,
    told: Told,
    /// Where it reports its progress.
    progress: ProgressCell,
    handle: AbortHandle,
}

/// Whether the end of an attempt is not to be told any more: it has been, or nobody waits for it. It is locked while it is told, so that
/// who finds it told finds nothing that is still on its way.
#[derive(Clone, Debug, Default)]
struct Told(Arc<Mutex<bool>>);

impl Told {
    fn once(&self, tell: impl FnOnce()) {
        let mut told = self.lock();
        if !std::mem::replace(&mut *told, true) {
            tell();
        }
    }

    fn never(&self) {
        *self.lock() = true;
    }

    fn is_told(&self) -> bool {
        *self.lock()
    }

    fn lock(&self) -> MutexGuard<'_, bool> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Drives the dispatcher until it is closed or everyone who could tell it something is gone.
pub(crate) async fn dispatch(
    shared: Arc<Shared>,
    limit: usize,
    mut inputs: UnboundedReceiver<DispatcherInput>,
    listeners: Listeners,
) {
    // All activities share these, and so one count of who holds them.
    let surroundings = Arc::new((shared, listeners));
    let (shared, listeners) = &*surroundings;
    let mut dispatcher = Dispatcher::new(limit);
    let mut running: Map<TaskKey, Attempted> = Map::default();
    let mut tasks: JoinSet<TaskKey> = JoinSet::new();
    let mut closing: Option<oneshot::Sender<()>> = None;
    let (expire, mut expired) = oneshot::channel::<()>();
    let mut expire = Some(expire);
    let mut alarm_guard = None;
    let mut woken_at = None;
    loop {
        let now = shared.clock.now();
        for key in dispatcher.take_expired(now) {
            if let Some(attempt) = running.get(&key) {
                // It may take its time to notice, or never do. Its place is for those that still have time.
                attempt.cancellation.cancel(CancelReason::TimedOut);
                attempt.told.once(|| {
                    let instance = attempt.task.instance.clone();
                    (listeners.ended)(instance, key, timed_out(&attempt.task));
                });
            }
        }
        while let Some(task) = dispatcher.start_next(now) {
            let key = task.key;
            let (cancellation, told) = (Cancellation::default(), Told::default());
            let progress = ProgressCell::new(Arc::clone(&task));
            let handle = tasks.spawn({
                let surroundings = Arc::clone(&surroundings);
                let (task, cancellation, told) =
                    (Arc::clone(&task), cancellation.clone(), told.clone());
                let progress = progress.clone();
                async move {
                    let (shared, listeners) = &*surroundings;
                    let report = report(progress, &listeners.progress);
                    if let Some(outcome) = run(shared, &task, cancellation, report).await {
                        told.once(|| (listeners.ended)(task.instance.clone(), key, outcome));
                    }
                    key
                }
            });
            let attempt = Attempted {
                task,
                cancellation,
                told,
                progress,
                handle,
            };
            running.insert(key, attempt);
        }
        let (at_work, waiting) = dispatcher.load();
        shared
            .meters
            .activities_running
            .store(at_work, Ordering::Relaxed);
        shared
            .meters
            .activities_waiting
            .store(waiting, Ordering::Relaxed);
        let next = dispatcher.next_deadline();
        if let Some(at) = next
            && woken_at != next
        {
            (listeners.wake_at)(at);
            woken_at = next;
        }
        if closing.is_some() && dispatcher.is_idle() {
            break;
        }
        tokio::select! {
            input = inputs.recv() => match input {
                Some(DispatcherInput::Run(task)) => {
                    // A shard whose thread was given up hands out what that had been told of: it is lost with it.
                    if running.get(&task.key).is_some_and(|attempt| attempt.told.is_told()) {
                        dispatcher.ended(task.key);
                    }
                    dispatcher.push(task);
                }
                Some(DispatcherInput::Cancel(key, reason)) => {
                    dispatcher.cancel(key);
                    if let Some(attempt) = running.get(&key) {
                        // As above. What it returns is not that of the one which runs after a rewind, under the same key.
                        attempt.cancellation.cancel(reason);
                        attempt.told.never();
                        dispatcher.ended(key);
                    }
                }
                Some(DispatcherInput::Tick) => woken_at = None,
                Some(DispatcherInput::Account(account)) => {
                    for attempt in running.values().filter(|attempt| !attempt.told.is_told()) {
                        account.handed_out(&attempt.task, Some(&attempt.progress));
                    }
                    for task in dispatcher.waiting() {
                        account.handed_out(task, None);
                    }
                }
                Some(DispatcherInput::Close { deadline, drained }) => {
                    dispatcher.close();
                    closing = Some(drained);
                    for attempt in running.values() {
                        attempt.cancellation.cancel(CancelReason::ShutDown);
                    }
                    if let Some(expire) = expire.take() {
                        alarm_guard = Some(alarm(deadline, expire));
                    }
                }
                Some(DispatcherInput::Abort) | None => break,
            },
            Some(ended) = tasks.join_next_with_id() => match ended {
                Ok((id, key)) => {
                    // Another attempt may be there by now, which was handed out again.
                    if running.get(&key).is_some_and(|attempt| attempt.handle.id() == id) {
                        dispatcher.ended(key);
                        running.remove(&key);
                    }
                }
                Err(error) => logged(|| tracing::error!(%error, "an activity's task was lost")),
            },
            _ = &mut expired, if closing.is_some() => {
                logged(|| tracing::warn!(activities = running.len(), "activities that did not end in time run again after the next start"));
                break;
            }
        }
    }
    drop(alarm_guard);
    for attempt in running.into_values() {
        attempt.cancellation.cancel(CancelReason::ShutDown);
        attempt.handle.abort();
    }
    if let Some(drained) = closing {
        // Nobody may be waiting any more.
        let _ = drained.send(());
    }
}

/// Sounds after a while, unless the sender that it returns is dropped before. In a thread of its own: the runtime may have
/// no timer.
fn alarm(after: Duration, sound: oneshot::Sender<()>) -> mpsc::Sender<()> {
    let (cancel, cancelled) = mpsc::channel();
    let body = move || {
        if cancelled.recv_timeout(after) == Err(mpsc::RecvTimeoutError::Timeout) {
            // All activities may have ended at this moment.
            let _ = sound.send(());
        }
    };
    if let Err(error) = std::thread::Builder::new()
        .name("steadfast-shutdown".into())
        .spawn(body)
    {
        logged(|| tracing::error!(%error, "shutting down without waiting for activities"));
    }
    cancel
}
