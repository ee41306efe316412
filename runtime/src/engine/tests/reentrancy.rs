//! The context used in odd places: by wakers, by destructors, outside of episodes. Nothing panics, and what is asked for
//! outside of the orchestrator's poll has no effect.

use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Mutex;
use std::task::{Context, Poll, Wake, Waker};
use std::thread_local;

use futures_util::future::{join, select};

use super::*;
use crate::context::ActivityCall;
use crate::model::failure;

/// Uses everything that a context has.
fn use_all(ctx: &OrchestrationContext) {
    let call = ctx.call_activity::<i32>("stray", ());
    ctx.call_activity::<i32>("stray", ()).detach();
    let wait = ctx.wait_for_external_event_named::<i32>("go");
    let timer = ctx.create_timer(at(5));
    ctx.set_custom_status("stray").unwrap();
    ctx.clear_custom_status();
    ctx.set_custom_status("stray").unwrap();
    let _ = (ctx.new_guid(), ctx.random_u64(), ctx.random_f64());
    let _ = (
        ctx.current_utc_datetime(),
        ctx.is_replaying(),
        ctx.custom_status(),
    );
    let _ = format!("{ctx:?} {call:?} {wait:?} {timer:?}");
    let mut cx = Context::from_waker(Waker::noop());
    assert!(pin!(call).poll(&mut cx).is_pending());
    assert!(pin!(wait).poll(&mut cx).is_pending());
    assert!(pin!(timer).poll(&mut cx).is_pending());
}

thread_local! {
    static KEPT: RefCell<Option<OrchestrationContext>> = const { RefCell::new(None) };
}

/// Keeps its context where others find it.
fn keeps_its_context() -> Program {
    orchestrator(|ctx| async move {
        KEPT.set(Some(ctx.clone()));
        let first = ctx.random_u64();
        let wait = ctx.wait_for_external_event_named::<i32>("go");
        let event = wait.await.unwrap();
        let call = ctx.call_activity::<i32>("a", event);
        assert_ne!(ctx.random_u64(), first);
        (call.await.unwrap(), ctx.random_u64())
    })
}

#[test]
fn a_context_outside_of_an_episode_does_nothing() {
    let outputs = [false, true].map(|stray| {
        let use_it = || {
            if stray {
                KEPT.with_borrow(|ctx| use_all(ctx.as_ref().unwrap()));
            }
        };
        let mut run = run(&keeps_its_context()).without_replays();
        run = run.deliver(at(1), started(), waits());
        use_it();
        run = run.deliver(
            at(2),
            history().raised("go", "1"),
            waits().asks(0, call("a", "1")),
        );
        use_it();
        let end = run.episode(at(3), history().completed(0, "2").build());
        use_it();
        run.check_replay();
        assert_eq!(end.status, StatusChange::Untouched);
        let output = end.ended.unwrap().result.unwrap();
        drop(run);
        use_it();
        KEPT.take();
        output
    });
    assert_eq!(outputs[0], outputs[1]);
}

#[test]
fn a_context_in_the_poll_of_another_execution_does_nothing() {
    let kept = run(&keeps_its_context()).without_replays();
    let kept = kept.deliver(at(1), started(), waits());
    let thief = orchestrator(|ctx| async move {
        let stolen = KEPT.with_borrow(|kept| {
            let kept = kept.as_ref().unwrap();
            use_all(kept);
            kept.call_activity::<i32>("stolen", ())
        });
        select(stolen, ctx.call_activity::<i32>("own", ())).await;
    });
    run(&thief)
        .deliver(at(1), started(), waits().asks(0, call("own", "null")))
        .deliver(at(2), history().completed(0, "1"), completes(1, "null"));
    kept.deliver(
        at(2),
        history().raised("go", "1"),
        waits().asks(0, call("a", "1")),
    );
    KEPT.take();
}

/// Uses a context when it is dropped.
struct UsesContext(OrchestrationContext);

impl Drop for UsesContext {
    fn drop(&mut self) {
        use_all(&self.0);
    }
}

/// A future that drops what it holds only when it is dropped itself.
struct Holds<F>(
    F,
    #[allow(dead_code, reason = "dropped with the future")] UsesContext,
);

impl<F: Future + Unpin> Future for Holds<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        Pin::new(&mut self.0).poll(cx)
    }
}

#[test]
fn what_destructors_ask_for_at_the_end_has_no_effect() {
    let program = outcome(|ctx| {
        let guard = UsesContext(ctx.clone());
        let body = async move {
            ctx.call_activity::<i32>("a", ()).await.unwrap();
            Ok("1".into())
        };
        Holds(Box::pin(body), guard)
    });
    let mut evicted = run(&program);
    evicted.episode(at(1), started().build());
    drop(evicted);
    run(&program)
        .deliver(at(1), started(), waits().asks(0, call("a", "null")))
        .deliver(at(2), history().completed(0, "1"), completes(1, "1"));
    let terminated = run(&program)
        .deliver(at(1), started(), waits().asks(0, call("a", "null")))
        .episode(at(2), history().terminated("1").build());
    assert_eq!(terminated.status, StatusChange::Untouched);
}

#[test]
fn what_destructors_ask_for_while_the_orchestrator_unwinds_does_not_panic() {
    let program = outcome(|ctx| async move {
        let _guard = UsesContext(ctx.clone());
        ctx.call_activity::<i32>("a", ()).await.unwrap();
        panic!("lost");
    });
    let mut run = run(&program);
    run.episode(at(1), started().build());
    let end = run.episode(at(2), history().completed(0, "1").build());
    let failure = end.ended.unwrap().failure.unwrap();
    assert_eq!(failure, FailureDetails::new(failure::kind::PANIC, "lost"));
}

/// A waker of the orchestrator's own, which may do anything when it is woken and when it is dropped.
struct OwnWaker {
    inner: Mutex<Option<Waker>>,
    uses_context: bool,
    panics: bool,
}

impl Wake for OwnWaker {
    fn wake(self: Arc<Self>) {
        if self.uses_context {
            KEPT.with_borrow(|ctx| use_all(ctx.as_ref().unwrap()));
        }
        assert!(!self.panics, "a waker panics");
        self.inner.lock().unwrap().take().unwrap().wake();
    }
}

impl Drop for OwnWaker {
    fn drop(&mut self) {
        if self.uses_context {
            KEPT.with_borrow(|ctx| use_all(ctx.as_ref().unwrap()));
        }
    }
}

/// Polls a future with an [`OwnWaker`], a new one each time.
async fn with_own_waker<F: Future>(future: F, uses_context: bool, panics: bool) -> F::Output {
    let mut future = Box::pin(future);
    poll_fn(|cx| {
        let waker = Waker::from(Arc::new(OwnWaker {
            inner: Mutex::new(Some(cx.waker().clone())),
            uses_context,
            panics,
        }));
        future.as_mut().poll(&mut Context::from_waker(&waker))
    })
    .await
}

#[test]
fn wakers_may_use_the_context_when_they_are_woken_and_dropped() {
    let program = orchestrator(|ctx| async move {
        KEPT.set(Some(ctx.clone()));
        let all = async {
            let call = ctx.call_activity::<i32>("a", ());
            let dropped = ctx.call_activity::<i32>("b", ());
            let detached = ctx.call_activity::<i32>("c", ());
            let wait = ctx.wait_for_external_event_named::<i32>("go");
            let dropped_wait = ctx.wait_for_external_event_named::<i32>("never");
            let timer = ctx.create_timer(at(9));
            let mut rest = Box::pin(join(join(dropped, dropped_wait), timer));
            let mut detached = Box::pin(detached);
            let mut call = Box::pin(call);
            poll_fn(|cx| {
                let _ = (rest.as_mut().poll(cx), detached.as_mut().poll(cx));
                call.as_mut().poll(cx)
            })
            .await
            .unwrap();
            drop(rest);
            Pin::into_inner(detached).detach();
            wait.await.unwrap()
        };
        let ((), event) = join(
            async {
                ctx.wait_for_external_event_named::<i32>("other")
                    .await
                    .unwrap();
            },
            with_own_waker(all, true, false),
        )
        .await;
        event
    });
    let mut run = run(&program).without_replays();
    run.episode(at(1), started().build());
    run.episode(at(2), history().raised("other", "1").build());
    run.episode(at(3), history().completed(0, "1").build());
    let end = run.episode(at(4), history().raised("go", "7").build());
    assert_eq!(end.ended.unwrap().result.as_deref(), Some("7"));
    assert_eq!(run.foreign_wakes(), 0);
    drop(run);
    KEPT.take();
}

#[test]
fn a_waker_that_panics_is_a_panic_of_the_orchestrator() {
    let program = orchestrator(|ctx| async move {
        with_own_waker(ctx.call_activity::<i32>("a", ()), false, true)
            .await
            .unwrap()
    });
    let failure = FailureDetails::new(failure::kind::PANIC, "a waker panics");
    run(&program)
        .deliver(at(1), started(), waits().asks(0, call("a", "null")))
        .deliver(at(2), history().completed(0, "1"), fails(1, &failure));
    let fault = Setup::new(&program)
        .panics(Panics::SetAside)
        .run()
        .deliver(at(1), started(), waits().asks(0, call("a", "null")))
        .faults(at(2), history().completed(0, "1"));
    assert!(matches!(fault, Fault::Panicked(told) if told.starts_with("a waker panics at ")));
}

#[test]
fn what_is_called_before_the_future_is_made_counts() {
    let program = orchestrator(|ctx| {
        let call = ctx.call_activity::<i32>("a", ());
        drop(ctx.call_activity::<i32>("b", ()));
        async move { call.await.unwrap() }
    });
    run(&program)
        .deliver(
            at(1),
            started(),
            waits()
                .asks(0, call("a", "null"))
                .asks(1, call("b", "null"))
                .withdraws(1),
        )
        .deliver(at(2), history().completed(0, "1"), completes(2, "1"));
}

#[test]
fn a_call_that_outlives_its_orchestrator_is_harmless() {
    type Kept = Rc<Cell<Option<ActivityCall<i32, std::convert::Infallible>>>>;
    let kept = Kept::default();
    let keep = Rc::clone(&kept);
    let program = orchestrator(move |ctx| {
        let keep = Rc::clone(&keep);
        async move {
            keep.set(Some(ctx.call_activity::<i32>("a", ())));
            ctx.wait_for_external_event_named::<i32>("go")
                .await
                .unwrap()
        }
    });
    let run = run(&program)
        .without_replays()
        .deliver(at(1), started(), waits().asks(0, call("a", "null")))
        .deliver(at(2), history().raised("go", "1"), completes(1, "1"));
    let mut call = kept.take().unwrap();
    let mut cx = Context::from_waker(Waker::noop());
    assert!(Pin::new(&mut call).poll(&mut cx).is_pending());
    drop(run);
    assert!(Pin::new(&mut call).poll(&mut cx).is_pending());
    call.detach();
}

#[test]
fn dropping_a_pending_execution_is_harmless() {
    let program = orchestrator(|ctx| async move {
        let _guard = UsesContext(ctx.clone());
        let waits = [(); 3].map(|()| ctx.wait_for_external_event_named::<i32>("go"));
        let calls = [(); 3].map(|()| ctx.call_activity::<i32>("a", ()));
        let [a, ..] = calls;
        let [b, ..] = waits;
        let _ = join(join(a, b), pending::<()>()).await;
    });
    let mut run = run(&program);
    run.episode(at(1), started().build());
    drop(run);
}
