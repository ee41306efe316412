//! Running activities: one attempt of one activity, and the tokio task that drives the dispatcher.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::oneshot;
use tokio::task::{AbortHandle, JoinSet};

use super::Dispatcher;
use crate::context::{ActivityContext, ActivityTask, CancelReason, Cancellation};
use crate::engine::{Outcome, panic_message};
use crate::model::failure::{self, FailureDetails};
use crate::model::instance::InstanceId;
use crate::registration::Function;
use crate::worker::message::{Task, TaskKey};
use crate::worker::shard::Shared;

/// What reaches the dispatcher.
#[derive(Debug)]
pub(crate) enum DispatcherInput {
    Run(Task),
    Cancel(TaskKey),
    /// Start nothing more, and say when everything has ended or the deadline has passed.
    Close {
        deadline: Duration,
        drained: oneshot::Sender<()>,
    },
    /// Drop everything.
    Abort,
}

/// Runs an activity. A panic in it is a failure of it. `None` when this program has no activity of its name: then it waits,
/// and its instance says so.
pub(crate) async fn run(
    shared: &Shared,
    task: &Task,
    cancellation: Cancellation,
) -> Option<Outcome> {
    let Function::Activity { run, .. } = shared.registry.activity(&task.name)?.function else {
        return None;
    };
    let context = ActivityContext::new(ActivityTask {
        instance_id: task.instance.clone(),
        execution_id: task.key.execution,
        name: task.name.clone(),
        task_id: task.key.id,
        first_task_id: task.key.id,
        attempt: 1,
        max_attempts: 1,
        last_heartbeat: None,
        report: Arc::new(|_| {}),
        dependencies: Arc::clone(&shared.dependencies),
        cancellation,
    });
    let attempt = async move {
        match run(context, task.input.as_deref()) {
            Ok(future) => future.await,
            Err(error) => Err(FailureDetails::from(&error)),
        }
    };
    Some(
        AssertUnwindSafe(attempt)
            .catch_unwind()
            .await
            .unwrap_or_else(|panic| {
                Err(FailureDetails::new(
                    failure::kind::PANIC,
                    panic_message(&*panic),
                ))
            }),
    )
}

/// Told of every activity that ended.
pub(crate) type OnEnded = Arc<dyn Fn(InstanceId, TaskKey, Outcome) + Send + Sync>;

/// Drives the dispatcher until it is closed or everyone who could tell it something is gone.
pub(crate) async fn dispatch(
    shared: Arc<Shared>,
    limit: usize,
    mut inputs: UnboundedReceiver<DispatcherInput>,
    on_ended: OnEnded,
) {
    let mut dispatcher = Dispatcher::new(limit);
    let mut running: HashMap<TaskKey, (Cancellation, AbortHandle)> = HashMap::new();
    let mut tasks: JoinSet<TaskKey> = JoinSet::new();
    let mut closing: Option<oneshot::Sender<()>> = None;
    let (expire, mut expired) = oneshot::channel::<()>();
    let mut expire = Some(expire);
    let mut alarm_guard = None;
    loop {
        while let Some(task) = dispatcher.start_next() {
            let (shared, on_ended, cancellation) = (
                Arc::clone(&shared),
                Arc::clone(&on_ended),
                Cancellation::default(),
            );
            let (key, of_task) = (task.key, cancellation.clone());
            let handle = tasks.spawn(async move {
                if let Some(outcome) = run(&shared, &task, of_task).await {
                    on_ended(task.instance, key, outcome);
                }
                key
            });
            running.insert(key, (cancellation, handle));
        }
        if closing.is_some() && dispatcher.is_idle() {
            break;
        }
        tokio::select! {
            input = inputs.recv() => match input {
                Some(DispatcherInput::Run(task)) => dispatcher.push(task),
                Some(DispatcherInput::Cancel(key)) => {
                    dispatcher.cancel(key);
                    if let Some((cancellation, _)) = running.get(&key) {
                        // It may take its time to notice, or never do. Its place is for those that someone waits for.
                        cancellation.cancel(CancelReason::Withdrawn);
                        dispatcher.ended(key);
                    }
                }
                Some(DispatcherInput::Close { deadline, drained }) => {
                    dispatcher.close();
                    closing = Some(drained);
                    for (cancellation, _) in running.values() {
                        cancellation.cancel(CancelReason::ShutDown);
                    }
                    if let Some(expire) = expire.take() {
                        alarm_guard = Some(alarm(deadline, expire));
                    }
                }
                Some(DispatcherInput::Abort) | None => break,
            },
            Some(ended) = tasks.join_next() => match ended {
                Ok(key) => {
                    dispatcher.ended(key);
                    running.remove(&key);
                }
                Err(error) => tracing::error!(%error, "an activity's task was lost"),
            },
            _ = &mut expired, if closing.is_some() => {
                tracing::warn!(activities = running.len(), "activities that did not end in time run again after the next start");
                break;
            }
        }
    }
    drop(alarm_guard);
    for (cancellation, handle) in running.into_values() {
        cancellation.cancel(CancelReason::ShutDown);
        handle.abort();
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
        tracing::error!(%error, "shutting down without waiting for activities");
    }
    cancel
}
