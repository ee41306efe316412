//! Watching every change: live, from a cursor, after a restart, too slowly.

use futures_util::TryStreamExt as _;
use steadfast::model::instance::Incarnation;
use steadfast::prelude::*;
use steadfast::testing::{CommitFault, SingleThreaded};
use steadfast::{Change, ChangeWatch, ClientError, Cursor, InstanceHandle, definitions};

use crate::support::{Worker as _, World};

/// Publishes each number that it is told; continues as new at 100, and ends at 0.
#[orchestrator]
async fn repeat(ctx: OrchestrationContext) -> Result<String, String> {
    loop {
        let told: u32 = ctx
            .wait_for_external_event_named("next")
            .await
            .map_err(|error| error.to_string())?;
        ctx.set_custom_status(told)
            .map_err(|error| error.to_string())?;
        match told {
            0 => return Ok("done".into()),
            100 => return ctx.continue_as_new(repeat()).await,
            _ => {}
        }
    }
}

fn start(world: &World) -> (SingleThreaded, InstanceHandle) {
    let mut worker = world.worker(definitions![repeat]);
    let client = worker.client().clone();
    let handle = worker.wait(client.start(repeat().id("a")));
    worker.run_until_idle();
    (worker, (*handle).clone())
}

/// One commit for each number.
fn tell(worker: &mut SingleThreaded, numbers: impl IntoIterator<Item = u32>) {
    for number in numbers {
        let instance = worker.instance("a");
        worker.wait(instance.raise_event_named("next", &number));
        worker.run_until_idle();
    }
}

/// The next changes.
fn take(worker: &mut SingleThreaded, watch: &mut ChangeWatch, count: usize) -> Vec<Change> {
    (0..count)
        .map(|_| worker.wait(watch.next()).expect("another change"))
        .collect()
}

/// Their sequences, statuses and skipped counts.
fn shown(changes: &[Change]) -> Vec<(u64, &str, u64)> {
    changes
        .iter()
        .map(|change| {
            let status = change.custom_status.as_ref();
            let status = status.map_or("", CustomStatus::as_json);
            (change.cursor.sequence, status, change.skipped)
        })
        .collect()
}

#[test]
fn every_commit_is_shown_once_and_in_order_however_late_it_is_read() {
    let (mut worker, instance) = start(&World::new());
    let mut watch = instance.watch_changes();
    let first = take(&mut worker, &mut watch, 1);
    assert_eq!(shown(&first), [(1, "", 0)]);
    assert_eq!(first[0].runtime_status, RuntimeStatus::Running);
    tell(&mut worker, [1, 2, 2, 3, 0]);
    let rest = take(&mut worker, &mut watch, 4);
    assert_eq!(
        shown(&rest),
        [(2, "1", 0), (3, "2", 0), (4, "3", 0), (5, "0", 0)]
    );
    let last = &rest[3];
    assert_eq!(
        (last.runtime_status, last.output.as_deref(), &*last.name),
        (RuntimeStatus::Completed, Some("\"done\""), "repeat")
    );
    assert!(worker.wait(watch.next()).is_none());
    assert!(worker.wait(watch.has_ended()));
}

#[test]
fn a_typed_watch_is_a_stream_too() {
    let mut worker = World::new().worker(definitions![repeat]);
    let client = worker.client().clone();
    let handle = worker.wait(client.start(repeat().id("a")));
    let changes = handle.watch_changes().into_stream();
    tell(&mut worker, [1, 0]);
    let changes: Vec<_> = worker.wait(changes.try_collect());
    let last = changes.last().unwrap();
    assert_eq!(last.runtime_status, RuntimeStatus::Completed);
}

#[test]
fn a_watch_goes_on_from_a_cursor_also_in_another_worker() {
    let world = World::new();
    let (mut worker, instance) = start(&world);
    let mut watch = instance.watch_changes();
    let first = take(&mut worker, &mut watch, 1);
    drop(watch);
    tell(&mut worker, [1, 2, 3]);
    let since = [(2, "1", 0), (3, "2", 0), (4, "3", 0)];
    for _ in 0..2 {
        let mut again = worker.instance("a").watch_changes().after(first[0].cursor);
        assert_eq!(shown(&take(&mut worker, &mut again, 3)), since);
        // The store and what is pushed do not overlap.
        drop(again);
        drop(worker);
        worker = world.worker(definitions![repeat]);
    }
    let mut again = worker.instance("a").watch_changes().after(first[0].cursor);
    assert_eq!(shown(&take(&mut worker, &mut again, 2)), since[..2]);
    tell(&mut worker, [4, 0]);
    assert_eq!(
        shown(&take(&mut worker, &mut again, 3)),
        [(4, "3", 0), (5, "4", 0), (6, "0", 0)]
    );
    assert!(worker.wait(again.next()).is_none());
}

#[test]
fn reading_back_takes_several_pages_and_ends_with_the_output() {
    let (mut worker, instance) = start(&World::new());
    let begin = worker.status("a").cursor;
    tell(&mut worker, (0..99).map(|number| 1 + number % 2));
    tell(&mut worker, [0]);
    let changes = instance.watch_changes().after(begin).into_stream();
    let changes: Vec<Change> = worker.wait(changes.try_collect());
    let sequences: Vec<_> = changes
        .iter()
        .map(|change| change.cursor.sequence)
        .collect();
    assert_eq!(
        sequences,
        (begin.sequence + 1..=begin.sequence + 100).collect::<Vec<_>>()
    );
    assert!(changes.iter().all(|change| change.skipped == 0));
    assert_eq!(changes[99].output.as_deref(), Some("\"done\""));
    assert_eq!(changes[98].output, None);
}

#[test]
fn nothing_comes_behind_the_end() {
    let (mut worker, instance) = start(&World::new());
    tell(&mut worker, [0]);
    let end = worker.status("a").cursor;
    let mut watch = instance.watch_changes().after(end);
    assert!(worker.wait(watch.has_ended()));
    assert!(worker.wait(watch.next()).is_none());
    let before = Cursor {
        sequence: end.sequence - 1,
        ..end
    };
    let mut watch = instance.watch_changes().after(before);
    assert!(!worker.wait(watch.has_ended()));
    assert_eq!(shown(&take(&mut worker, &mut watch, 1)), [(2, "0", 0)]);
    assert!(worker.wait(watch.next()).is_none());
}

#[test]
fn a_cursor_that_nobody_had_gives_the_state_now() {
    let (mut worker, instance) = start(&World::new());
    tell(&mut worker, [1, 0]);
    let old = worker.status("a").cursor;
    let client = worker.client().clone();
    worker.wait(client.start(repeat().id("a")));
    tell(&mut worker, [2]);
    let now = worker.status("a").cursor;
    assert!(now.incarnation > old.incarnation);
    // How many changes the incarnation had had, when the cursor is of an earlier one.
    let made_up = |incarnation, sequence| Cursor {
        incarnation: Incarnation(incarnation),
        sequence,
    };
    for (cursor, skipped) in [
        (old, now.sequence),
        (made_up(now.incarnation.0, now.sequence + 5), 0),
        (made_up(now.incarnation.0 + 5, 0), 0),
        (made_up(u64::MAX, u64::MAX), 0),
    ] {
        let mut watch = instance.watch_changes().after(cursor);
        let change = take(&mut worker, &mut watch, 1);
        assert_eq!(shown(&change), [(now.sequence, "2", skipped)], "{cursor}");
        assert_eq!(change[0].cursor, now);
    }
}

#[test]
fn what_was_before_the_instance_continued_as_new_is_counted() {
    let (mut worker, instance) = start(&World::new());
    let begin = worker.status("a").cursor;
    let mut live = instance.watch_changes();
    take(&mut worker, &mut live, 1);
    tell(&mut worker, [1, 2, 100, 3]);
    let all = [(2, "1", 0), (3, "2", 0), (4, "100", 0), (5, "3", 0)];
    assert_eq!(shown(&take(&mut worker, &mut live, 4)), all);
    let mut again = instance.watch_changes().after(begin);
    assert_eq!(
        shown(&take(&mut worker, &mut again, 2)),
        [(4, "100", 2), (5, "3", 0)]
    );
}

#[test]
fn a_reader_that_is_too_slow_goes_on_with_the_latest_and_is_told_how_many_it_missed() {
    let (mut worker, instance) = start(&World::new());
    let mut watch = instance.watch_changes();
    let first = take(&mut worker, &mut watch, 1);
    tell(&mut worker, (0..1000).map(|number| 1 + number % 2));
    let latest = take(&mut worker, &mut watch, 1);
    let now = worker.status("a").cursor;
    assert_eq!(now.sequence, first[0].cursor.sequence + 1000);
    assert_eq!(shown(&latest), [(now.sequence, "2", 999)]);
    tell(&mut worker, [0]);
    assert_eq!(
        shown(&take(&mut worker, &mut watch, 1)),
        [(now.sequence + 1, "0", 0)]
    );
}

#[test]
fn what_an_unknown_outcome_hid_is_read_back() {
    let (fault, world) = World::breakable();
    let (mut worker, instance) = start(&world);
    let mut watch = instance.watch_changes();
    take(&mut worker, &mut watch, 1);
    tell(&mut worker, [1]);
    *fault.lock().unwrap() = Some(CommitFault::Unacknowledged);
    let raised = worker.block_on(instance.raise_event_named("next", &2));
    assert!(matches!(raised, Err(ClientError::Store(_))), "{raised:?}");
    worker.settle();
    tell(&mut worker, [3, 0]);
    assert_eq!(
        shown(&take(&mut worker, &mut watch, 4)),
        [(2, "1", 0), (3, "2", 0), (4, "3", 0), (5, "0", 0)]
    );
    assert!(worker.wait(watch.next()).is_none());
}

#[test]
fn an_instance_that_is_not_there_is_an_error() {
    let (mut worker, instance) = start(&World::new());
    let mut nobody = worker.instance("b").watch_changes();
    let error = worker.block_on(nobody.next()).unwrap_err();
    assert!(matches!(error, ClientError::NotFound { .. }), "{error}");
    drop(nobody);
    assert_eq!(instance.client().open_watches(), 0);
}

#[test]
fn open_watches_are_counted() {
    let (mut worker, instance) = start(&World::new());
    let client = worker.client().clone();
    assert_eq!(client.open_watches(), 0);
    let mut watches = [instance.watch_changes(), instance.watch_changes()];
    assert_eq!(client.open_watches(), 2);
    for watch in &mut watches {
        take(&mut worker, watch, 1);
    }
    drop(watches);
    assert_eq!(client.open_watches(), 0);
}
