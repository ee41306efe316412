//! Code that does not fit: what is told of it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use steadfast::definitions;
use steadfast::replay::{Divergence, DivergenceKind};
use steadfast::testing::replay;
use steadfast::{ExportedHistory, Registration};

use crate::support::{World, history, pack, send, ship};

/// The history of an order that was packed, and sent if it is to be.
fn order(sent: bool) -> ExportedHistory {
    let world = World::new();
    let mut worker = world.worker(definitions![ship::first, pack, send]);
    let client = worker.client().clone();
    let handle = worker
        .block_on(client.start(ship::first(7).id("order-7")))
        .unwrap();
    worker.run_until_idle();
    if sent {
        worker
            .block_on(handle.raise_event_named("address", "here"))
            .unwrap();
    }
    history(&mut worker, "order-7")
}

#[track_caller]
fn diverges(
    history: &ExportedHistory,
    definitions: Vec<Registration>,
    kind: DivergenceKind,
) -> Box<Divergence> {
    let divergence = replay(history).try_against(definitions).unwrap_err();
    assert_eq!(divergence.kind, kind, "{divergence}");
    assert_eq!(divergence.name, "ship");
    divergence
}

#[test]
fn another_call_is_told_as_a_diff_with_what_can_be_done() {
    let order = order(true);
    let divergence = diverges(&order, definitions![ship::weighing], DivergenceKind::Calls);
    assert_eq!(divergence.event_id, Some(0));
    assert_eq!(
        (divergence.expected.as_deref(), divergence.found.as_deref()),
        (
            Some("a call of activity `pack`"),
            Some("a call of activity `weigh`")
        )
    );
    let location = divergence.location.clone().unwrap();
    assert!(
        location.starts_with("tests/tests/replay/support.rs:"),
        "{location}"
    );
    let told = divergence.to_string();
    for part in [
        "the code asks for something else than was recorded\n",
        "instance      `order-7`\n",
        "orchestrator  `ship` at tests/tests/replay/support.rs:",
        "    episode of 2023-11-14T22:13:20Z\n          ExecutionStarted with 7\n",
        "  -     0 a call of activity `pack` with input 7\n",
        &format!("  +     0 a call of activity `weigh`   <- {location}\n"),
        "          TaskCompleted of event 0 with \"parcel 7\"\n",
        "events behind\n",
        "  expected  a call of activity `pack`\n",
        "  found     a call of activity `weigh`\n",
        "`version = \"..\"`",
        "ctx.patched",
    ] {
        assert!(told.contains(part), "{part:?} is not in:\n{told}");
    }
}

#[test]
fn what_the_code_asks_for_beyond_history_stands_where_history_ends() {
    let waiting = order(false);
    let divergence = diverges(
        &waiting,
        definitions![ship::panicking],
        DivergenceKind::Panic,
    );
    let (found, location) = (divergence.found.unwrap(), divergence.location.unwrap());
    assert!(found.contains("not a box but parcel 7"), "{found}");
    assert!(location.contains("support.rs:"), "{location}");
}

#[test]
fn an_output_or_custom_status_that_is_another_one_now() {
    let sent = order(true);
    let divergence = diverges(&sent, definitions![ship::reworded], DivergenceKind::Output);
    assert_eq!(
        divergence.expected.as_deref(),
        Some("the end of the orchestration (Completed) with \"parcel 7 is on its way\"")
    );
    assert_eq!(
        divergence.found.as_deref(),
        Some("the end of the orchestration (Completed) with \"sent\"")
    );
    let waiting = order(false);
    let divergence = diverges(
        &waiting,
        definitions![ship::reworded],
        DivergenceKind::CustomStatus,
    );
    assert_eq!(
        divergence.message,
        "the code leaves another custom status than was recorded: expected \"packed\", found \"in a box\""
    );
}

#[test]
fn inputs_are_compared_on_request() {
    let waiting = order(false);
    replay(&waiting).against(definitions![ship::off_by_one]);
    let divergence = replay(&waiting)
        .in_full()
        .try_against(definitions![ship::off_by_one])
        .unwrap_err();
    assert_eq!(
        divergence.found.as_deref(),
        Some("a call of activity `pack` with input 8")
    );
}

#[test]
fn what_is_missing_or_cannot_be_read_is_named() {
    let waiting = order(false);
    let missing = diverges(
        &waiting,
        definitions![pack],
        DivergenceKind::MissingDefinition,
    );
    assert!(
        missing.to_string().contains("use that_library as _;"),
        "{missing}"
    );
    let unread = diverges(
        &waiting,
        definitions![ship::retyped],
        DivergenceKind::Undecodable,
    );
    assert!(
        unread.message.contains("the input cannot be decoded"),
        "{unread}"
    );
    assert!(
        unread.to_string().contains("ExecutionStarted with 7"),
        "{unread}"
    );
}

#[test]
fn an_endless_loop_and_a_foreign_await_are_found() {
    let waiting = order(false);
    diverges(
        &waiting,
        definitions![ship::spinning],
        DivergenceKind::PollBound,
    );
    diverges(
        &waiting,
        definitions![ship::foreign],
        DivergenceKind::ForeignAwait,
    );
}

#[test]
fn a_history_that_was_edited_is_no_history() {
    let mut edited = order(false);
    let again = edited.episodes[1].events.clone();
    edited.episodes[2].events.extend(again);
    let told = replay(&edited)
        .try_against(definitions![ship::first])
        .unwrap_err();
    assert_eq!(told.kind, DivergenceKind::MalformedHistory, "{told}");
}

#[test]
fn a_test_fails_with_the_diff_and_the_name_of_the_file() {
    let waiting = order(false);
    let failing = AssertUnwindSafe(|| {
        replay(&waiting)
            .named("histories/order.json")
            .against(definitions![ship::weighing]);
    });
    let panic = catch_unwind(failing).unwrap_err();
    let message = panic.downcast_ref::<String>().unwrap();
    for part in [
        "history       histories/order.json\n",
        "found     a call of activity `weigh`",
    ] {
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn blanked_payloads_are_replayed_as_far_as_the_code_does_not_look() {
    let sent = order(true).redact();
    let json = sent.to_json();
    assert!(
        !json.contains("parcel") && !json.contains("packed") && !json.contains("here"),
        "{json}"
    );
    let sent = ExportedHistory::from_json(&json).unwrap();
    replay(&sent).against(definitions![ship::first]);
    // Its end is not compared.
    replay(&sent).against(definitions![ship::reworded]);
    let divergence = diverges(&sent, definitions![ship::weighing], DivergenceKind::Calls);
    assert!(
        divergence.to_string().contains("are blanked"),
        "{divergence}"
    );

    let world = World::new();
    let mut worker = world.worker(definitions![ship::first, pack, send]);
    let client = worker.client().clone();
    let refused = worker.block_on(client.import(&sent)).unwrap_err();
    assert!(refused.to_string().contains("blanked"), "{refused}");
}
