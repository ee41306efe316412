//! Values that are produced once and recorded.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::*;

/// Returns side values that count how often they are produced, and one failure.
fn counts(produced: &Rc<Cell<u32>>) -> Program {
    let produced = Rc::clone(produced);
    with_handle(move |ctx| {
        let produced = Rc::clone(&produced);
        async move {
            let produce = || {
                produced.set(produced.get() + 1);
                Ok(produced.get().to_string())
            };
            let first = ctx.side_value(produce);
            ctx.wait_for_external_event("go").await;
            let failed = ctx.side_value(|| Err(lost())).unwrap_err();
            (
                first.unwrap(),
                failed.error_message,
                ctx.side_value(produce),
            )
        }
    })
}

fn side(json: &str) -> OrchestratorActionKind {
    send("demo", "steadfast.side", json)
}

#[test]
fn a_value_is_recorded_and_not_produced_again() {
    let produced = Rc::default();
    let program = counts(&produced);
    let failure = serde_json::to_string(&lost()).unwrap();
    let run = run(&program)
        .without_replays()
        .deliver(at(1), started(), waits().asks(0, side("1")));
    run.check_replay();
    let run = run.deliver(
        at(2),
        history().raised("go", "1"),
        waits()
            .asks(1, send("demo", "steadfast.refused", &failure))
            .asks(2, side("2"))
            .completes(3, r#"["1","lost",{"Ok":"2"}]"#),
    );
    run.check_replay();
    assert_eq!(produced.get(), 2);
}

#[test]
fn what_producing_asks_of_the_context_has_no_effect() {
    let program = with_handle(|ctx| async move {
        let value = ctx.side_value(|| {
            drop(ctx.schedule_task("a", json("1"), TaskOptions::default()));
            drop(ctx.wait_for_external_event("go"));
            ctx.set_custom_status(Some("1".into()));
            let _guid = ctx.new_guid();
            ctx.side_value(|| Ok("7".into()))
        });
        let guid = ctx.new_guid().to_string();
        ctx.schedule_task("b", json(&value.unwrap()), TaskOptions::default())
            .detach();
        ctx.wait_for_external_event("go").await;
        assert_ne!(ctx.new_guid().to_string(), guid);
    });
    run(&program)
        .deliver(
            at(1),
            started(),
            waits().asks(0, side("7")).asks(1, call("b", "7")),
        )
        .deliver(at(2), history().raised("go", "1"), completes(2, "null"));
}

#[test]
fn a_panic_of_producing_that_is_caught_leaves_the_context_working() {
    let program = with_handle(|ctx| async move {
        if !ctx.is_replaying() {
            let produce = || ctx.side_value(|| panic!("lost"));
            assert!(catch_unwind(AssertUnwindSafe(produce)).is_err());
        }
        told(
            ctx.schedule_task("a", json("1"), TaskOptions::default())
                .await,
        )
    });
    run(&program)
        .deliver(at(1), started(), waits().asks(0, call("a", "1")))
        .deliver(at(2), history().completed(0, "2"), completes(1, "\"2\""));
}

#[test]
fn code_that_asks_for_something_else_differs_from_history() {
    let produced = Rc::default();
    let begun = || history().episode(at(1)).started("E", None);
    for (past, expected) in [
        (begun().scheduled(0, "a", "1"), "a call of activity `a`"),
        (
            begun().sent(0, "demo", "hello", None),
            "the event `hello` to instance `demo`",
        ),
        (
            begun(),
            "nothing, since the recorded run had not come so far",
        ),
    ] {
        let Err(Fault::NonDeterminism(error)) = replay(&counts(&produced), past) else {
            panic!("no difference");
        };
        assert_eq!(
            (&*error.expected, &*error.found),
            (expected, "a side value")
        );
        assert_eq!(error.location.unwrap().file(), file!());
    }
    assert_eq!(produced.get(), 0);
    let calls = with_handle(|ctx| async move {
        told(
            ctx.schedule_task("a", json("1"), TaskOptions::default())
                .await,
        )
    });
    let past = begun().sent(0, "demo", "steadfast.side", Some("1"));
    let Err(Fault::NonDeterminism(error)) = replay(&calls, past) else {
        panic!("no difference");
    };
    assert_eq!(error.expected, "a side value");
}
