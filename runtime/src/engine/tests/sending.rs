//! Events that an orchestrator sends.

use super::*;
use crate::model::failure::kind;

fn sends(name: &'static str) -> Program {
    with_handle(move |ctx| async move {
        let sent = ctx.send_event(&instance("other"), name, json("1"));
        let nothing = ctx.send_event(&instance("demo"), "self", Ok(None));
        ctx.wait_for_external_event("go").await;
        (sent.map_err(|failure| failure.error_type), nothing.is_ok())
    })
}

#[test]
fn an_event_is_sent_at_the_call() {
    let to_self = OrchestratorActionKind::SendEvent {
        instance_id: instance("demo"),
        name: "self".into(),
        data: None,
    };
    run(&sends("Hello"))
        .deliver(
            at(1),
            started(),
            waits()
                .asks(0, send("other", "Hello", "1"))
                .asks(1, to_self),
        )
        .deliver(
            at(2),
            history().raised("self", "null").raised("go", "1"),
            completes(2, r#"[{"Ok":null},true]"#),
        )
        .recorded(
            history()
                .episode(at(1))
                .started("E", None)
                .sent(0, "other", "Hello", Some("1"))
                .sent(1, "demo", "self", None)
                .episode(at(2))
                .raised("self", "null")
                .raised("go", "1")
                .ended(2, r#"[{"Ok":null},true]"#),
        );
}

#[test]
fn a_payload_that_cannot_be_encoded_and_a_reserved_name_send_nothing() {
    let program = with_handle(|ctx| async move {
        let other = instance("other");
        let encode = ctx.send_event(&other, "hello", Err(lost()));
        let reserved = ctx.send_event(&other, "STEADFAST.side", json("1"));
        assert_eq!(encode, Err(lost()));
        let reserved = reserved.unwrap_err();
        assert_eq!(reserved.error_type, kind::RESERVED);
        reserved.error_message
    });
    run(&program).deliver(
        at(1),
        started(),
        completes(
            0,
            r#""the name of the event `STEADFAST.side` begins with `steadfast.`, which is reserved""#,
        ),
    );
}

#[test]
fn another_event_differs_from_history() {
    let past = |name: &str| {
        history()
            .episode(at(1))
            .started("E", None)
            .sent(0, "elsewhere", name, Some("2"))
            .sent(1, "demo", "self", None)
    };
    assert!(replay(&sends("hello"), past("HELLO")).is_ok());
    let Err(Fault::NonDeterminism(error)) = replay(&sends("hello"), past("bye")) else {
        panic!("no difference");
    };
    assert_eq!(
        (error.event_id, &*error.expected, &*error.found),
        (
            0,
            "the event `bye` to instance `elsewhere`",
            "the event `hello` to instance `other`"
        )
    );
    assert_eq!(error.location.unwrap().file(), file!());
    let waits = with_handle(|ctx| async move { ctx.wait_for_external_event("go").await });
    assert!(matches!(
        replay(&waits, past("bye")),
        Err(Fault::NonDeterminism(error)) if error.event_id == 0
    ));
}
