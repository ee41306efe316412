//! What a person is told who looks for the line that is wrong.

use std::fmt::Debug;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use steadfast::prelude::*;
use steadfast::testing::EpisodeReplays;
use steadfast::{SuspiciousAwaits, definitions};
use tracing::field::{Field, Visit};
use tracing::{Event, Metadata, Subscriber, span, subscriber};

use crate::support::{Worker as _, World, call_pass, entered, pass, wait_for_go};

/// Collects what is logged, as text.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.push_str(&format!(" {field}={value:?}"));
    }
}

impl Subscriber for Log {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut text = Text(event.metadata().level().to_string());
        event.record(&mut text);
        self.0.lock().unwrap().push(text.0);
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

impl Log {
    /// The only entry that has these words.
    #[track_caller]
    fn only(&self, words: &str) -> String {
        let entries = self.0.lock().unwrap();
        let found: Vec<_> = entries
            .iter()
            .filter(|entry| entry.contains(words))
            .collect();
        assert_eq!(found.len(), 1, "{entries:?}");
        found[0].clone()
    }
}

#[track_caller]
fn assert_has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "`{part}` is not in: {text}");
    }
}

fn line(line: u32) -> String {
    format!(" at {}:{line}", file!())
}

static NUMBERS: AtomicU32 = AtomicU32::new(0);

/// What no orchestrator may call, and no compiler sees.
fn next_number() -> u32 {
    NUMBERS.fetch_add(1, SeqCst)
}

const NUMBERS_LINE: u32 = line!() + 5;

#[orchestrator]
async fn numbers(ctx: OrchestrationContext) -> Result<String, String> {
    let mut number = format!("gate-{}", next_number());
    number = ctx.call(pass(number)).await?;
    Ok(number)
}

#[test]
fn code_that_is_not_deterministic_is_set_aside_before_anything_is_committed() {
    for max_live_instances in [0, 100] {
        let world = World {
            replays: EpisodeReplays::Always,
            max_live_instances,
            ..World::new()
        };
        let mut worker = world.worker(definitions![numbers, pass]);
        let client = worker.client().clone();
        let handle = worker.wait(client.start(numbers().id("a")));
        let status = worker.status("a");
        assert_eq!(status.runtime_status, RuntimeStatus::Pending);
        let why = status.stalled.unwrap();
        let place = line(NUMBERS_LINE);
        assert_has(
            &why,
            &[
                "orchestrator `numbers` at ",
                "at event 0: expected (live) a call of activity `pass` with input \"gate-",
                "found (on replay) a call of activity `pass` with input \"gate-",
                &place,
            ],
        );
        assert_eq!(why.matches(&*place).count(), 2, "{why}");
        let names = worker.wait(handle.history());
        assert!(
            names
                .iter()
                .all(|event| event.kind.name() != "TaskScheduled")
        );
        worker.wait(handle.terminate(Some("enough")));
        let status = worker.status("a");
        assert_eq!(status.runtime_status, RuntimeStatus::Terminated);
    }
    assert!((0..NUMBERS.load(SeqCst)).all(|number| entered(&format!("gate-{number}")) == 0));
}

const CHANNEL_LINE: u32 = line!() + 3;

#[orchestrator]
async fn awaits_a_channel(ctx: OrchestrationContext) -> Result<String, String> {
    let kept = ctx.call(pass("kept".into()));
    let (_sender, receiver) = tokio::sync::oneshot::channel::<()>();
    let _ = receiver.await;
    Ok(kept.await?)
}

#[test]
fn a_suspicious_await_is_reported_once_or_sets_the_instance_aside() {
    let log = Log::default();
    let words = "but something else";
    subscriber::with_default(log.clone(), || {
        let world = World {
            suspicious_awaits: SuspiciousAwaits::Report,
            ..World::new()
        };
        let mut worker = world.worker(definitions![awaits_a_channel, pass]);
        let client = worker.client().clone();
        worker.wait(client.start(awaits_a_channel().id("a")));
        assert_eq!(worker.status("a").stalled, None);
        let handle = worker.instance("a");
        worker.wait(handle.raise_event_named("go", "x"));
        assert_eq!(worker.status("a").stalled, None);
        assert_eq!(entered("kept"), 1);
    });
    let defined_at = format!("defined_at=\"{}:{CHANNEL_LINE}\"", file!());
    assert_has(
        &log.only(words),
        &[
            "WARN",
            "instance=a",
            "orchestrator=awaits_a_channel",
            &defined_at,
        ],
    );

    let mut worker = World::new().worker(definitions![awaits_a_channel, pass]);
    let client = worker.client().clone();
    worker.wait(client.start(awaits_a_channel().id("a")));
    let why = worker.status("a").stalled.unwrap();
    assert_has(
        &why,
        &[words, &format!("`awaits_a_channel`{}:", line(CHANNEL_LINE))],
    );
    // What it asked for with that was not committed.
    assert_eq!(entered("kept"), 1);
}

#[activity]
async fn always_fails(what: String) -> Result<(), String> {
    Err(what)
}

const FAILS_LINE: u32 = line!() + 4;

#[orchestrator]
async fn fails(ctx: OrchestrationContext) -> Result<(), String> {
    ctx.call(always_fails("lost".into())).await?;
    Ok(())
}

#[orchestrator]
async fn fails_in_a_child(ctx: OrchestrationContext) -> Result<(), String> {
    let child = ctx.call(fails().id("child"));
    child.await?;
    Ok(())
}

#[test]
fn a_failure_is_logged_with_the_line_of_the_call_that_failed() {
    let log = Log::default();
    subscriber::with_default(log.clone(), || {
        let mut worker = World::new().worker(definitions![fails_in_a_child, fails, always_fails]);
        let client = worker.client().clone();
        worker.wait(client.start(fails_in_a_child().id("a")));
        let status = worker.status("a");
        assert_eq!(status.runtime_status, RuntimeStatus::Failed);
        assert!(!status.failure.unwrap().error_message.contains(".rs"));
    });
    let child = log.only("instance=child");
    let place = format!("activity `always_fails`{}:", line(FAILS_LINE));
    assert_has(
        &child,
        &["an orchestration failed", "error=\"lost\"", &place],
    );
    let parent = log.only("instance=a");
    let place = format!("sub-orchestration `fails`{}:", line(FAILS_LINE + 6));
    assert_has(&parent, &["an orchestration failed", &place]);
}

#[test]
fn what_an_instance_waits_for_says_where_it_was_asked_for() {
    let mut worker = World::new().worker(definitions![call_pass, wait_for_go, pass]);
    let client = worker.client().clone();
    worker.wait(client.start(call_pass("gate".into()).id("a")));
    worker.wait(client.start(wait_for_go().id("b")));
    worker.run_until_idle();
    for id in ["a", "b"] {
        let handle = worker.instance(id);
        let waits = worker.wait(handle.waiting_on());
        let places: Vec<_> = waits
            .iter()
            .map(|wait| wait.location.unwrap().file())
            .collect();
        assert_eq!(places, ["tests/tests/worker/support.rs"]);
    }
}
