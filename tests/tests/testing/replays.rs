//! Episodes that are replayed at once: each of a short history, and as many of a long one as do not make it slow.

use std::cell::Cell;

use steadfast::prelude::*;
use steadfast::testing::{EpisodeReplays, TestHub};

use crate::support::{MINUTE, failure_of, say_hello};

thread_local! {
    /// How often an orchestrator of this test began: once, and once more for each replay.
    static RUNS: Cell<u32> = const { Cell::new(0) };
}

fn run() -> u32 {
    RUNS.replace(RUNS.get() + 1)
}

#[orchestrator]
async fn timers(ctx: OrchestrationContext, count: u32) {
    run();
    for _ in 0..count {
        ctx.create_timer(MINUTE).await;
    }
}

/// How often it is run in a hub that replays episodes in this way.
fn runs(replays: EpisodeReplays, count: u32) -> u32 {
    let hub = TestHub::new();
    hub.episode_replays(replays).max_steps(1_000_000);
    RUNS.set(0);
    hub.start(timers(count)).output().unwrap();
    RUNS.get()
}

#[test]
fn replays_are_spaced_out_in_a_long_history() {
    assert_eq!(runs(EpisodeReplays::Never, 400), 1);
    assert_eq!(runs(EpisodeReplays::Always, 400), 1 + 401);
    // Each while it is short.
    assert_eq!(runs(EpisodeReplays::Spaced, 50), 1 + 51);
    let long = runs(EpisodeReplays::Spaced, 400);
    assert!((100..115).contains(&long), "{long}");
    // Twice as long a history has three replays more, and not as many more as it has episodes.
    let longer = runs(EpisodeReplays::Spaced, 800);
    assert!((long + 2..=long + 5).contains(&longer), "{longer}");
}

#[orchestrator]
async fn differs_late(ctx: OrchestrationContext, at: u32, count: u32) -> Result<(), String> {
    let run = run();
    for n in 0..count {
        ctx.create_timer(MINUTE).await;
        if n == at {
            ctx.call(say_hello(format!("run {run}"))).await?;
        }
    }
    Ok(())
}

#[test]
fn what_differs_late_is_found_where_it_was_asked_for() {
    // The last one when the execution ends, and one in the middle with the next replay.
    for (at, count) in [(399, 400), (350, 100_000)] {
        RUNS.set(0);
        let hub = TestHub::new();
        let differs = hub.start(differs_late(at, count));
        let message = failure_of(|| drop(differs.output()));
        assert!(
            message.contains("`differs_late-1` (`differs_late`) does not advance: "),
            "{message}"
        );
        let found = "expected (live) a call of activity `say_hello` with input \"run 0\" at ";
        let place = message.split_once(found).map(|(_, place)| place);
        assert!(
            place.is_some_and(|place| place.contains("testing/replays.rs:")),
            "{message}"
        );
        assert_eq!(message.matches("not deterministic").count(), 1, "{message}");
    }
}
