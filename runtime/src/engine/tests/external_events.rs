//! External events by name.

use std::future::ready;
use std::time::Duration;

use futures_util::future::{Either, join, join3, select};

use super::*;
use crate::model::failure::kind;
use crate::model::history::EventRaised;

#[test]
fn events_wait_for_their_wait_in_order() {
    run(&orchestrator(|ctx| async move {
        ctx.call_activity::<i32>("a", ()).await.unwrap();
        let mut taken = Vec::new();
        for _ in 0..3 {
            taken.push(
                ctx.wait_for_external_event_named::<i32>("go")
                    .await
                    .unwrap(),
            );
        }
        taken
    }))
    .deliver(
        at(1),
        started().raised("go", "1"),
        waits().asks(0, call("a", "null")),
    )
    .deliver(
        at(2),
        history().raised("GO", "2").raised("stop", "0"),
        waits(),
    )
    .deliver(at(3), history().completed(0, "1"), waits())
    .deliver(at(4), history().raised("other", "0"), waits())
    .deliver(at(5), history().raised("Go", "3"), completes(1, "[1,2,3]"));
}

#[test]
fn an_event_may_come_before_the_start() {
    run(&orchestrator(|ctx| async move {
        ctx.wait_for_external_event_named::<i32>("go")
            .await
            .unwrap()
    }))
    .deliver(at(1), history().raised("go", "1"), waits())
    .deliver(at(2), started(), completes(0, "1"));
}

#[test]
fn names_are_compared_without_their_case() {
    run(&orchestrator(|ctx| async move {
        ctx.wait_for_external_event_named::<i32>("Größe")
            .await
            .unwrap()
    }))
    .deliver(at(1), started(), waits())
    .deliver(at(2), history().raised("GRÖßE", "1"), completes(0, "1"));
}

#[test]
fn waits_of_one_name_are_served_in_the_order_in_which_they_began() {
    run(&orchestrator(|ctx| async move {
        let [a, b] = ["go", "GO"].map(|name| ctx.wait_for_external_event_named::<i32>(name));
        let other = ctx.wait_for_external_event_named::<i32>("other");
        let (b, a, other) = join3(b, a, other).await;
        (a.unwrap(), b.unwrap(), other.unwrap())
    }))
    .deliver(at(1), started(), waits())
    .deliver(at(2), history().raised("go", "1"), waits())
    .deliver(
        at(3),
        history().raised("other", "3").raised("go", "2"),
        completes(0, "[1,2,3]"),
    );
}

#[test]
fn a_wait_that_is_dropped_loses_no_event() {
    run(&orchestrator(|ctx| async move {
        let first = ctx.wait_for_external_event_named::<i32>("go");
        let timer = ctx.create_timer(Duration::from_secs(9));
        let Either::Right(((), first)) = select(first, timer).await else {
            unreachable!("the timer fires first");
        };
        let second = ctx.wait_for_external_event_named::<i32>("go");
        drop(first);
        second.await.unwrap()
    }))
    .deliver(at(1), started(), waits().asks(0, timer(at(10))))
    .deliver(at(10), history().timer_fired(0, at(10)), waits())
    .deliver(at(11), history().raised("go", "1"), completes(1, "1"));
}

#[test]
fn a_wait_that_was_given_an_event_and_is_dropped_gives_it_back_in_its_place() {
    run(&orchestrator(|ctx| async move {
        let unobserved = ctx.wait_for_external_event_named::<i32>("go");
        ctx.call_activity::<i32>("a", ()).await.unwrap();
        drop(unobserved);
        let (one, two) = join(
            ctx.wait_for_external_event_named::<i32>("go"),
            ctx.wait_for_external_event_named::<i32>("go"),
        )
        .await;
        (one.unwrap(), two.unwrap())
    }))
    .deliver(at(1), started(), waits().asks(0, call("a", "null")))
    .deliver(
        at(2),
        history().raised("go", "1").raised("go", "2"),
        waits(),
    )
    .deliver(at(3), history().completed(0, "0"), completes(1, "[1,2]"));
}

#[test]
fn an_event_that_is_given_back_wakes_the_next_wait() {
    run(&orchestrator(|ctx| async move {
        let unobserved = ctx.wait_for_external_event_named::<i32>("go");
        let dropped_later = async {
            ctx.call_activity::<i32>("a", ()).await.unwrap();
            drop(unobserved);
        };
        let (taken, ()) = join(
            ctx.wait_for_external_event_named::<i32>("go"),
            dropped_later,
        )
        .await;
        taken.unwrap()
    }))
    .deliver(at(1), started(), waits().asks(0, call("a", "null")))
    .deliver(at(2), history().raised("go", "1"), waits())
    .deliver(at(3), history().completed(0, "0"), completes(1, "1"));
}

#[test]
fn a_wait_that_is_ready_at_once_beats_what_is_polled_later() {
    run(&orchestrator(|ctx| async move {
        let wait = ctx.wait_for_external_event_named::<i32>("go");
        match select(wait, ready(())).await {
            Either::Left((event, _)) => event.ok(),
            Either::Right(_) => None,
        }
    }))
    .deliver(at(1), history().raised("go", "1"), waits())
    .deliver(at(2), started(), completes(0, "1"));
}

#[test]
fn a_payload_that_does_not_decode_is_an_error_for_the_author() {
    run(&orchestrator(|ctx| async move {
        let error = ctx
            .wait_for_external_event_named::<Vec<i32>>("go")
            .await
            .unwrap_err();
        let next = ctx
            .wait_for_external_event_named::<Vec<i32>>("go")
            .await
            .unwrap();
        (error.event().to_owned(), error.path().to_owned(), next)
    }))
    .deliver(at(1), started(), waits())
    .deliver(at(2), history().raised("go", "[1,true]"), waits())
    .deliver(
        at(3),
        history().raised("go", "[2]"),
        completes(0, r#"["go","[1]",[2]]"#),
    );
}

#[test]
fn payloads_are_read_in_every_form_in_which_clients_send_them() {
    let empty = EventRaised {
        name: "go".into(),
        input: None,
    };
    run(&orchestrator(|ctx| async move {
        let number = ctx
            .wait_for_external_event_named::<i32>("go")
            .await
            .unwrap();
        let text = ctx
            .wait_for_external_event_named::<String>("go")
            .await
            .unwrap();
        let nothing = ctx
            .wait_for_external_event_named::<Option<i32>>("go")
            .await
            .unwrap();
        (number, text, nothing)
    }))
    .deliver(at(1), started(), waits())
    .deliver(
        at(2),
        history()
            .raised("go", r#""7""#)
            .raised("go", r#""7""#)
            .happened(empty),
        completes(0, r#"[7,"7",null]"#),
    );
}

#[test]
fn a_wait_for_a_reserved_name_is_a_bug_of_the_orchestrator() {
    let program =
        with_handle(|ctx| async move { ctx.wait_for_external_event("Steadfast.side").await });
    let message = "an event of the name `Steadfast.side` never arrives: \
                   names that begin with `steadfast.` are reserved";
    run(&program).deliver(
        at(1),
        started(),
        fails(0, &FailureDetails::new(kind::PANIC, message)),
    );
}
