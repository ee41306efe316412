//! The custom status, of a context without a status type.

use serde_json::{Value, json};

use super::*;
use crate::model::custom_status::CustomStatusError;

/// Sets, in each episode that an event begins, the values that the event carries.
fn follows_events() -> Program {
    orchestrator(|ctx| async move {
        loop {
            let values: Vec<Value> = ctx.wait_for_external_event_named("set").await.unwrap();
            for value in values {
                match value.as_str() {
                    Some("clear") => ctx.clear_custom_status(),
                    Some("end") => return,
                    _ => ctx.set_custom_status(value).unwrap(),
                }
            }
        }
    })
}

fn set(values: &str) -> History {
    history().raised("set", values)
}

#[test]
fn the_status_is_untouched_set_or_cleared() {
    run(&follows_events())
        .deliver(at(1), started(), waits())
        .deliver(at(2), set(r#"["clear"]"#), waits())
        .deliver(at(3), set("[1]"), waits().publishes("1"))
        .deliver(at(4), set("[]"), waits())
        .deliver(at(5), set("[1]"), waits())
        .deliver(at(6), set("[2,3]"), waits().publishes("3"))
        .deliver(at(7), set("[4,3]"), waits())
        .deliver(at(8), set(r#"["clear",3]"#), waits())
        .deliver(at(9), set(r#"[4,"clear"]"#), waits().clears())
        .deliver(at(10), set("[5,null]"), waits())
        .deliver(
            at(11),
            set("[6]").raised("set", "[7]"),
            waits().publishes("7"),
        )
        .deliver(at(12), set("[null]"), waits().clears())
        .deliver(
            at(13),
            set(r#"[{"done":1},"end"]"#),
            completes(0, "null").publishes(r#"{"done":1}"#),
        );
}

#[test]
fn falsy_values_are_values() {
    let mut run = run(&follows_events()).deliver(at(1), started(), waits());
    for value in ["0", "false", r#""""#, "[]", "{}"] {
        run = run.deliver(at(2), set(&format!("[{value}]")), waits().publishes(value));
    }
}

#[test]
fn an_execution_begins_with_its_initial_status() {
    let begin = || Setup::new(&follows_events()).status(r#""old""#).run();
    let run = begin().deliver(at(1), started(), waits());
    assert_eq!(run.live.custom_status().unwrap().as_json(), r#""old""#);
    run.deliver(at(2), set(r#"["old"]"#), waits())
        .deliver(at(3), set(r#"["clear"]"#), waits().clears())
        .deliver(at(4), set(r#"["old"]"#), waits().publishes(r#""old""#));
    begin().deliver(
        at(1),
        started().raised("set", "[1]"),
        waits().publishes("1"),
    );
}

#[test]
fn the_code_reads_back_what_it_set_on_replay_as_live() {
    let program = orchestrator(|ctx| async move {
        let read = |ctx: &OrchestrationContext| {
            ctx.custom_status()
                .map(|status| status.decode::<Value>().unwrap())
        };
        let mut seen = vec![read(&ctx)];
        for value in [json!(1), json!(null), json!({"a": 2})] {
            ctx.wait_for_external_event_named::<i32>("go")
                .await
                .unwrap();
            seen.push(read(&ctx));
            ctx.set_custom_status(value).unwrap();
            seen.push(read(&ctx));
        }
        seen
    });
    Setup::new(&program)
        .status(r#""initial""#)
        .run()
        .deliver(at(1), started(), waits())
        .deliver(at(2), history().raised("go", "1"), waits().publishes("1"))
        .deliver(at(3), history().raised("go", "1"), waits().clears())
        .deliver(
            at(4),
            history().raised("go", "1"),
            completes(0, r#"["initial","initial",1,1,null,null,{"a":2}]"#).publishes(r#"{"a":2}"#),
        );
}

#[test]
fn a_status_that_is_too_large_keeps_the_previous_one() {
    let program = orchestrator(|ctx| async move {
        ctx.set_custom_status("x".repeat(8_190)).unwrap();
        ctx.set_custom_status("fits").unwrap();
        let error = ctx.set_custom_status("x".repeat(8_191)).unwrap_err();
        let size = match error {
            CustomStatusError::TooLarge { actual, limit } => (actual, limit),
            other => panic!("{other}"),
        };
        ctx.wait_for_external_event_named::<i32>("go")
            .await
            .unwrap();
        (size, ctx.custom_status().unwrap().as_json().to_owned())
    });
    run(&program)
        .deliver(at(1), started(), waits().publishes(r#""fits""#))
        .deliver(
            at(2),
            history().raised("go", "1"),
            completes(0, r#"[[16386,16384],"\"fits\""]"#),
        );
}

#[test]
fn a_failing_orchestrator_keeps_the_status_of_its_last_episode() {
    let failure = FailureDetails::new("Lost", "lost");
    let details = failure.clone();
    run(&outcome(move |ctx| {
        let failure = failure.clone();
        async move {
            ctx.set_custom_status("failing").unwrap();
            Err(failure)
        }
    }))
    .deliver(
        at(1),
        started(),
        fails(0, &details).publishes(r#""failing""#),
    );
}
