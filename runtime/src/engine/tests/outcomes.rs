//! How executions end.

use super::*;
use crate::__private::{UncaughtFailure, uncaught};
use crate::model::failure;

fn waits_and(then: impl Fn() -> Outcome + 'static) -> Program {
    let then = Rc::new(then);
    outcome(move |ctx| {
        let then = Rc::clone(&then);
        async move {
            ctx.call_activity::<i32>("a", ()).await.unwrap();
            then()
        }
    })
}

fn begin(setup: Setup) -> Run {
    setup
        .run()
        .deliver(at(1), started(), waits().asks(0, call("a", "null")))
}

#[test]
fn an_error_fails_the_execution_with_its_details() {
    let failure = FailureDetails::new("Lost", "lost");
    let details = failure.clone();
    begin(Setup::new(&waits_and(move || Err(failure.clone())))).deliver(
        at(2),
        history().completed(0, "1"),
        fails(1, &details),
    );
}

#[track_caller]
fn assert_panicked(fault: &Fault, message: &str, line: u32) {
    let Fault::Panicked(told) = fault else {
        panic!("{fault}");
    };
    let place = format!("{message} at {}:{line}:", file!());
    assert!(told.starts_with(&place), "{told}");
}

#[test]
fn a_panic_fails_the_execution_or_sets_it_aside() {
    let line = line!() + 1;
    let program = waits_and(|| panic!("lost {}", 7));
    let failure = FailureDetails::new(failure::kind::PANIC, "lost 7");
    begin(Setup::new(&program)).deliver(at(2), history().completed(0, "1"), fails(1, &failure));
    let fault = begin(Setup::new(&program).panics(Panics::SetAside))
        .faults(at(2), history().completed(0, "1"));
    assert_panicked(&fault, "lost 7", line);
}

#[test]
fn a_panic_before_the_first_await_is_a_panic() {
    let line = line!() + 1;
    let program: Program = Rc::new(|_, _| panic!("at once"));
    let failure = FailureDetails::new(failure::kind::PANIC, "at once");
    run(&program).deliver(at(1), started(), fails(0, &failure));
    let fault = Setup::new(&program)
        .panics(Panics::SetAside)
        .run()
        .faults(at(1), started());
    assert_panicked(&fault, "at once", line);
}

#[test]
fn a_panic_may_have_any_payload() {
    let program = waits_and(|| std::panic::panic_any(7));
    let failure = FailureDetails::new(failure::kind::PANIC, "a panic without a message");
    begin(Setup::new(&program)).deliver(at(2), history().completed(0, "1"), fails(1, &failure));
}

#[test]
fn an_uncaught_failure_keeps_its_details_whatever_the_policy_for_panics() {
    let failure = FailureDetails {
        inner_failure: Some(Box::new(FailureDetails::new("Inner", "disk"))),
        is_non_retriable: true,
        ..FailureDetails::new("Outer", "busy")
    };
    let details = failure.clone();
    let program = waits_and(move || uncaught(failure.clone()));
    for panics in [Panics::Fail, Panics::SetAside] {
        begin(Setup::new(&program).panics(panics)).deliver(
            at(2),
            history().completed(0, "1"),
            fails(1, &details),
        );
    }
}

#[test]
fn an_uncaught_failure_can_still_be_caught_by_hand() {
    run(&orchestrator(|_| async {
        let caught = std::panic::catch_unwind(|| uncaught(FailureDetails::new("Outer", "busy")));
        let UncaughtFailure(details) = *caught.unwrap_err().downcast().unwrap();
        details.error_message
    }))
    .deliver(at(1), started(), completes(0, r#""busy""#));
}

#[test]
fn an_input_that_does_not_decode_is_a_fault() {
    let program: Program = Rc::new(|_, input| Err(format!("cannot read {input:?}")));
    let fault = run(&program).faults(at(1), history().started("E", Some("7")));
    assert_eq!(
        fault,
        Fault::Undecodable {
            what: "the input".into(),
            message: "cannot read Some(\"7\")".into(),
        }
    );
}

#[test]
fn a_termination_ends_the_execution() {
    let mut run = begin(Setup::new(&waits_and(|| Ok("1".into()))));
    let new = history().terminated("\"enough\"").completed(0, "1");
    let episode = run.episode(at(2), new.all_at(at(2)).build());
    // The same as without running the orchestrator.
    let expected = Episode::terminated(at(2), Some("\"enough\"".into()), false);
    assert_eq!(episode, expected);
    let replayed = run.setup.replay(&run.history).unwrap();
    assert_eq!(replayed.ended(), expected.ended.as_ref());
}

#[test]
fn a_destructor_that_panics_does_not_change_the_end() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("from a destructor");
        }
    }
    /// A future that keeps its bomb after it is ready.
    struct Ready(#[allow(dead_code, reason = "dropped with the future")] Bomb);
    impl Future for Ready {
        type Output = Outcome;

        fn poll(
            self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Outcome> {
            std::task::Poll::Ready(Ok("1".into()))
        }
    }
    run(&outcome(|_| Ready(Bomb))).deliver(at(1), started(), completes(0, "1"));
}
