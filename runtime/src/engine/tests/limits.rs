//! Payloads that are too large.

use super::*;
use crate::limits::MAX_EPISODE_BYTES;

/// What a payload of so many bytes is refused with.
fn too_large(what: &str, size: usize, limit: usize) -> FailureDetails {
    FailureDetails {
        is_non_retriable: true,
        ..FailureDetails::new(
            "steadfast.PayloadTooLarge",
            format!("{what} has {size} bytes of JSON; at most {limit} are allowed"),
        )
    }
}

/// What records that something was refused.
fn refused(failure: &FailureDetails) -> OrchestratorActionKind {
    send(
        "demo",
        "steadfast.refused",
        &serde_json::to_string(failure).unwrap(),
    )
}

/// Asks for one of everything with a payload of this many bytes.
fn asks_with(size: usize) -> Program {
    with_handle(move |ctx| async move {
        let payload = "7".repeat(size);
        let failed = |failure: FailureDetails| failure.error_message;
        let task = ctx.schedule_task("a", json(&payload), TaskOptions::default());
        let child = ctx.create_sub_orchestration("C", json(&payload), ChildOptions::default());
        let sent = ctx.send_event(&instance("other"), "hello", json(&payload));
        let side = ctx.side_value(|| Ok(payload.clone())).map_err(failed);
        let results = (
            task.await.map_err(failed),
            child.await.map_err(failed),
            sent.map_err(failed),
            side,
        );
        ctx.wait_for_external_event("go").await;
        results
    })
}

#[test]
fn what_is_too_large_is_refused_and_the_orchestrator_goes_on() {
    let failures = [
        "the input of activity `a`",
        "the input of sub-orchestration `C`",
        "the event `hello`",
        "the side value",
    ]
    .map(|what| too_large(what, 9, 8));
    let messages = failures
        .clone()
        .map(|failure| format!(r#"{{"Err":"{}"}}"#, failure.error_message));
    let asked = failures
        .iter()
        .zip(0..)
        .fold(waits(), |asked, (failure, id)| {
            asked.asks(id, refused(failure))
        });
    let run = Setup::new(&asks_with(9))
        .max_payload_bytes(8)
        .run()
        .deliver(at(1), started(), asked);
    let output = format!("[{}]", messages.join(","));
    let end = Setup {
        settings: Settings {
            limits: Limits {
                max_payload_bytes: output.len(),
                ..Limits::default()
            },
            ..Settings::default()
        },
        ..run.setup.clone()
    };
    // A refusal is history's: another limit does not change it.
    let mut execution = end.replay(&run.history).unwrap();
    let mut new = history().raised("go", "1").build();
    let episode = execution.deliver(at(2), &mut new).unwrap();
    assert_eq!(episode.ended.unwrap().result, Some(output));
}

#[test]
fn what_was_accepted_stays_so_under_a_smaller_limit() {
    let mut run = run(&asks_with(9));
    run.episode(at(1), started().build());
    let fewer = Setup::new(&asks_with(9)).max_payload_bytes(1);
    let mut replayed = fewer.replay(&run.history).unwrap();
    assert_eq!(replayed.take_open_tasks().len(), 1);
    // The end is new.
    let new = history()
        .completed(0, "1")
        .child_completed(1, "1")
        .raised("go", "1");
    let episode = replayed.deliver(at(2), &mut new.build()).unwrap();
    let failure = episode.ended.unwrap().failure.unwrap();
    assert_eq!(failure.error_type, "steadfast.PayloadTooLarge");
}

#[test]
fn the_limit_itself_is_allowed() {
    let mut run = Setup::new(&asks_with(9)).max_payload_bytes(9).run();
    let episode = run.episode(at(1), started().build());
    let kinds: Vec<_> = episode
        .actions
        .iter()
        .map(|action| action.kind.confirmation().name())
        .collect();
    assert_eq!(
        kinds,
        [
            "TaskScheduled",
            "SubOrchestrationInstanceCreated",
            "EventSent",
            "EventSent"
        ]
    );
}

#[test]
fn an_output_that_is_too_large_fails_the_instance() {
    let program = orchestrator(|_| async { "1234567" });
    let failure = too_large("the output of the orchestration", 9, 8);
    let run = Setup::new(&program).max_payload_bytes(8).run().deliver(
        at(1),
        started(),
        fails(0, &failure),
    );
    let larger = Setup::new(&program);
    let replayed = larger.replay(&run.history).unwrap();
    assert_eq!(replayed.ended().unwrap().failure, Some(failure));
    Setup::new(&program).max_payload_bytes(9).run().deliver(
        at(1),
        started(),
        completes(0, "\"1234567\""),
    );
}

#[test]
fn bytes_are_counted_and_not_characters() {
    let program = orchestrator(|_| async { "ß" });
    let failure = too_large("the output of the orchestration", 4, 3);
    Setup::new(&program)
        .max_payload_bytes(3)
        .run()
        .deliver(at(1), started(), fails(0, &failure));
}

#[test]
fn what_is_too_much_together_is_so_again_when_the_episode_is_replayed() {
    const MEBIBYTE: usize = 1024 * 1024;
    let program = with_handle(|ctx| async move {
        let payload = "7".repeat(MEBIBYTE);
        let (mut kept, mut refused) = (0, Vec::new());
        for _ in 0..MAX_EPISODE_BYTES / MEBIBYTE / 2 + 1 {
            let side = ctx.side_value(|| Ok(payload.clone())).map(drop);
            let sent = ctx.send_event(&instance("other"), "hello", json(&payload));
            for result in [side, sent] {
                match result {
                    Ok(()) => kept += 1,
                    Err(failure) => refused.push(failure.error_type),
                }
            }
        }
        ctx.wait_for_external_event("go").await;
        (kept, refused)
    });
    // Every episode is replayed at once, and must come to the same.
    let mut run = run(&program);
    run.episode(at(1), started().build());
    let episode = run.episode(at(2), history().raised("go", "1").build());
    let too_large = r#""steadfast.PayloadTooLarge""#;
    assert_eq!(
        episode.ended.unwrap().result,
        Some(format!("[63,[{too_large},{too_large},{too_large}]]"))
    );
}
