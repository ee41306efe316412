//! Typed calls, errors and events, by the attributes and derives.

use serde::{Deserialize, Serialize};

use super::*;
use crate::prelude::*;
use crate::registration::{Function, Registered};

#[derive(DurableError, Debug, PartialEq, thiserror::Error, Serialize, Deserialize)]
enum GreetError {
    #[error("busy")]
    Busy,
    #[error("no such city: {0}")]
    #[no_retry]
    Unknown(String),
}

#[activity(name = "engine_tests_greet")]
async fn greet(city: String) -> Result<String, GreetError> {
    Err(GreetError::Unknown(city))
}

#[derive(ExternalEvent, Serialize, Deserialize)]
#[event(name = "Approved")]
struct Approved(bool);

#[derive(CustomStatus, Serialize)]
enum Progress {
    Waiting,
    Greeted { city: BoundedStr<32> },
}

#[orchestrator(name = "engine_tests_greets")]
async fn greets(
    ctx: OrchestrationContext<Progress>,
    cities: Vec<String>,
    strict: bool,
) -> Result<Vec<String>, GreetError> {
    let mut greetings = Vec::new();
    for city in cities {
        ctx.set_custom_status(Progress::Greeted {
            city: BoundedStr::truncated(city.clone()),
        });
        match ctx.call(greet(city)).await {
            Err(CallError::Returned {
                error: GreetError::Unknown(city),
                ..
            }) if !strict => greetings.push(format!("no {city}")),
            result => greetings.push(result?),
        }
    }
    ctx.set_custom_status(Progress::Waiting);
    match ctx.wait_for_external_event::<Approved>().await {
        Ok(Approved(true)) => Ok(greetings),
        _ => Err(GreetError::Busy),
    }
}

fn program<D: Registered>() -> Program {
    let Function::Orchestrator { start, .. } = D::REGISTRATION.function else {
        panic!("not an orchestrator");
    };
    Rc::new(move |execution, input| start(execution, input).map_err(|error| error.to_string()))
}

fn unknown() -> FailureDetails {
    GreetError::Unknown("Tokyo".into()).to_failure()
}

fn begin(input: &str) -> Run {
    run(&program::<greets>()).deliver(
        at(1),
        history().started("E", Some(input)),
        waits()
            .asks(0, call("engine_tests_greet", "\"Tokyo\""))
            .publishes(r#"{"Greeted":{"city":"Tokyo"}}"#),
    )
}

const LENIENT: &str = r#"[["Tokyo"],false]"#;
const STRICT: &str = r#"{"cities":["Tokyo"],"strict":true}"#;

#[test]
fn a_typed_sequence() {
    begin(LENIENT)
        .deliver(
            at(2),
            history().completed(0, "\"Hello\""),
            waits().publishes("\"Waiting\""),
        )
        .deliver(at(3), history().raised("other", "1"), waits())
        .deliver(
            at(4),
            history().raised("APPROVED", "true"),
            completes(1, r#"["Hello"]"#),
        );
}

#[test]
fn an_error_that_an_activity_returned_comes_back_typed() {
    begin(LENIENT)
        .deliver(
            at(2),
            history().failed(0, &unknown()),
            waits().publishes("\"Waiting\""),
        )
        .deliver(
            at(3),
            history().raised("approved", "\"true\""),
            completes(1, r#"["no Tokyo"]"#),
        );
}

#[test]
fn the_question_mark_returns_the_same_error() {
    begin(STRICT).deliver(at(2), history().failed(0, &unknown()), fails(1, &unknown()));
}

#[test]
fn a_failure_that_the_error_type_cannot_hold_is_uncaught_and_keeps_its_details() {
    let other = FailureDetails {
        inner_failure: Some(Box::new(FailureDetails::new("Inner", "disk"))),
        ..FailureDetails::new("Other", "lost")
    };
    let unreadable = FailureDetails {
        properties: serde_json::Map::new(),
        ..unknown()
    };
    for failure in [other, unreadable] {
        begin(LENIENT).deliver(at(2), history().failed(0, &failure), fails(1, &failure));
    }
}

#[test]
fn a_payload_of_another_type_is_an_error_for_the_author() {
    begin(LENIENT).deliver(
        at(2),
        history().completed(0, "\"Hello\"").raised("Approved", "7"),
        waits()
            .publishes("\"Waiting\"")
            .fails(1, &GreetError::Busy.to_failure()),
    );
}

#[test]
fn a_recorded_result_of_another_type_is_a_fault() {
    let fault = begin(LENIENT).faults(at(2), history().completed(0, "7"));
    assert_undecodable(
        &fault,
        "the recorded result of activity `engine_tests_greet`",
        "not of the type `alloc::string::String`: invalid type: integer `7`, expected a string",
    );
}

#[test]
fn an_input_of_another_type_is_a_fault() {
    let fault = run(&program::<greets>()).faults(at(1), history().started("E", Some("[[7],true]")));
    assert_eq!(
        fault,
        Fault::Undecodable {
            what: "the input".into(),
            message: "parameter `cities` at `[0]`: invalid type: integer `7`, expected a string"
                .into(),
        }
    );
}

#[test]
fn a_difference_from_history_names_the_line_of_the_call() {
    let past = history()
        .episode(at(1))
        .started("E", Some(LENIENT))
        .scheduled(0, "other", "1");
    let Err(Fault::NonDeterminism(error)) = replay(&program::<greets>(), past) else {
        panic!("no difference");
    };
    let location = error.location.unwrap();
    assert_eq!(location.file(), file!());
    assert!((30..60).contains(&location.line()), "{location}");
}
