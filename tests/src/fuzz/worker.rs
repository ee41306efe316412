//! A worker in one thread, on virtual time, and what it promises of every instance.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use steadfast::limits::DEFAULT_MAX_PAYLOAD_BYTES;
use steadfast::store::Store;
use steadfast::testing::{
    EpisodeReplays, ManualClock, Order, SingleThreaded, SingleThreadedOptions,
};
use steadfast::{
    ClientError, Dependencies, InstanceHandle, InstanceStatus, Panics, RuntimeStatus,
    SuspiciousAwaits,
};
use tokio::runtime::{Builder, Runtime};

use super::events::at;
use super::programs::{all, hello};

pub(super) fn start(store: Arc<dyn Store>) -> SingleThreaded {
    let options = SingleThreadedOptions {
        definitions: all(),
        dependencies: Dependencies::new(),
        clock: Arc::new(ManualClock::new(at(0))),
        max_live_instances: 100,
        panics: Panics::SetAside,
        max_payload_bytes: DEFAULT_MAX_PAYLOAD_BYTES,
        suspicious_awaits: SuspiciousAwaits::SetAside,
        replays: EpisodeReplays::Never,
        order: Order::Fixed,
    };
    SingleThreaded::start(store, options).unwrap()
}

/// Lets the time go on for as long as something is due. What is tried again for ever does not end, so that there is a limit.
pub(super) fn settle(worker: &mut SingleThreaded) {
    worker.run_until_idle();
    for _ in 0..12 {
        if !worker.advance() {
            return;
        }
        worker.run_until_idle();
    }
}

/// The worker is not dead: it still does what it is for.
pub(super) fn works(worker: &mut SingleThreaded) {
    let client = worker.client().clone();
    let started = worker.block_on(async move { client.start(hello()).await });
    let ended = worker.block_on(async { started.unwrap().wait_for_completion().await });
    assert_eq!(ended.unwrap().runtime_status, RuntimeStatus::Completed);
}

/// The instance is not stuck: it has ended, or waits for something, or says why it does not; and it can be ended.
pub(super) fn goes_on_or_says_why(worker: &mut SingleThreaded, instance: &InstanceHandle) {
    settle(worker);
    let status = match worker.block_on(instance.status()) {
        Ok(status) => status,
        Err(error) => return undecodable(worker, instance, &error),
    };
    if !status.is_terminal() {
        let waits = waits(worker, instance, &status);
        assert!(waits, "it does not go on and does not say why: {status:#?}");
        worker.block_on(instance.terminate(Some("enough"))).unwrap();
        settle(worker);
        // The end of one whose beginning cannot be read is not shown.
        match worker.block_on(instance.status()) {
            Ok(ended) => {
                assert_eq!(ended.runtime_status, RuntimeStatus::Terminated);
                assert_eq!(ended.output.as_deref(), Some("\"enough\""));
            }
            Err(error) => assert!(matches!(error, ClientError::Undecodable { .. }), "{error}"),
        }
    }
    worker.block_on(instance.purge()).unwrap();
    assert_eq!(worker.block_on(instance.try_status()).unwrap(), None);
}

fn waits(worker: &mut SingleThreaded, instance: &InstanceHandle, status: &InstanceStatus) -> bool {
    if status
        .stalled
        .as_ref()
        .is_some_and(|reason| !reason.is_empty())
    {
        return true;
    }
    match status.runtime_status {
        RuntimeStatus::Suspended => true,
        RuntimeStatus::Pending
            if status
                .scheduled_start
                .is_some_and(|start| start > worker.now()) =>
        {
            true
        }
        _ => {
            let waiting = worker.block_on(instance.waiting_on());
            waiting.is_ok_and(|waiting| !waiting.is_empty())
        }
    }
}

/// A reader is told that it cannot be read; all the same it can be ended, unless it has.
fn undecodable(worker: &mut SingleThreaded, instance: &InstanceHandle, error: &ClientError) {
    assert!(matches!(error, ClientError::Undecodable { .. }), "{error}");
    match worker.block_on(instance.terminate(None)) {
        Ok(()) | Err(ClientError::AlreadyEnded { .. }) => {}
        Err(error) => panic!("it cannot be ended: {error}"),
    }
    settle(worker);
    worker.block_on(instance.purge()).unwrap();
}

/// Runs a worker and what is asked of it side by side, on a runtime whose time goes on by itself.
pub(super) fn drive<F: Future>(worker: &mut SingleThreaded, future: F) -> F::Output {
    thread_local! {
        static RUNTIME: Runtime = Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .max_blocking_threads(1)
            .build()
            .unwrap();
    }
    RUNTIME.with(|runtime| {
        runtime.block_on(async {
            let mut future = pin!(future);
            let both = poll_fn(|cx| {
                loop {
                    if let Poll::Ready(output) = future.as_mut().poll(cx) {
                        return Poll::Ready(output);
                    }
                    if !worker.step() {
                        return Poll::Pending;
                    }
                }
            });
            let day = Duration::from_secs(24 * 60 * 60);
            let answered = tokio::time::timeout(day, both).await;
            answered.expect("a request is answered")
        })
    })
}
