//! What the typed surface makes of calls, events and continuing as new.

use std::time::Duration;

use super::*;
use crate::model::failure::kind;
use crate::prelude::*;
use crate::registration::{Function, Registered};
use crate::{ActivityByName, RetryPolicy, SubOrchestratorByName};

const SECOND: Duration = Duration::from_secs(1);

#[derive(DurableError, Debug, PartialEq, thiserror::Error, Serialize, Deserialize)]
enum GreetError {
    #[error("busy")]
    Busy,
    #[error("away for {0}")]
    Away(u32),
}

#[activity(
    name = "greet",
    retry(max_attempts = 2, first_interval = "1s"),
    timeout = "30s",
    total_timeout = "5m"
)]
async fn greet(city: String) -> Result<String, GreetError> {
    Err(GreetError::Away(city.len() as u32))
}

#[activity(name = "plain")]
async fn plain(number: u32) -> u32 {
    number
}

#[orchestrator(
    name = "child",
    version = "1.2",
    retry(max_attempts = 2, first_interval = "1s")
)]
async fn versioned(_ctx: OrchestrationContext, number: u32) -> Result<u32, GreetError> {
    Ok(number)
}

#[orchestrator(name = "unversioned")]
async fn unversioned(_ctx: OrchestrationContext) -> u32 {
    7
}

const ATTRIBUTE: &str = r#"{"max_attempts":2,"first_interval":1000000}"#;
const GIVEN: &str = r#"{"max_attempts":3,"first_interval":5000000}"#;

fn given() -> RetryPolicy {
    RetryPolicy::new(3, 5 * SECOND)
}

fn default_child(action: i32) -> String {
    format!("{EXECUTION}:{action:04x}")
}

/// A child with everything that can be said of one.
fn whole_child(
    id: &str,
    name: &str,
    version: Option<&str>,
    input: Option<&str>,
    tags: &[(&str, &str)],
) -> OrchestratorActionKind {
    OrchestratorActionKind::CreateSubOrchestration {
        instance_id: instance(id),
        name: name.into(),
        version: version.map(Into::into),
        input: input.map(Into::into),
        tags: tags_of(tags),
    }
}

/// Makes these calls and waits for ever.
fn makes<F: 'static>(calls: impl Fn(&OrchestrationContext) -> F + 'static) -> Program {
    let calls = Rc::new(calls);
    orchestrator(move |ctx| {
        let calls = Rc::clone(&calls);
        async move {
            let _calls = calls(&ctx);
            ctx.wait_for_external_event_named::<()>("never")
                .await
                .is_ok()
        }
    })
}

#[test]
fn what_an_attribute_states_is_in_force_and_a_call_says_otherwise() {
    let program = makes(|ctx| {
        let greet = || greet("Tokyo".into());
        (
            ctx.call(greet()),
            ctx.call(
                greet()
                    .retry(given())
                    .timeout(SECOND)
                    .total_timeout(2 * SECOND),
            ),
            ctx.call(greet().no_retry().tag("customer", "7").tag("customer", "8")),
        )
    });
    let tagged = |tags| tagged_call("greet", "\"Tokyo\"", tags);
    run(&program).deliver(
        at(1),
        started(),
        waits()
            .asks(
                0,
                tagged(&[
                    ("steadfast.retry", ATTRIBUTE),
                    ("steadfast.timeout", "30000000"),
                    ("steadfast.total_timeout", "300000000"),
                ]),
            )
            .asks(1, timer(at(301)))
            .asks(
                2,
                tagged(&[
                    ("steadfast.retry", GIVEN),
                    ("steadfast.timeout", "1000000"),
                    ("steadfast.total_timeout", "2000000"),
                ]),
            )
            .asks(3, timer(at(3)))
            .asks(
                4,
                tagged(&[
                    ("customer", "8"),
                    ("steadfast.timeout", "30000000"),
                    ("steadfast.total_timeout", "300000000"),
                ]),
            )
            .asks(5, timer(at(301))),
    );
}

#[test]
fn a_call_by_name_says_the_same() {
    let program = makes(|ctx| {
        let call = ActivityByName::<u32>::new("a").retry(given());
        (
            ctx.call(
                call.input((1, "x"))
                    .timeout(SECOND)
                    .total_timeout(2 * SECOND),
            ),
            ctx.call(
                ActivityByName::<u32>::new("a")
                    .json_input(Some(" 7 ".into()))
                    .tag("a", "b"),
            ),
            ctx.call(
                SubOrchestratorByName::<u32>::new("o")
                    .input(7)
                    .id("mine")
                    .version("2.0")
                    .retry(given())
                    .total_timeout(SECOND)
                    .tag("a", "b"),
            ),
            ctx.call_sub_orchestrator::<u32>("o", ()),
        )
    });
    let options = [
        ("steadfast.retry", GIVEN),
        ("steadfast.timeout", "1000000"),
        ("steadfast.total_timeout", "2000000"),
    ];
    let child_options = [
        ("a", "b"),
        ("steadfast.retry", GIVEN),
        ("steadfast.total_timeout", "1000000"),
    ];
    run(&program).deliver(
        at(1),
        started(),
        waits()
            .asks(0, tagged_call("a", r#"[1,"x"]"#, &options))
            .asks(1, timer(at(3)))
            .asks(2, tagged_call("a", " 7 ", &[("a", "b")]))
            .asks(
                3,
                whole_child("mine", "o", Some("2.0"), Some("7"), &child_options),
            )
            .asks(4, timer(at(2)))
            .asks(
                5,
                whole_child(&default_child(5), "o", None, Some("null"), &[]),
            ),
    );
}

#[test]
fn a_typed_child_is_of_the_version_of_its_definition() {
    let program = makes(|ctx| {
        let calls = (
            ctx.call(versioned(1)),
            ctx.call(versioned(2).id("mine").tag("a", "b").no_retry()),
            ctx.call(
                versioned(3)
                    .retry(given())
                    .id("other")
                    .total_timeout(SECOND),
            ),
            ctx.call(unversioned()),
        );
        assert_eq!(calls.0.instance_id().as_str(), default_child(0));
        assert_eq!(calls.1.instance_id().as_str(), "mine");
        calls
    });
    let total = [
        ("steadfast.retry", GIVEN),
        ("steadfast.total_timeout", "1000000"),
    ];
    let version = Some("1.2");
    run(&program).deliver(
        at(1),
        started(),
        waits()
            .asks(
                0,
                whole_child(
                    &default_child(0),
                    "child",
                    version,
                    Some("1"),
                    &[("steadfast.retry", ATTRIBUTE)],
                ),
            )
            .asks(
                1,
                whole_child("mine", "child", version, Some("2"), &[("a", "b")]),
            )
            .asks(2, whole_child("other", "child", version, Some("3"), &total))
            .asks(3, timer(at(2)))
            .asks(
                4,
                whole_child(&default_child(4), "unversioned", Some(""), None, &[]),
            ),
    );
}

#[test]
fn the_caller_decides_by_the_typed_error_whether_to_try_again() {
    let program = orchestrator(|ctx| async move {
        let is_busy = |error: &CallError<GreetError>| error.returned() == Some(&GreetError::Busy);
        let call = greet("Tokyo".into()).retry(given()).retry_if(is_busy);
        match ctx
            .call(call.timeout(SECOND).total_timeout(1_000 * SECOND))
            .await
        {
            Err(CallError::Returned { error, .. }) => error.to_string(),
            other => format!("{other:?}"),
        }
    });
    let attempt = |tags: &[(&str, &str)]| {
        let mut all = vec![
            ("steadfast.retry", GIVEN),
            ("steadfast.timeout", "1000000"),
            ("steadfast.total_timeout", "1000000000"),
        ];
        all.extend(tags);
        tagged_call("greet", "\"Tokyo\"", &all)
    };
    run(&program)
        .deliver(
            at(1),
            started(),
            waits().asks(0, attempt(&[])).asks(1, timer(at(1_001))),
        )
        .deliver(
            at(2),
            history().failed(0, &GreetError::Busy.to_failure()),
            waits().asks(2, timer(at(7))),
        )
        .deliver(
            at(7),
            history().timer_fired(2, at(7)),
            waits().asks(
                3,
                attempt(&[("steadfast.attempt", "2"), ("steadfast.first", "0")]),
            ),
        )
        .deliver(
            at(8),
            history().failed(3, &GreetError::Away(9).to_failure()),
            completes(4, r#""away for 9""#),
        );
}

#[test]
fn a_condition_without_a_policy_is_a_mistake_that_is_told() {
    let told = |name: &str| {
        FailureDetails::new(
            kind::PANIC,
            format!(
                "the call of `{name}` says `.retry_if(..)`, but nothing says how often and when to try again: add \
                 `.retry(policy)`"
            ),
        )
    };
    let programs = [
        ("plain", makes(|ctx| ctx.call(plain(7).retry_if(|_| true)))),
        (
            "a",
            makes(|ctx| ctx.call(ActivityByName::<u8>::new("a").retry_if(|_| true))),
        ),
        (
            "unversioned",
            makes(|ctx| ctx.call(unversioned().retry_if(|_| true))),
        ),
        (
            "child",
            makes(|ctx| ctx.call(versioned(7).no_retry().retry_if(|_| true))),
        ),
        (
            "o",
            makes(|ctx| ctx.call(SubOrchestratorByName::<u8>::new("o").retry_if(|_| true))),
        ),
    ];
    for (name, program) in programs {
        run(&program).deliver(at(1), started(), fails(0, &told(name)));
    }
}

#[test]
fn what_cannot_be_called_fails_and_asks_for_nothing() {
    let program = orchestrator(|ctx| async move {
        let child = ctx.call(versioned(1).id("a/b"));
        // Nobody has this id, and no later child will.
        assert_eq!(
            child.instance_id().as_str(),
            format!("{EXECUTION}:ffffffff")
        );
        let bad_id = child.await.unwrap_err();
        let bad_tag = ctx
            .call(plain(1).tag("Steadfast.retry", "x"))
            .await
            .unwrap_err();
        assert!(bad_id.failure().is_non_retriable && bad_tag.failure().is_non_retriable);
        [
            bad_id.failure().error_type.clone(),
            bad_id.to_string(),
            bad_tag.failure().error_type.clone(),
        ]
    });
    let id = "instance id `a/b` has the character '/'; `/`, `\\\\`, `#`, `?` and control characters are not allowed";
    run(&program).deliver(
        at(1),
        started(),
        completes(
            0,
            &format!(r#"["steadfast.InstanceId","`child` failed: {id}","steadfast.Reserved"]"#),
        ),
    );
}

#[test]
fn a_failure_says_what_failed_and_an_error_speaks_for_itself() {
    let program = orchestrator(|ctx| async move {
        let errors = ctx
            .join_all([ctx.call(versioned(1)), ctx.call(versioned(2))])
            .await;
        let plain = ctx.call(plain(3)).await.unwrap_err();
        let mut texts: Vec<_> = errors
            .into_iter()
            .map(|error| error.unwrap_err().to_string())
            .collect();
        texts.extend([plain.is_timeout().to_string(), plain.to_string()]);
        texts
    });
    let call = |id, number| {
        whole_child(
            &default_child(id),
            "child",
            Some("1.2"),
            Some(number),
            &[("steadfast.retry", ATTRIBUTE)],
        )
    };
    let is_final = |failure| FailureDetails {
        is_non_retriable: true,
        ..failure
    };
    let terminated = FailureDetails::new(kind::TERMINATED, "it was terminated");
    run(&program)
        .deliver(
            at(1),
            started(),
            waits().asks(0, call(0, "1")).asks(1, call(1, "2")),
        )
        .deliver(
            at(2),
            history()
                .child_failed(1, &is_final(terminated))
                .child_failed(0, &is_final(GreetError::Busy.to_failure())),
            waits().asks(2, super::call("plain", "3")),
        )
        .deliver(
            at(3),
            history().failed(2, &FailureDetails::new(kind::TIMEOUT, "too slow")),
            completes(
                3,
                r#"["busy","`child` failed: it was terminated","true","`plain` failed: too slow"]"#,
            ),
        );
}

#[test]
fn a_recorded_output_of_another_type_is_a_fault() {
    let program = orchestrator(|ctx| async move { ctx.call(unversioned()).await.unwrap() });
    let fault = run(&program)
        .deliver(
            at(1),
            started(),
            waits().asks(
                0,
                whole_child(&default_child(0), "unversioned", Some(""), None, &[]),
            ),
        )
        .faults(at(2), history().child_completed(0, "\"x\""));
    assert_undecodable(
        &fault,
        "the recorded result of orchestrator `unversioned`",
        "not of the type `u32`: invalid type: string \"x\", expected u32",
    );
}

#[test]
fn a_detached_child_goes_on() {
    let program = orchestrator(|ctx| async move {
        ctx.call(unversioned().id("mine")).detach();
        ctx.create_timer(at(5)).await;
    });
    run(&program)
        .deliver(
            at(1),
            started(),
            waits()
                .asks(0, whole_child("mine", "unversioned", Some(""), None, &[]))
                .asks(1, timer(at(5))),
        )
        .deliver(at(5), history().timer_fired(1, at(5)), completes(2, "null"));
}

#[derive(ExternalEvent, Serialize, Deserialize)]
#[event(name = "Approved")]
struct Approved(bool);

#[test]
fn events_are_sent_and_what_cannot_be_sent_is_an_error() {
    let program = outcome(|ctx| async move {
        ctx.send_event("other", &Approved(true)).unwrap();
        ctx.send_event_named(ctx.instance_id(), "text", "hello")
            .unwrap();
        let errors = [
            ctx.send_event_named("a#b", "x", &1).unwrap_err(),
            ctx.send_event_named("other", "Steadfast.side", &1)
                .unwrap_err(),
            ctx.send_event_named(
                "other",
                "map",
                &std::collections::BTreeMap::from([((1, 2), 3)]),
            )
            .unwrap_err(),
        ];
        let kinds = errors
            .each_ref()
            .map(|error| error.failure().error_type.clone());
        assert_eq!(kinds, [kind::INSTANCE_ID, kind::RESERVED, kind::ENCODE]);
        Err(errors.into_iter().next_back().unwrap().into_failure())
    });
    let failure = FailureDetails {
        is_non_retriable: true,
        ..FailureDetails::new(
            kind::ENCODE,
            "the payload of the event cannot be encoded as JSON: key must be a string",
        )
    };
    run(&program).deliver(
        at(1),
        started(),
        waits()
            .asks(0, send("other", "Approved", "true"))
            .asks(1, send("demo", "text", "\"hello\""))
            .fails(2, &failure),
    );
}

#[orchestrator(name = "hurried")]
async fn hurried(ctx: OrchestrationContext) -> Result<String, GreetError> {
    let call = ctx.call(greet("Tokyo".into()).no_retry());
    Ok(ctx.timeout(SECOND, call).await??)
}

#[test]
fn the_end_of_the_time_goes_through_the_question_mark() {
    let Function::Orchestrator { start, .. } = hurried::REGISTRATION.function else {
        panic!("not an orchestrator");
    };
    let program: Program =
        Rc::new(move |execution, input| start(execution, input).map_err(|error| error.to_string()));
    let mut run = run(&program);
    run.episode(at(1), started().build());
    let fired = history().timer_fired(2, at(2));
    let ended = run.episode(at(2), fired.build()).ended.unwrap();
    let failure = FailureDetails::new(kind::TIMEOUT, format!("timed out at {}", at(2)));
    assert_eq!(ended.failure, Some(failure));
}

#[orchestrator(name = "e")]
async fn same(ctx: OrchestrationContext, count: u32) -> u32 {
    let _ = ctx;
    count
}

#[orchestrator(name = "E", version = "2")]
async fn same_in_version_2(ctx: OrchestrationContext, count: u32) -> u32 {
    let _ = ctx;
    count
}

/// Runs a program as this version of `E`.
fn as_version(program: &Program, version: Option<&str>) -> Run {
    let mut setup = Setup::new(program);
    setup.info.version = version.map(Into::into);
    setup.run()
}

#[test]
fn the_next_execution_has_the_version_of_the_call() {
    let typed = orchestrator(|ctx| async move { ctx.continue_as_new::<_, u32>(same(1)).await });
    let other = orchestrator(|ctx| async move {
        assert_eq!(ctx.version(), Some("1"));
        ctx.continue_as_new::<_, u32>(same_in_version_2(1)).await
    });
    let untyped = orchestrator(|ctx| async move { ctx.continue_as_new_with::<u32>(1).await });
    for (program, before, after) in [
        (&typed, None, None),
        (&typed, Some("1"), Some("")),
        (&other, Some("1"), Some("2")),
        (&untyped, Some("1"), None),
        (&untyped, None, None),
    ] {
        as_version(program, before).deliver(
            at(1),
            started(),
            waits().continues(0, "1", after, history()),
        );
    }
}

#[test]
fn only_the_same_instance_continues_as_new() {
    let other =
        orchestrator(|ctx| async move { ctx.continue_as_new::<_, u32>(versioned(1)).await });
    let named =
        orchestrator(|ctx| async move { ctx.continue_as_new::<_, u32>(same(1).id("x")).await });
    let tagged =
        orchestrator(
            |ctx| async move { ctx.continue_as_new::<_, u32>(same(1).tag("a", "b")).await },
        );
    let keeps = "instance `demo` keeps its id and tags when it continues as new: the call of `E` cannot state others";
    for (program, message) in [
        (
            other,
            "instance `demo` is an orchestration of `E` and cannot continue as `child`",
        ),
        (named, keeps),
        (tagged, keeps),
    ] {
        let failure = FailureDetails::new(kind::PANIC, message);
        run(&program).deliver(at(1), started(), fails(0, &failure));
    }
}

#[test]
fn a_side_effect_is_produced_once() {
    let produced = Rc::new(std::cell::Cell::new(0));
    let counted = Rc::clone(&produced);
    let program = orchestrator(move |ctx| {
        let counted = Rc::clone(&counted);
        async move {
            let value = ctx.side_effect(|| {
                counted.set(counted.get() + 1);
                (counted.get(), "x".to_owned())
            });
            ctx.create_timer(at(5)).await;
            value
        }
    });
    let run = run(&program).without_replays().deliver(
        at(1),
        started(),
        waits()
            .asks(0, send("demo", "steadfast.side", r#"[1,"x"]"#))
            .asks(1, timer(at(5))),
    );
    run.check_replay();
    run.deliver(
        at(5),
        history().timer_fired(1, at(5)),
        completes(2, r#"[1,"x"]"#),
    )
    .check_replay();
    assert_eq!(produced.get(), 1);
}

/// A value that is written as one type and read as another.
#[derive(Debug)]
struct Unreadable;

impl Serialize for Unreadable {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(7)
    }
}

impl<'de> Deserialize<'de> for Unreadable {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        bool::deserialize(deserializer).map(|_| Self)
    }
}

#[test]
fn a_side_effect_that_does_not_read_back_fails_the_orchestration_and_changed_code_is_a_fault() {
    let program = orchestrator(|ctx| async move {
        ctx.side_effect(|| Unreadable);
    });
    let failure = FailureDetails::new(
        kind::DECODE,
        "the value of a side effect cannot be read back: invalid type: integer `7`, expected a boolean",
    );
    let recorded = serde_json::to_string(&failure).unwrap();
    run(&program).deliver(
        at(1),
        started(),
        waits()
            .asks(0, send("demo", "steadfast.refused", &recorded))
            .fails(1, &failure),
    );
    let past =
        history()
            .episode(at(1))
            .started("E", None)
            .sent(0, "demo", "steadfast.side", Some("7"));
    assert_undecodable(
        &replay(&program, past).unwrap_err(),
        "the value of a side effect that was recorded",
        "invalid type: integer `7`, expected a boolean",
    );
}

#[test]
fn the_length_of_history_is_the_same_on_every_replay() {
    let program = orchestrator(|ctx| async move {
        let mut lengths = vec![ctx.history_length()];
        for second in [5, 6] {
            ctx.create_timer(at(second)).await;
            lengths.push(ctx.history_length());
        }
        (lengths, ctx.is_history_long(), ctx.patched("new"))
    });
    let patch = OrchestratorActionKind::SendEvent {
        instance_id: instance("demo"),
        name: "steadfast.patch:new".into(),
        data: None,
    };
    run(&program)
        .deliver(at(1), started(), waits().asks(0, timer(at(5))))
        .deliver(
            at(5),
            history().timer_fired(0, at(5)),
            waits().asks(1, timer(at(6))),
        )
        .deliver(
            at(6),
            history().timer_fired(1, at(6)),
            waits().asks(2, patch).completes(3, "[[2,5,8],false,true]"),
        );
}

#[test]
fn calls_name_the_line_of_the_caller() {
    let past = history()
        .episode(at(1))
        .started("E", None)
        .scheduled(0, "other", "1");
    let programs = [
        (line!(), makes(|ctx| ctx.call(plain(1)))),
        (
            line!(),
            makes(|ctx| ctx.call(ActivityByName::<u8>::new("a"))),
        ),
        (line!(), makes(|ctx| ctx.call_activity::<u8>("a", ()))),
        (line!(), makes(|ctx| ctx.call(unversioned()))),
        (line!(), makes(|ctx| ctx.call(unversioned().no_retry()))),
        (
            line!(),
            makes(|ctx| ctx.call_sub_orchestrator::<u8>("a", ())),
        ),
        (line!(), makes(|ctx| ctx.send_event("x", &Approved(true)))),
        (
            line!(),
            makes(|ctx| ctx.timeout(SECOND, std::future::pending::<()>())),
        ),
        (
            line!(),
            makes(|ctx| ctx.wait_for_external_event::<Approved>().timeout(SECOND)),
        ),
        (line!(), makes(|ctx| ctx.side_effect(|| 1))),
    ];
    for (line, program) in programs {
        let Err(Fault::NonDeterminism(error)) = replay(&program, past.clone()) else {
            panic!("no difference at line {line}");
        };
        let location = error.location.unwrap();
        assert_eq!(location.file(), file!());
        assert!((line..line + 4).contains(&location.line()), "{location}");
    }
}
