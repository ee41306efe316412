//! Paths that only newer executions take.

use super::*;

fn marker(patch: &str) -> OrchestratorActionKind {
    OrchestratorActionKind::SendEvent {
        instance_id: instance("demo"),
        name: format!("steadfast.patch:{patch}"),
        data: None,
    }
}

async fn calls(ctx: &ExecutionHandle, name: &str) -> String {
    told(
        ctx.schedule_task(name, json("1"), TaskOptions::default())
            .await,
    )
}

/// Takes the newer path at two places, and asks whether that is so once more.
fn patched() -> Program {
    with_handle(|ctx| async move {
        for _ in 0..2 {
            let name = if ctx.patched("p") { "new" } else { "old" };
            calls(&ctx, name).await;
        }
        ctx.patched("p")
    })
}

#[test]
fn code_that_runs_for_the_first_time_takes_the_newer_path_and_records_that_once() {
    run(&patched())
        .deliver(
            at(1),
            started(),
            waits().asks(0, marker("p")).asks(1, call("new", "1")),
        )
        .deliver(
            at(2),
            history().completed(1, "1"),
            waits().asks(2, call("new", "1")),
        )
        .deliver(at(3), history().completed(2, "1"), completes(3, "true"));
}

#[test]
fn a_history_without_the_patch_stays_on_the_older_path() {
    let past = history()
        .episode(at(1))
        .started("E", None)
        .scheduled(0, "old", "1");
    let mut execution = replay(&patched(), past.clone()).unwrap();
    let mut new = history().completed(0, "1").build();
    let episode = execution.deliver(at(2), &mut new).unwrap();
    // It stays there, though it runs further for the first time.
    assert_eq!(Expected::of(episode), waits().asks(1, call("old", "1")));
    let past = past
        .episode(at(2))
        .completed(0, "1")
        .scheduled(1, "old", "1");
    let mut execution = replay(&patched(), past).unwrap();
    let mut new = history().completed(1, "1").build();
    let episode = execution.deliver(at(3), &mut new).unwrap();
    assert_eq!(Expected::of(episode), completes(2, "false"));
}

/// Asks for the same patch before and behind an event, and for nothing between.
fn asks_twice() -> Program {
    with_handle(|ctx| async move {
        let first = ctx.patched("p");
        ctx.wait_for_external_event("go").await;
        let second = ctx.patched("p");
        ctx.wait_for_external_event("end").await;
        (first, second)
    })
}

#[test]
fn a_place_behind_one_that_was_passed_without_the_patch_is_without_it_too() {
    let past = history().episode(at(1)).started("E", None);
    let mut execution = replay(&asks_twice(), past.clone()).unwrap();
    let mut new = history().raised("go", "1").build();
    let episode = execution.deliver(at(2), &mut new).unwrap();
    assert_eq!(Expected::of(episode), waits());
    let past = past.episode(at(2)).raised("go", "1");
    let mut execution = replay(&asks_twice(), past).unwrap();
    let mut new = history().raised("end", "1").build();
    let episode = execution.deliver(at(3), &mut new).unwrap();
    assert_eq!(Expected::of(episode), completes(0, "[false,false]"));
}

#[test]
fn what_a_later_episode_recorded_is_not_of_an_earlier_place() {
    // As after a deploy that asks for the patch at one more place, further up.
    let program = with_handle(|ctx| async move {
        if ctx.patched("p") {
            calls(&ctx, "new").await;
        }
        ctx.wait_for_external_event("go").await;
        if ctx.patched("p") {
            calls(&ctx, "new").await;
        }
    });
    let past = history()
        .episode(at(1))
        .started("E", None)
        .episode(at(2))
        .raised("go", "1")
        .sent(0, "demo", "steadfast.patch:p", None)
        .scheduled(1, "new", "1")
        .episode(at(3))
        .completed(1, "1")
        .ended(2, "null");
    assert!(replay(&program, past).unwrap().ended().is_some());
    // It was once recorded behind a refusal.
    let past = history()
        .episode(at(1))
        .started("E", None)
        .scheduled(0, "old", "1")
        .episode(at(2))
        .completed(0, "1")
        .sent(1, "demo", "steadfast.patch:p", None)
        .scheduled(2, "new", "1")
        .episode(at(3))
        .completed(2, "1")
        .ended(3, "true");
    assert!(replay(&patched(), past).unwrap().ended().is_some());
}

#[test]
fn a_patch_that_the_code_no_longer_asks_for_is_skipped() {
    let past = |patches: &[&str]| {
        let first = history().episode(at(1)).started("E", None);
        let marked = patches.iter().zip(0..).fold(first, |past, (patch, id)| {
            past.sent(id, "demo", &format!("steadfast.patch:{patch}"), None)
        });
        let next = i32::try_from(patches.len()).unwrap();
        marked
            .scheduled(next, "new", "1")
            .episode(at(2))
            .completed(next, "1")
    };
    let only_new = with_handle(|ctx| async move { calls(&ctx, "new").await });
    for patches in [&[][..], &["p"], &["p", "q"]] {
        let id = i32::try_from(patches.len()).unwrap() + 1;
        let ended = past(patches).ended(id, "\"1\"");
        assert!(replay(&only_new, ended).unwrap().ended().is_some());
    }
    let asks_second = with_handle(|ctx| async move {
        assert!(ctx.patched("q"));
        calls(&ctx, "new").await;
        (ctx.patched("p"), ctx.patched("q"))
    });
    let ended = past(&["p", "q"]).ended(3, "[true,true]");
    assert!(replay(&asks_second, ended).unwrap().ended().is_some());
    // It was recorded last, and nothing follows that the code could ask for.
    let last = past(&[]).sent(1, "demo", "steadfast.patch:p", None);
    let waits = with_handle(|ctx| async move {
        calls(&ctx, "new").await;
        ctx.wait_for_external_event("go").await
    });
    let mut execution = replay(&waits, last).unwrap();
    let mut new = history().raised("go", "1").build();
    let episode = execution.deliver(at(3), &mut new).unwrap();
    assert_eq!(episode.actions[0].id, 2);
}

#[test]
fn the_newer_path_without_its_patch_differs_from_history() {
    let always = with_handle(|ctx| async move { calls(&ctx, "new").await });
    let past = history()
        .episode(at(1))
        .started("E", None)
        .scheduled(0, "old", "1");
    assert!(matches!(
        replay(&always, past),
        Err(Fault::NonDeterminism(error)) if error.event_id == 0
    ));
}

#[test]
fn a_patch_of_a_later_episode_does_not_make_the_history_longer() {
    let program = orchestrator(|ctx| async move {
        ctx.create_timer(at(5)).await;
        ctx.set_custom_status(ctx.history_length()).unwrap();
        let patched = ctx.patched("new");
        let go = ctx.wait_for_external_event_named::<i32>("go").await;
        (patched, go.unwrap())
    });
    run(&program)
        .deliver(at(1), started(), waits().asks(0, timer(at(5))))
        .deliver(
            at(5),
            history().timer_fired(0, at(5)),
            waits().asks(1, marker("new")).publishes("5"),
        )
        .deliver(at(6), history().raised("go", "7"), completes(2, "[true,7]"));
}
