//! Calls of sub-orchestrations.

use futures_util::future::{Either, join, select};

use super::*;
use crate::model::failure::kind;
use crate::model::retry::RetryPolicy;

/// The default id of the child that this action asks for.
fn default_id(action: i32) -> String {
    format!("{EXECUTION}:{action:04x}")
}

fn calls(ctx: &ExecutionHandle, name: &str, id: Option<&str>) -> crate::engine::Operation {
    let options = ChildOptions {
        instance_id: id.map(instance),
        ..ChildOptions::default()
    };
    ctx.create_sub_orchestration(name, json("7"), options)
}

#[test]
fn a_child_is_created_and_gives_its_result() {
    let program = with_handle(|ctx| async move {
        let [default, chosen] = [None, Some("mine")].map(|id| calls(&ctx, "Child", id));
        assert_eq!(default.child_id().unwrap().as_str(), default_id(0));
        assert_eq!(chosen.child_id().unwrap().as_str(), "mine");
        let (default, chosen) = join(default, chosen).await;
        [told(default), told(chosen)]
    });
    run(&program)
        .deliver(
            at(1),
            started(),
            waits()
                .asks(0, child(&default_id(0), "Child", "7"))
                .asks(1, child("mine", "Child", "7")),
        )
        .deliver(at(2), history().child_failed(1, &lost()), waits())
        .deliver(at(3), history().child_completed(1, "late"), waits())
        .deliver(
            at(4),
            history().child_completed(0, "8"),
            completes(2, r#"["8","Lost: lost"]"#),
        )
        .recorded(
            history()
                .episode(at(1))
                .started("E", None)
                .child_created(0, &default_id(0), "Child", "7")
                .child_created(1, "mine", "Child", "7")
                .episode(at(2))
                .child_failed(1, &lost())
                .episode(at(3))
                .child_completed(1, "late")
                .episode(at(4))
                .child_completed(0, "8")
                .ended(2, r#"["8","Lost: lost"]"#),
        );
}

#[test]
fn a_child_takes_version_and_tags_along() {
    let program = with_handle(|ctx| async move {
        let options = ChildOptions {
            version: Some("1.2".into()),
            tags: tags_of(&[("colour", "red")]),
            ..ChildOptions::default()
        };
        told(
            ctx.create_sub_orchestration("Child", json("7"), options)
                .await,
        )
    });
    run(&program).deliver(
        at(1),
        started(),
        waits().asks(
            0,
            OrchestratorActionKind::CreateSubOrchestration {
                instance_id: instance(&default_id(0)),
                name: "Child".into(),
                version: Some("1.2".into()),
                input: Some("7".into()),
                tags: tags_of(&[("colour", "red")]),
            },
        ),
    );
}

#[test]
fn a_child_that_is_dropped_is_withdrawn() {
    let program = with_handle(|ctx| async move {
        drop(calls(&ctx, "Dropped", Some("at once")));
        let race = select(
            calls(&ctx, "Child", None),
            ctx.wait_for_external_event("go"),
        );
        let first = match race.await {
            Either::Left((result, _)) => told(result),
            Either::Right(_) => "gone".into(),
        };
        calls(&ctx, "Detached", Some("on its own")).detach();
        (first, ctx.wait_for_external_event("end").await)
    });
    let begin = || {
        run(&program).deliver(
            at(1),
            started(),
            waits()
                .asks(0, child("at once", "Dropped", "7"))
                .asks(1, child(&default_id(1), "Child", "7"))
                .withdraws_child(0, "at once"),
        )
    };
    let detached = || child("on its own", "Detached", "7");
    begin()
        .deliver(
            at(2),
            history().raised("go", "1").child_completed(1, "8"),
            waits()
                .asks(2, detached())
                .withdraws_child(1, &default_id(1)),
        )
        .deliver(at(3), history().child_failed(0, &lost()), waits())
        .deliver(at(4), history().child_failed(2, &lost()), waits())
        .deliver(
            at(5),
            history().raised("end", "1"),
            completes(3, r#"["gone","1"]"#),
        );
    begin()
        .deliver(
            at(2),
            history().child_completed(1, "8").raised("go", "1"),
            waits().asks(2, detached()),
        )
        .deliver(
            at(5),
            history().raised("end", "1"),
            completes(3, r#"["8","1"]"#),
        );
}

#[test]
fn what_is_still_open_at_the_end_goes_on_or_is_withdrawn_like_an_activity() {
    let program = with_handle(|ctx| async move {
        let _unawaited = calls(&ctx, "Unawaited", Some("a"));
        let race = select(
            calls(&ctx, "Loser", Some("b")),
            ctx.wait_for_external_event("go"),
        );
        drop(race.await);
    });
    run(&program)
        .deliver(
            at(1),
            started(),
            waits()
                .asks(0, child("a", "Unawaited", "7"))
                .asks(1, child("b", "Loser", "7")),
        )
        .deliver(
            at(2),
            history().raised("go", "1"),
            completes(2, "null").withdraws_child(1, "b"),
        );
}

#[test]
fn a_child_is_tried_again() {
    let retries = |id: Option<&'static str>| {
        with_handle(move |ctx| async move {
            let options = ChildOptions {
                instance_id: id.map(instance),
                retry: Some(RetryPolicy::new(2, std::time::Duration::from_secs(5))),
                ..ChildOptions::default()
            };
            let call = ctx.create_sub_orchestration("Child", json("7"), options);
            let first = call.child_id().unwrap().clone();
            (told(call.await), first)
        })
    };
    let policy = r#"{"max_attempts":2,"first_interval":5000000}"#;
    for (chosen, ids) in [
        (None, [default_id(0), default_id(2)]),
        (Some("mine"), ["mine".to_owned(), "mine".to_owned()]),
    ] {
        let attempt = |id: &str, tags: &[(&str, &str)]| {
            let mut all = tags_of(tags);
            all.insert("steadfast.retry".into(), policy.into());
            OrchestratorActionKind::CreateSubOrchestration {
                instance_id: instance(id),
                name: "Child".into(),
                version: None,
                input: Some("7".into()),
                tags: all,
            }
        };
        let begin = || {
            run(&retries(chosen))
                .deliver(at(1), started(), waits().asks(0, attempt(&ids[0], &[])))
                .deliver(
                    at(2),
                    history().child_failed(0, &lost()),
                    waits().asks(1, timer(at(7))),
                )
                .deliver(
                    at(7),
                    history().timer_fired(1, at(7)),
                    waits().asks(
                        2,
                        attempt(
                            &ids[1],
                            &[("steadfast.attempt", "2"), ("steadfast.first", "0")],
                        ),
                    ),
                )
        };
        begin().deliver(
            at(8),
            history().child_completed(2, "8"),
            completes(3, &format!(r#"["8","{}"]"#, ids[0])),
        );
        begin().deliver(
            at(8),
            history().child_failed(2, &lost()),
            completes(3, &format!(r#"["Lost: lost","{}"]"#, ids[0])),
        );
    }
}

#[test]
fn a_child_that_cannot_be_asked_for_has_an_id_all_the_same() {
    let program = with_handle(|ctx| async move {
        let failed = |id| {
            let options = ChildOptions {
                instance_id: id,
                ..ChildOptions::default()
            };
            ctx.create_sub_orchestration("Child", Err(lost()), options)
        };
        let [default, chosen] = [None, Some(instance("mine"))].map(failed);
        let ids = [&default, &chosen].map(|call| call.child_id().unwrap().to_string());
        (ids, told(default.await), told(chosen.await))
    });
    run(&program).deliver(
        at(1),
        started(),
        completes(
            0,
            &format!(
                r#"[["{}","mine"],"Lost: lost","Lost: lost"]"#,
                default_id(0)
            ),
        ),
    );
}

#[test]
fn tags_of_the_author_must_not_have_reserved_keys() {
    let program = with_handle(|ctx| async move {
        let tags = tags_of(&[("Steadfast.Retry", "{}")]);
        let task = TaskOptions {
            tags: tags.clone(),
            ..TaskOptions::default()
        };
        let child = ChildOptions {
            tags,
            ..ChildOptions::default()
        };
        let results = join(
            ctx.schedule_task("a", json("7"), task),
            ctx.create_sub_orchestration("c", json("7"), child),
        );
        let (task, child) = results.await;
        assert_eq!(task.as_ref().unwrap_err().error_type, kind::RESERVED);
        assert!(task.as_ref().unwrap_err().is_non_retriable);
        assert_eq!(task, child);
        told(task)
    });
    run(&program).deliver(
        at(1),
        started(),
        completes(
            0,
            r#""steadfast.Reserved: the key of the tag `Steadfast.Retry` begins with `steadfast.`, which is reserved""#,
        ),
    );
}

#[test]
fn a_result_of_another_kind_differs_from_history() {
    let program = with_handle(|ctx| async move { told(calls(&ctx, "Child", Some("c")).await) });
    let past = || {
        history()
            .episode(at(1))
            .started("E", None)
            .child_created(0, "c", "CHILD", "8")
            .episode(at(2))
    };
    let ended = past().child_completed(0, "1").ended(1, "\"1\"");
    assert!(replay(&program, ended).unwrap().ended().is_some());
    for (past, expected) in [
        (past().completed(0, "1"), "an activity that has ended"),
        (past().timer_fired(0, at(2)), "a timer that has fired"),
    ] {
        let Err(Fault::NonDeterminism(error)) = replay(&program, past) else {
            panic!("no difference");
        };
        assert_eq!(
            (error.event_id, &*error.expected, &*error.found),
            (0, expected, "a sub-orchestration")
        );
    }
}
