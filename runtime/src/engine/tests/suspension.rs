//! Pauses: recorded, and nothing to the orchestrator.

use super::*;
use crate::model::history::{ExecutionResumed, ExecutionSuspended};

#[test]
fn a_pause_changes_nothing_for_the_orchestrator() {
    let program = with_handle(|ctx| async move {
        let mut seen = vec![(ctx.history_length(), ctx.now())];
        ctx.wait_for_external_event("go").await;
        seen.push((ctx.history_length(), ctx.now()));
        seen.into_iter()
            .map(|(length, now)| format!("{length} {}", now.as_second() - at(0).as_second()))
            .collect::<Vec<_>>()
    });
    let mut run = run(&program).deliver(at(1), started(), waits());
    let reason = || Some("\"rest\"".to_owned());
    for episode in [
        Episode::suspended(at(8), reason()),
        Episode::resumed(at(9), reason()),
    ] {
        assert_eq!(episode.delivered, 1);
        assert!(episode.actions.is_empty() && episode.ended.is_none());
        run.history.extend(episode.events);
        run.check_replay();
    }
    // The clock went back in between.
    run.without_replays()
        .deliver(
            at(5),
            history().raised("go", "1"),
            completes(0, r#"["2 1","4 5"]"#),
        )
        .replayed();
}

#[test]
fn a_pause_may_be_delivered() {
    let (input, again) = (None, None);
    run(&orchestrator(|ctx| async move {
        ctx.wait_for_external_event_named::<i32>("go")
            .await
            .unwrap()
    }))
    .deliver(at(1), started(), waits())
    .deliver(
        at(2),
        history().happened(ExecutionSuspended { input }),
        waits(),
    )
    .deliver(
        at(3),
        history()
            .happened(ExecutionResumed { input: again })
            .raised("go", "7"),
        completes(0, "7"),
    );
}
