//! What is known when a request is answered: no less than what it did.

use std::cell::Cell;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake, Waker};

use futures_util::future::join;
use steadfast::prelude::*;
use steadfast::testing::{Order, SingleThreaded};
use steadfast::{ClientError, OutputError, definitions};

use crate::support::{Worker as _, World, wait_for_go};

thread_local! {
    static BROKEN: Cell<bool> = const { Cell::new(false) };
}

/// Looks around at the very moment of an answer, before whoever gives it goes on.
struct Look(Mutex<Option<Box<dyn FnOnce() + Send>>>);

impl Wake for Look {
    fn wake(self: Arc<Self>) {
        let look = self.0.lock().unwrap().take();
        if let Some(look) = look {
            look();
        }
    }
}

/// What a future gives at the moment in which a request is answered, when it gives anything then.
fn at_answer<T: Send + 'static>(
    worker: &mut SingleThreaded,
    request: impl Future<Output = Result<(), ClientError>>,
    looking: impl Future<Output = T> + Send + 'static,
) -> Option<T> {
    let seen = Arc::new(Mutex::new(None));
    let (sees, mut looking) = (Arc::clone(&seen), Box::pin(looking));
    let look = Look(Mutex::new(Some(Box::new(move || {
        *sees.lock().unwrap() = Some(poll_once(looking.as_mut()));
    }))));
    let waker = Waker::from(Arc::new(look));
    let mut request = pin!(request);
    assert!(
        request
            .as_mut()
            .poll(&mut Context::from_waker(&waker))
            .is_pending()
    );
    worker.run_until_idle();
    worker.wait(request);
    let seen = seen.lock().unwrap().take();
    seen.expect("the request was answered")
}

fn poll_once<T>(future: Pin<&mut (impl Future<Output = T> + ?Sized)>) -> Option<T> {
    match future.poll(&mut Context::from_waker(Waker::noop())) {
        std::task::Poll::Ready(output) => Some(output),
        std::task::Poll::Pending => None,
    }
}

#[activity]
async fn work() -> Result<String, String> {
    if BROKEN.get() {
        return Err("broken".into());
    }
    Ok("done".into())
}

#[orchestrator]
async fn do_work(ctx: OrchestrationContext) -> Result<String, String> {
    Ok(ctx.call(work()).await?)
}

#[test]
fn who_has_rewound_an_instance_does_not_see_the_failure_from_before() {
    BROKEN.set(true);
    let mut worker = World::new().worker(definitions![do_work, work]);
    let client = worker.client().clone();
    let instance = worker.wait(client.start(do_work().id("a")));
    assert!(worker.block_on(instance.output()).is_err());
    BROKEN.set(false);
    let again = instance.clone();
    let output = at_answer(&mut worker, instance.rewind(None), async move {
        again.output().await.map_err(|error| error.to_string())
    });
    assert_eq!(output, None);
    assert_eq!(worker.wait(instance.output()), "done");
}

#[test]
fn who_has_suspended_an_instance_sees_it_suspended() {
    let mut worker = World::new().worker(definitions![wait_for_go]);
    let client = worker.client().clone();
    let instance = worker.wait(client.start(wait_for_go().id("a")));
    worker.run_until_idle();
    let mut watch = instance.watch_custom_status();
    let seen = at_answer(&mut worker, instance.suspend(None), async move {
        watch.next().await.unwrap().unwrap().runtime_status
    });
    assert_eq!(seen, Some(RuntimeStatus::Suspended));
}

#[test]
fn who_has_started_an_instance_does_not_get_the_output_of_the_one_before() {
    for seed in 0..200 {
        let world = World {
            order: Order::Seeded(seed),
            ..World::new()
        };
        let mut worker = world.worker(definitions![wait_for_go]);
        let client = worker.client().clone();
        let first = worker.wait(client.start(wait_for_go().id("a")));
        worker.wait(first.raise_event_named("go", "first"));
        assert_eq!(worker.wait(first.output()), "first");
        let output = async {
            let second = client.start(wait_for_go().id("a")).await.unwrap();
            second.output().await
        };
        // May load the second one before its start is answered.
        let raise = async {
            while let Err(error) = first.raise_event_named("go", "second").await {
                assert!(matches!(error, ClientError::AlreadyEnded { .. }), "{error}");
            }
        };
        let (output, ()) = worker.block_on(join(output, raise));
        assert_eq!(output.unwrap(), "second", "seed {seed}");
    }
}

#[orchestrator]
async fn parent(ctx: OrchestrationContext) -> Result<String, String> {
    Ok(ctx.call(wait_for_go().id("a")).await?)
}

#[test]
fn who_attaches_to_an_instance_does_not_get_the_output_of_the_one_before() {
    let mut attached = 0;
    for steps in 0..20 {
        let mut worker = World::new().worker(definitions![wait_for_go, parent]);
        let client = worker.client().clone();
        let first = worker.wait(client.start(wait_for_go().id("a")));
        worker.wait(first.raise_event_named("go", "first"));
        let ended = worker.status("a");
        let parent = worker.wait(client.start(parent().id("parent")));
        for _ in 0..steps {
            worker.step();
        }
        let attach = async {
            let start = wait_for_go().id("a").on_existing(OnExisting::Attach);
            let child = client.start(start).await?;
            let is_new = child.status().await?.cursor > ended.cursor;
            let output = if is_new {
                let (output, raised) =
                    join(child.output(), child.raise_event_named("go", "child")).await;
                raised?;
                Some(output?)
            } else {
                None
            };
            Ok::<_, OutputError<_>>(output)
        };
        let output = worker.block_on(attach).unwrap();
        if let Some(output) = output {
            attached += 1;
            assert_eq!(output, "child", "after {steps} steps");
            assert_eq!(worker.wait(parent.output()), "child");
        }
    }
    assert!(attached > 0);
}
