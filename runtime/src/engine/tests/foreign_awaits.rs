//! Awaiting what is not durable.

use std::future::{pending, poll_fn};
use std::task::Poll;
use std::thread;
use std::time::Duration;

use futures_channel::oneshot;
use futures_util::future::{Either, join, select};

use super::*;

#[track_caller]
fn assert_foreign(fault: &Fault, words: &str) {
    assert!(
        matches!(fault, Fault::ForeignAwait(why) if why.contains(words)),
        "{fault}"
    );
}

#[test]
fn to_wait_while_nothing_durable_is_open_is_a_fault() {
    let words = "no durable operation is open";
    let at_once = orchestrator(|_| pending::<()>());
    assert_foreign(&run(&at_once).faults(at(1), started()), words);
    let later = orchestrator(|ctx| async move {
        ctx.call_activity::<i32>("a", ()).await.unwrap();
        pending::<()>().await;
    });
    let fault = run(&later)
        .deliver(at(1), started(), waits().asks(0, call("a", "null")))
        .faults(at(2), history().completed(0, "1"));
    assert_foreign(&fault, words);
    let detached = orchestrator(|ctx| async move {
        ctx.call_activity::<i32>("a", ()).detach();
        pending::<()>().await;
    });
    assert_foreign(&run(&detached).faults(at(1), started()), words);
    let past = history().episode(at(1)).started("E", None);
    assert_foreign(&replay(&at_once, past).unwrap_err(), words);
}

#[test]
fn a_future_that_is_polled_after_its_end_is_found() {
    let program = orchestrator(|ctx| async move {
        let mut call = ctx.call_activity::<i32>("a", ());
        (&mut call).await.unwrap();
        call.await.unwrap()
    });
    let fault = run(&program)
        .deliver(at(1), started(), waits().asks(0, call("a", "null")))
        .faults(at(2), history().completed(0, "1"));
    assert_foreign(&fault, "no durable operation is open");
}

#[test]
fn to_await_nothing_of_what_is_open_is_a_fault() {
    let words = "nothing can wake it";
    let calls_and_waits = orchestrator(|ctx| async move {
        let _call = ctx.call_activity::<i32>("a", ());
        pending::<()>().await;
    });
    let again = orchestrator(|ctx| async move {
        let _open = ctx.wait_for_external_event_named::<i32>("go");
        let mut call = ctx.call_activity::<i32>("a", ());
        (&mut call).await.unwrap();
        call.await.unwrap()
    });
    for suspicious_awaits in [SuspiciousAwaits::Report, SuspiciousAwaits::SetAside] {
        let setup = |program| Setup::new(program).suspicious_awaits(suspicious_awaits);
        let fault = setup(&calls_and_waits).run().faults(at(1), started());
        assert_foreign(&fault, words);
        let fault = setup(&again)
            .run()
            .deliver(at(1), started(), waits().asks(0, call("a", "null")))
            .faults(at(2), history().completed(0, "1"));
        assert_foreign(&fault, words);
    }
}

#[test]
fn the_last_operation_that_was_finished_shows_the_way() {
    assert_foreign(
        &run(&orchestrator(|_| pending::<()>())).faults(at(1), started()),
        "it has not finished any durable operation",
    );
    let line = line!() + 2;
    let calls = orchestrator(|ctx| async move {
        let call = ctx.call_activity::<i32>("a", ());
        drop(ctx.create_timer(at(5)));
        call.await.unwrap();
        pending::<()>().await;
    });
    let fault = run(&calls)
        .deliver(
            at(1),
            started(),
            waits().asks(0, call("a", "null")).asks(1, timer(at(5))),
        )
        .faults(at(2), history().completed(0, "1"));
    let place = format!("finished is activity `a` at {}:{line}:", file!());
    assert_foreign(&fault, &place);
    let line = line!() + 2;
    let waits_for_event = orchestrator(|ctx| async move {
        let event = ctx.wait_for_external_event_named::<i32>("Go");
        event.await.unwrap();
        pending::<()>().await;
    });
    let fault = run(&waits_for_event)
        .deliver(at(1), started(), waits())
        .faults(at(2), history().raised("go", "1"));
    let place = format!("finished is the event `Go` at {}:{line}:", file!());
    assert_foreign(&fault, &place);
}

/// What an orchestrator might use of tokio, and the text that begins at the use.
#[expect(clippy::disallowed_methods, reason = "this is what must be found")]
fn timers_of_tokio() -> [(Program, &'static str); 2] {
    let duration = Duration::from_millis(1);
    [
        (
            orchestrator(move |_| tokio::time::sleep(duration)),
            "tokio::time::sleep(",
        ),
        (
            orchestrator(move |_| async move {
                drop(tokio::time::timeout(duration, pending::<()>()).await);
            }),
            "tokio::time::timeout(",
        ),
    ]
}

fn tasks_of_tokio() -> [(Program, &'static str); 4] {
    [
        (
            orchestrator(|_| async { drop(tokio::spawn(async {})) }),
            "tokio::spawn(",
        ),
        (
            orchestrator(|_| async { drop(tokio::task::spawn_blocking(|| ())) }),
            "tokio::task::spawn_blocking(",
        ),
        (
            orchestrator(|_| async { drop(tokio::task::spawn_local(async {})) }),
            "tokio::task::spawn_local(",
        ),
        (
            orchestrator(|_| async { drop(tokio::runtime::Handle::current()) }),
            "tokio::runtime::Handle::current(",
        ),
    ]
}

/// Checks that a fault names the place in this file that begins with this text.
#[track_caller]
fn assert_names(fault: &Fault, place: &str) {
    let told = fault.to_string();
    let (_, rest) = told.split_once(&format!(" at {}:", file!())).unwrap();
    let (line, column) = rest.split_once(':').unwrap();
    let digits = column.find(|c: char| !c.is_ascii_digit()).unwrap();
    let [line, column]: [usize; 2] =
        [line, &column[..digits]].map(|number| number.parse().unwrap());
    let line = include_str!("foreign_awaits.rs").lines().nth(line - 1);
    assert!(line.unwrap()[column - 1..].starts_with(place), "{told}");
}

#[test]
fn what_needs_an_async_runtime_is_a_fault_that_names_its_line() {
    for (program, place) in timers_of_tokio().into_iter().chain(tasks_of_tokio()) {
        let fault = run(&program).faults(at(1), started());
        assert_foreign(&fault, "belongs into an activity");
        assert_names(&fault, place);
    }
}

#[test]
fn what_panics_within_an_async_runtime_is_a_fault_too() {
    let program = orchestrator(|ctx| async move {
        ctx.call_activity::<i32>("a", ()).await.unwrap();
        tokio::time::interval(Duration::from_millis(1)).tick().await;
    });
    let fault = run(&program)
        .deliver(at(1), started(), waits().asks(0, call("a", "null")))
        .faults(at(2), history().completed(0, "1"));
    // The line that is told is one of tokio, so that the operation before shows the way.
    assert_foreign(&fault, "finished is activity `a` at ");
}

#[test]
fn a_timer_of_a_runtime_that_has_none_is_a_fault_that_names_its_line() {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.build().unwrap();
    let _entered = runtime.enter();
    for (program, place) in timers_of_tokio() {
        let fault = run(&program).faults(at(1), started());
        assert_foreign(&fault, "timers are disabled");
        assert_names(&fault, place);
    }
}

/// Loses a race, keeps another operation open, and then waits for what nobody inside sends.
fn races_and_waits(sent: &'static std::sync::Mutex<Option<oneshot::Sender<i32>>>) -> Program {
    orchestrator(move |ctx| async move {
        let kept = ctx.call_activity::<i32>("kept", ());
        let go = ctx.wait_for_external_event_named::<i32>("go");
        match select(ctx.call_activity::<i32>("a", ()), go).await {
            Either::Left((result, _)) => drop(result),
            Either::Right((event, _)) => drop(event),
        }
        let (send, receive) = oneshot::channel();
        *sent.lock().unwrap() = Some(send);
        let received = receive.await.unwrap();
        received + kept.await.unwrap()
    })
}

#[test]
fn to_await_something_else_than_what_is_open_is_suspicious() {
    static SENT: std::sync::Mutex<Option<oneshot::Sender<i32>>> = std::sync::Mutex::new(None);
    let words = "awaits none of the durable operations that are open, but something else";
    let asks = || {
        waits()
            .asks(0, call("kept", "null"))
            .asks(1, call("a", "null"))
    };
    let fault = run(&races_and_waits(&SENT))
        .deliver(at(1), started(), asks())
        .faults(at(2), history().raised("go", "1"));
    assert_foreign(&fault, words);
    assert_foreign(&fault, "finished is the event `go`");

    let mut run = Setup::new(&races_and_waits(&SENT))
        .suspicious_awaits(SuspiciousAwaits::Report)
        .run()
        .without_replays()
        .deliver(at(1), started(), asks());
    let episode = run.episode(at(2), history().raised("go", "1").build());
    assert!(episode.suspicion.unwrap().contains(words));
    // It is told once.
    let episode = run.episode(at(3), history().raised("go", "1").build());
    assert_eq!(episode.suspicion, None);
    assert_eq!(run.foreign_wakes(), 0);
    SENT.lock().unwrap().take().unwrap().send(1).unwrap();
    assert_eq!(run.foreign_wakes(), 1);
    let fault = run.live.woken_from_outside();
    assert_foreign(&fault, "from another thread or between episodes");
    assert_foreign(&fault, "finished is the event `go`");
}

#[test]
fn a_suspicion_is_not_told_by_a_replay_but_after_it() {
    static SENT: std::sync::Mutex<Option<oneshot::Sender<i32>>> = std::sync::Mutex::new(None);
    let past = history()
        .episode(at(1))
        .started("E", None)
        .scheduled(0, "kept", "null")
        .scheduled(1, "a", "null")
        .episode(at(2))
        .raised("go", "1");
    let setup = Setup::new(&races_and_waits(&SENT));
    assert_foreign(
        &setup.replay(&past.clone().build()).unwrap_err(),
        "but something else",
    );
    let reports = setup.suspicious_awaits(SuspiciousAwaits::Report);
    let mut replayed = reports.replay(&past.build()).unwrap();
    let mut new = history().raised("go", "1").build();
    let episode = replayed.deliver(at(3), &mut new).unwrap();
    assert!(episode.suspicion.is_some());
}

/// Waits for an event, and for what a thread sends.
fn waits_for_a_thread(sent: &'static std::sync::Mutex<Option<oneshot::Sender<i32>>>) -> Program {
    orchestrator(move |ctx| async move {
        let (send, receive) = oneshot::channel();
        *sent.lock().unwrap() = Some(send);
        let event = ctx.wait_for_external_event_named::<i32>("go");
        join(event, receive).await.1.unwrap()
    })
}

#[test]
fn a_wake_from_another_thread_or_between_episodes_is_reported() {
    static SENT: std::sync::Mutex<Option<oneshot::Sender<i32>>> = std::sync::Mutex::new(None);
    let run = run(&waits_for_a_thread(&SENT)).without_replays();
    let run = run.deliver(at(1), started(), waits());
    assert_eq!(run.foreign_wakes(), 0);
    SENT.lock().unwrap().take().unwrap().send(1).unwrap();
    assert_eq!(run.foreign_wakes(), 1);

    static OTHER: std::sync::Mutex<Option<oneshot::Sender<i32>>> = std::sync::Mutex::new(None);
    let run = Setup::new(&waits_for_a_thread(&OTHER))
        .run()
        .without_replays();
    let run = run.deliver(at(1), started(), waits());
    thread::spawn(|| OTHER.lock().unwrap().take().unwrap().send(1).unwrap())
        .join()
        .unwrap();
    assert_eq!(run.foreign_wakes(), 1);
}

#[test]
fn a_future_that_wakes_itself_for_ever_is_a_fault() {
    let forever = orchestrator(|ctx| async move {
        ctx.call_activity::<i32>("a", ()).await.unwrap();
        poll_fn(|cx| {
            cx.waker().wake_by_ref();
            Poll::<()>::Pending
        })
        .await;
    });
    let fault = run(&forever)
        .deliver(at(1), started(), waits().asks(0, call("a", "null")))
        .faults(at(2), history().completed(0, "1"));
    assert_eq!(fault, Fault::PollBound);
}

/// Gives way so many times.
pub(super) async fn yields(times: usize) {
    let mut left = times;
    poll_fn(|cx| {
        if left == 0 {
            return Poll::Ready(());
        }
        left -= 1;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

#[test]
fn a_future_that_wakes_itself_for_a_while_is_none() {
    run(&orchestrator(|ctx| async move {
        yields(9_000).await;
        ctx.call_activity::<i32>("a", ()).await.unwrap();
        yields(9_000).await;
    }))
    .deliver(at(1), started(), waits().asks(0, call("a", "null")))
    .deliver(at(2), history().completed(0, "1"), completes(1, "null"));
}
