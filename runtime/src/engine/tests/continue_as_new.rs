//! Executions that go on as new ones.

use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{join, pending, select};

use super::*;

/// Continues as new when `go` arrives.
fn continues(input: &'static str) -> Program {
    with_handle(move |ctx| async move {
        ctx.wait_for_external_event("go").await;
        ctx.continue_as_new(json(input), None);
        pending::<()>().await;
    })
}

#[test]
fn it_ends_the_execution_with_the_input_of_the_next() {
    run(&continues("8"))
        .deliver(at(1), started(), waits())
        .deliver(
            at(2),
            history().raised("go", "1"),
            waits().continues(0, "8", None, history()),
        );
    let program = with_handle(|ctx| async move {
        ctx.continue_as_new(Ok(None), Some("2.0".into()));
        pending::<()>().await;
    });
    let mut run = run(&program);
    let episode = run.episode(at(1), started().build());
    assert_eq!(
        episode.continued,
        Some(Continued {
            input: None,
            version: Some("2.0".into()),
            carried: vec![],
        })
    );
    assert_eq!(episode.ended.unwrap().result, None);
}

#[test]
fn the_first_call_counts_whatever_else_the_code_does() {
    let continues = || waits().continues(0, "1", None, history());
    let twice = with_handle(|ctx| async move {
        ctx.continue_as_new(json("1"), None);
        ctx.continue_as_new(json("2"), Some("2.0".into()));
        pending::<()>().await;
    });
    let returns = with_handle(|ctx| async move { ctx.continue_as_new(json("1"), None) });
    let fails: Program = Rc::new(|ctx, _| {
        Ok(Box::pin(async move {
            ctx.continue_as_new(json("1"), None);
            Err(lost())
        }))
    });
    for program in [twice, returns, fails] {
        run(&program).deliver(at(1), started(), continues());
    }
}

#[test]
fn a_panic_is_not_hidden_by_it() {
    let program = with_handle(|ctx| async move {
        ctx.continue_as_new(json("1"), None);
        assert!(ctx.history_length() > 99, "lost");
    });
    run(&program).deliver(
        at(1),
        started(),
        fails(
            0,
            &FailureDetails::new(crate::model::failure::kind::PANIC, "lost"),
        ),
    );
}

#[test]
fn an_input_that_cannot_be_encoded_or_is_too_large_fails_the_instance() {
    let encode = with_handle(|ctx| async move {
        ctx.continue_as_new(Err(lost()), None);
        pending::<()>().await;
    });
    run(&encode).deliver(at(1), started(), fails(0, &lost()));
    let failure = FailureDetails {
        is_non_retriable: true,
        ..FailureDetails::new(
            "steadfast.PayloadTooLarge",
            "the input of the next execution has 5 bytes of JSON; at most 4 are allowed",
        )
    };
    Setup::new(&continues("12345"))
        .max_payload_bytes(4)
        .run()
        .deliver(at(1), started(), waits())
        .deliver(at(2), history().raised("go", "1"), fails(0, &failure));
}

#[test]
fn what_was_asked_for_in_the_same_episode_is_carried_out() {
    let program = with_handle(|ctx| async move {
        let open = ctx.schedule_task("open", json("1"), TaskOptions::default());
        let loser = ctx.schedule_task("loser", json("1"), TaskOptions::default());
        drop(select(loser, ctx.wait_for_external_event("go")).await);
        ctx.schedule_task("detached", json("1"), TaskOptions::default())
            .detach();
        ctx.create_sub_orchestration(
            "Child",
            json("1"),
            ChildOptions {
                instance_id: Some(instance("c")),
                ..ChildOptions::default()
            },
        )
        .detach();
        ctx.send_event(&instance("other"), "hello", json("1"))
            .unwrap();
        ctx.continue_as_new(json("2"), None);
        open.await
    });
    run(&program)
        .deliver(
            at(1),
            started(),
            waits()
                .asks(0, call("open", "1"))
                .asks(1, call("loser", "1")),
        )
        .deliver(
            at(2),
            history().raised("go", "1"),
            waits()
                .asks(2, call("detached", "1"))
                .asks(3, child("c", "Child", "1"))
                .asks(4, send("other", "hello", "1"))
                .withdraws(1)
                .continues(5, "2", None, history()),
        );
}

#[test]
fn events_are_carried_over_in_their_order_and_as_they_came() {
    let program = with_handle(|ctx| async move {
        let mut given = Box::pin(ctx.wait_for_external_event("given"));
        let cancelled = ctx.wait_for_external_event("cancelled");
        let observed = ctx.wait_for_external_event("observed");
        assert!((&mut given).now_or_never().is_none());
        ctx.wait_for_external_event("go").await;
        // It has been given an event, which goes back to its place.
        drop(cancelled);
        assert_eq!(observed.now_or_never().flatten().as_deref(), Some("4"));
        let _open = ctx.wait_for_external_event("open");
        ctx.continue_as_new(json("2"), None);
        pending::<()>().await;
        drop(given);
    });
    let new = history()
        .raised("kept", "0")
        .raised("Given", "1")
        .raised("CANCELLED", "2")
        .raised("Kept", "3")
        .raised("observed", "4")
        .raised("GIVEN", "5");
    let mut carried = history();
    for (time, name, payload) in [
        (2, "kept", "0"),
        (2, "Given", "1"),
        (2, "CANCELLED", "2"),
        (2, "Kept", "3"),
        (2, "GIVEN", "5"),
        (3, "last", "6"),
    ] {
        carried = carried.at(at(time)).raised(name, payload);
    }
    let run = run(&program)
        .deliver(at(1), started(), waits())
        .deliver(at(2), new, waits());
    assert_eq!(run.live.buffered_events(), 6);
    run.deliver(
        at(3),
        history()
            .raised("last", "6")
            .raised("go", "7")
            .raised("behind", "8")
            .raised("kept", "9"),
        waits().continues(0, "2", None, carried).leaves(2),
    );
}

#[test]
fn reserved_events_are_neither_delivered_nor_carried_over() {
    let program = with_handle(|ctx| async move {
        ctx.wait_for_external_event("go").await;
        ctx.continue_as_new(json("2"), None);
        pending::<()>().await;
    });
    run(&program)
        .deliver(at(1), started(), waits())
        .deliver(
            at(2),
            history()
                .raised("steadfast.side", "1")
                .raised("Steadfast.Other", "1"),
            waits(),
        )
        .deliver(
            at(3),
            history().raised("go", "1"),
            waits().continues(0, "2", None, history()),
        );
}

#[test]
fn a_branch_that_continues_ends_the_others() {
    let program = with_handle(|ctx| async move {
        let other = async {
            let call = ctx.schedule_task("a", json("1"), TaskOptions::default());
            let timer = ctx.create_timer(at(99));
            join(call, timer).await
        };
        let continues = async {
            ctx.wait_for_external_event("go").await;
            ctx.continue_as_new(json("2"), None);
            pending::<()>().await;
        };
        join(other, continues).await.0
    });
    run(&program)
        .deliver(
            at(1),
            started(),
            waits().asks(0, call("a", "1")).asks(1, timer(at(99))),
        )
        .deliver(
            at(2),
            history().raised("go", "1").completed(0, "1"),
            waits().continues(2, "2", None, history()).leaves(1),
        );
}

#[test]
fn code_that_continues_where_history_completed_differs_from_it() {
    let past = history()
        .episode(at(1))
        .started("E", None)
        .raised("go", "1")
        .ended(0, "1");
    let Err(Fault::NonDeterminism(error)) = replay(&continues("8"), past) else {
        panic!("no difference");
    };
    assert_eq!(
        (error.event_id, &*error.expected, &*error.found),
        (
            0,
            "the end of the orchestration (Completed)",
            "the end of the orchestration (ContinuedAsNew)"
        )
    );
}

#[test]
fn it_has_no_effect_outside_of_a_poll() {
    let kept: Rc<std::cell::RefCell<Option<ExecutionHandle>>> = Rc::default();
    let keep = Rc::clone(&kept);
    let program = with_handle(move |ctx| {
        *keep.borrow_mut() = Some(ctx.clone());
        async move { ctx.create_timer(at(1) + Duration::from_secs(5)).await }
    });
    let run =
        run(&program)
            .without_replays()
            .deliver(at(1), started(), waits().asks(0, timer(at(6))));
    let ctx = kept.take().unwrap();
    ctx.continue_as_new(json("1"), None);
    ctx.send_event(&instance("other"), "hello", json("1"))
        .unwrap();
    assert!(!ctx.patched("p"));
    assert_eq!(ctx.side_value(|| Ok("1".into())), Ok("1".into()));
    run.deliver(
        at(6),
        history().timer_fired(0, at(6)),
        completes(1, r#"{"Ok":null}"#),
    );
}
