//! Whatever an author asks for knows the line where that is written, and tells it to whoever looks for the line.

use std::time::Duration;

use super::*;
use crate::model::failure::kind;
use crate::prelude::*;
use crate::{ActivityByName, RetryPolicy, SubOrchestratorByName};

const SECOND: Duration = Duration::from_secs(1);

#[activity(name = "lines.plain")]
async fn plain(number: u32) -> Result<u32, String> {
    Err(number.to_string())
}

#[orchestrator(name = "lines.child")]
async fn child_of(_ctx: OrchestrationContext, number: u32) -> u32 {
    number
}

#[derive(ExternalEvent, Serialize, Deserialize)]
#[event(name = "Go")]
struct Go(u32);

/// Asks for this and waits for ever.
fn asks<F: 'static>(ask: impl Fn(&OrchestrationContext) -> F + 'static) -> Program {
    let ask = Rc::new(ask);
    orchestrator(move |ctx| {
        let ask = Rc::clone(&ask);
        async move {
            let _asked = ask(&ctx);
            ctx.wait_for_external_event_named::<()>("never")
                .await
                .is_ok()
        }
    })
}

/// Each verb that asks for an action first, with its line.
#[rustfmt::skip]
fn actions() -> Vec<(u32, Program)> {
    vec![
        (line!(), asks(|ctx| ctx.call(plain(1)))),
        (line!(), asks(|ctx| ctx.call(plain(1).retry(RetryPolicy::new(2, SECOND)).total_timeout(SECOND)))),
        (line!(), asks(|ctx| ctx.call(ActivityByName::<u8>::new("a").input(1)))),
        (line!(), asks(|ctx| ctx.call_activity::<u8>("a", ()))),
        (line!(), asks(|ctx| ctx.call(child_of(1)))),
        (line!(), asks(|ctx| ctx.call(child_of(1).id("child").total_timeout(SECOND)))),
        (line!(), asks(|ctx| ctx.call(SubOrchestratorByName::<u8>::new("C").input(1)))),
        (line!(), asks(|ctx| ctx.call_sub_orchestrator::<u8>("C", ()))),
        (line!(), asks(|ctx| ctx.create_timer(SECOND))),
        (line!(), asks(|ctx| ctx.timeout(SECOND, std::future::pending::<()>()))),
        (line!(), asks(|ctx| ctx.wait_for_external_event::<Go>().timeout(SECOND))),
        (line!(), asks(|ctx| ctx.send_event("x", &Go(1)).is_ok())),
        (line!(), asks(|ctx| ctx.send_event_named("x", "go", &1).is_ok())),
        (line!(), asks(|ctx| ctx.side_effect(|| 1))),
        (line!(), asks(|ctx| ctx.continue_as_new_with::<()>(1))),
        (line!(), asks(|ctx| ctx.join_all([1, 2].map(|number| ctx.call(plain(number)))))),
        (line!(), asks(|ctx| ctx.as_completed([1, 2].map(|number| ctx.call(plain(number)))))),
        #[cfg(feature = "call-http")]
        (line!(), asks(|ctx| ctx.call_http(crate::HttpRequest::get("http://localhost/")))),
    ]
}

#[track_caller]
fn assert_line(location: Option<&std::panic::Location<'_>>, line: u32) {
    let location = location.expect("the place is known");
    assert_eq!((location.file(), location.line()), (file!(), line));
}

#[test]
fn a_difference_names_the_line_that_asks() {
    for (line, program) in actions() {
        let past = history().episode(at(1)).started("E", None).ended(0, "1");
        let Fault::NonDeterminism(error) = replay(&program, past).unwrap_err() else {
            panic!("no difference at line {line}");
        };
        assert_line(error.location, line);
    }
}

#[test]
fn a_difference_names_the_line_that_went_before_when_nothing_is_asked_for() {
    #[rustfmt::skip]
    let programs = [
        (line!(), asks(|ctx| ctx.patched("a patch"))),
        (line!(), asks(|ctx| ctx.send_event_named("x", "go", &1).is_ok())),
    ];
    for (line, program) in programs {
        let mut run = run(&program);
        run.episode(at(1), started().build());
        let mut past = run.history;
        past.extend(history().episode(at(2)).ended(1, "1").build());
        let fault = Setup::new(&program).replay(&past).unwrap_err();
        let Fault::NonDeterminism(error) = fault else {
            panic!("{fault}");
        };
        assert_eq!(error.found, "no such action (the code asked for 1 so far)");
        assert_line(error.location, line);
    }
}

#[test]
fn what_is_waited_for_names_the_line_that_asked() {
    #[rustfmt::skip]
    let waits = vec![
        (line!(), asks(|ctx| ctx.wait_for_external_event::<Go>())),
        (line!(), asks(|ctx| ctx.wait_for_external_event_named::<u8>("Go"))),
        (line!(), asks(|ctx| ctx.wait_for_external_event_named::<u8>("Go").timeout(SECOND))),
    ];
    let operations = actions().into_iter();
    for (line, program) in waits.into_iter().chain(operations) {
        let mut run = run(&program);
        let episode = run.episode(at(1), started().build());
        for wait in run.live.waiting_on() {
            let kind = &wait.kind;
            if !matches!(kind, WaitingFor::Event { name } if name == "never") {
                assert_line(wait.location, line);
            }
        }
        let open = |action: &&OrchestratorAction| {
            use OrchestratorActionKind as Action;
            matches!(
                action.kind,
                Action::ScheduleTask { .. } | Action::CreateSubOrchestration { .. }
            )
        };
        let calls = episode.actions.iter().filter(open).count();
        assert!(run.live.waiting_on().len() >= calls, "line {line}");
    }
}

#[test]
fn a_retry_names_the_line_of_its_call() {
    let line = line!() + 3;
    let program = orchestrator(|ctx| async move {
        let retried = plain(1).retry(RetryPolicy::new(2, SECOND));
        ctx.call(retried).await.is_ok()
    });
    let mut run = run(&program);
    run.episode(at(1), started().build());
    run.episode(at(2), history().failed(0, &lost()).build());
    let [wait] = &*run.live.waiting_on() else {
        panic!("it waits for the next attempt");
    };
    assert!(matches!(wait.kind, WaitingFor::Retry { .. }));
    assert_line(wait.location, line);
}

#[cfg(feature = "call-http")]
#[test]
fn the_polls_of_an_http_request_name_its_line() {
    let line = line!() + 2;
    let program = orchestrator(|ctx| async move {
        let answer = ctx.call_http(crate::HttpRequest::get("http://localhost/"));
        answer.await.is_ok()
    });
    let mut run = run(&program);
    run.episode(at(1), started().build());
    let accepted =
        r#"{"status":202,"headers":{"location":["/job"]},"body":"","uri":"http://localhost/"}"#;
    run.episode(at(2), history().completed(0, accepted).build());
    let [wait] = &*run.live.waiting_on() else {
        panic!("it waits for the time of the poll");
    };
    assert!(matches!(wait.kind, WaitingFor::Timer { .. }), "{wait:?}");
    assert_line(wait.location, line);
    let due = run.live.next_timer().unwrap();
    run.episode(due, history().timer_fired(1, due).build());
    let [wait] = &*run.live.waiting_on() else {
        panic!("it waits for the poll");
    };
    assert!(matches!(wait.kind, WaitingFor::Activity { .. }), "{wait:?}");
    assert_line(wait.location, line);
}

#[test]
fn what_does_not_decode_names_the_line_that_asked_for_it() {
    let place = |line: u32| format!(" at {}:{line}:", file!());
    let line = line!() + 2;
    let program = orchestrator(|ctx| async move {
        let call = ctx.call_activity::<u32>("a", ());
        call.await.is_ok()
    });
    let fault = run(&program)
        .deliver(at(1), started(), waits().asks(0, call("a", "null")))
        .faults(at(2), history().completed(0, "true"));
    assert!(fault.to_string().contains(&place(line)), "{fault}");

    let line = line!() + 1;
    let program = orchestrator(|ctx| async move { ctx.side_effect(|| 7) });
    let past = history().episode(at(1)).started("E", None);
    let past = past.sent(0, "demo", "steadfast.side", Some("true"));
    let fault = replay(&program, past).unwrap_err();
    assert!(fault.to_string().contains(&place(line)), "{fault}");
}

/// The failed episode of an orchestrator whose first call fails.
fn fails_after(program: &Program, failed: History) -> Episode {
    let mut run = run(program);
    run.episode(at(1), started().build());
    let episode = run.episode(at(2), failed.build());
    assert_eq!(run.live.ended().unwrap().status, RuntimeStatus::Failed);
    episode
}

#[test]
fn a_failure_that_nobody_caught_is_told_with_the_line_of_its_call() {
    let place = |line: u32| format!(" at {}:{line}:", file!());
    let line = line!() + 2;
    let uncaught = outcome(|ctx| async move {
        let answer = ctx.call(plain(1)).await;
        match answer {
            Ok(_) => Ok("1".into()),
            Err(error) => std::panic::resume_unwind(Box::new(crate::engine::UncaughtFailure(
                error.failure().clone(),
            ))),
        }
    });
    let episode = fails_after(&uncaught, history().failed(0, &lost()));
    let told = episode.failed_at.unwrap();
    assert!(told.starts_with("activity `lines.plain`"), "{told}");
    assert!(told.contains(&place(line)), "{told}");

    let line = line!() + 2;
    let another = outcome(|ctx| async move {
        let child = ctx.call(child_of(1));
        child
            .await
            .map(|_| String::new())
            .map_err(|_| FailureDetails::new("Other", "other"))
    });
    let episode = fails_after(&another, history().child_failed(0, &lost()));
    let told = episode.failed_at.unwrap();
    let words = "the last call that failed is sub-orchestration `lines.child`";
    assert!(told.starts_with(words), "{told}");
    assert!(told.contains(&place(line)), "{told}");

    let line = line!() + 3;
    let panics = outcome(|ctx| async move {
        let answer = ctx.call(plain(1)).await;
        assert!(answer.is_ok(), "it must not fail");
        Ok(String::new())
    });
    let episode = fails_after(&panics, history().failed(0, &lost()));
    let told = episode.failed_at.unwrap();
    assert!(
        told.starts_with(&format!("a panic{}", place(line))),
        "{told}"
    );
}

/// A line is another one after every edit: what is recorded must not have any.
#[test]
fn no_line_is_recorded() {
    let panics = outcome(|ctx| async move {
        ctx.call(plain(1)).await.unwrap();
        Ok(String::new())
    });
    let episode = fails_after(&panics, history().failed(0, &lost()));
    let failure = episode.ended.unwrap().failure.unwrap();
    assert_eq!(failure.error_type, kind::PANIC);
    for text in [format!("{failure:?}"), format!("{:?}", episode.events)] {
        assert!(!text.contains(".rs"), "{text}");
    }
}
