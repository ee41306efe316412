//! What readers saw, read back from history.

use super::fixtures::{Owner, create, episode, execution};
use crate::model::instance::Incarnation;
use crate::model::status::RuntimeStatus;
use crate::store::{ChangeRow, ContinuedExecution, Store};

/// A page of changes, each as its sequence and its custom status.
async fn read(
    store: &dyn Store,
    incarnation: Incarnation,
    after: u64,
    limit: usize,
) -> Vec<(u64, Option<String>)> {
    let rows = store.changes(incarnation, after, limit).await;
    let rows = rows.expect("changes can be read").into_iter();
    rows.map(|row| (row.sequence, row.custom_status)).collect()
}

/// An instance whose episodes have these sequences and custom statuses.
async fn instance(owner: &Owner<'_>, episodes: &[(u64, Option<&str>)]) -> Incarnation {
    let incarnation = owner.create(create("demo", execution(1))).await;
    for (number, (sequence, status)) in (1..).zip(episodes) {
        let mut write = episode(incarnation, execution(1), number);
        write.row.sequence = *sequence;
        write.row.custom_status = status.map(str::to_owned);
        owner.advance(write).await;
    }
    incarnation
}

fn shown(sequence: u64, status: Option<&str>) -> (u64, Option<String>) {
    (sequence, status.map(str::to_owned))
}

/// From the creation on, whose sequence is 0.
pub async fn every_change_has_its_row(store: &dyn Store) {
    let owner = Owner::of(store).await;
    let incarnation = instance(&owner, &[(1, None), (2, Some("1")), (3, Some("null"))]).await;
    let mut last = episode(incarnation, execution(1), 4);
    last.row.runtime_status = RuntimeStatus::Completed;
    owner.advance(last).await;
    let changes = store.changes(incarnation, 0, 9).await;
    let row = |sequence, runtime_status, status: Option<(u64, &str)>| ChangeRow {
        execution_id: execution(1),
        sequence,
        runtime_status,
        custom_status: status.map(|(_, text)| text.to_owned()),
        status_episode: status.map(|(episode, _)| episode),
    };
    assert_eq!(
        changes.expect("changes can be read"),
        [
            row(1, RuntimeStatus::Running, None),
            row(2, RuntimeStatus::Running, Some((2, "1"))),
            row(3, RuntimeStatus::Running, Some((3, "null"))),
            row(4, RuntimeStatus::Completed, Some((3, "null"))),
        ]
    );
}

/// Wherever it begins, whatever set the status that holds there.
pub async fn page_begins_behind_any_sequence(store: &dyn Store) {
    let owner = Owner::of(store).await;
    let sequences = [1, 4, 5, 6, 9, 10, 11];
    let episodes = sequences.map(|sequence| (sequence, (sequence == 4).then_some("\"four\"")));
    let incarnation = instance(&owner, &episodes).await;
    for after in 0..=12 {
        let behind = sequences.into_iter().filter(|sequence| *sequence > after);
        let all: Vec<_> = behind
            .map(|sequence| shown(sequence, (sequence >= 4).then_some("\"four\"")))
            .collect();
        for limit in [1, 3, 99] {
            let expected = &all[..all.len().min(limit)];
            let page = read(store, incarnation, after, limit).await;
            assert_eq!(page, expected, "behind {after}, at most {limit}");
        }
    }
}

/// An episode that changes nothing has the sequence of the one before it, and is no change.
pub async fn episodes_that_change_nothing_are_left_out(store: &dyn Store) {
    let owner = Owner::of(store).await;
    let episodes = [(1, None), (1, None), (2, Some("2")), (2, None), (3, None)];
    let incarnation = instance(&owner, &episodes).await;
    let all = [shown(1, None), shown(2, Some("2")), shown(3, Some("2"))];
    assert_eq!(read(store, incarnation, 0, 9).await, all);
    assert_eq!(read(store, incarnation, 1, 9).await, all[1..]);
    assert_eq!(read(store, incarnation, 1, 1).await, all[1..2]);
}

/// Their rows are deleted when the instance continues as new.
pub async fn changes_of_earlier_executions_are_gone(store: &dyn Store) {
    let owner = Owner::of(store).await;
    let incarnation = instance(&owner, &[(1, Some("1")), (2, Some("2"))]).await;
    let mut write = episode(incarnation, execution(1), 3);
    write.row.custom_status = Some("3".to_owned());
    write.continued = Some(ContinuedExecution {
        execution_id: execution(2),
        version: None,
    });
    owner.advance(write).await;
    owner.advance(episode(incarnation, execution(2), 4)).await;
    let left = [shown(3, Some("3")), shown(4, Some("3"))];
    assert_eq!(read(store, incarnation, 0, 9).await, left);
    assert_eq!(read(store, incarnation, 3, 9).await, left[1..]);
    assert_eq!(read(store, incarnation, 4, 9).await, []);
}

/// Another incarnation of the same id has its own.
pub async fn an_incarnation_that_is_gone_has_none(store: &dyn Store) {
    let owner = Owner::of(store).await;
    let first = owner
        .ended(create("demo", execution(1)), RuntimeStatus::Completed)
        .await;
    let mut again = create("demo", execution(2));
    again.replaces = vec![RuntimeStatus::Completed];
    let second = owner.create(again).await;
    owner.advance(episode(second, execution(2), 1)).await;
    assert_eq!(read(store, first, 0, 9).await, []);
    assert_eq!(read(store, second, 0, 9).await, [shown(1, None)]);
}
