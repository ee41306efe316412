//! The slot of the custom status: untouched, set or cleared.

use super::fixtures::{Owner, create, episode, execution};
use crate::store::Store;

/// Also after episodes that do not touch it.
pub async fn never_set_is_none(store: &dyn Store) {
    let owner = Owner::of(store).await;
    let incarnation = owner.create(create("demo", execution(1))).await;
    assert_eq!(owner.read("demo").await.custom_status, None);
    owner.advance(episode(incarnation, execution(1), 1)).await;
    let rows = owner.read("demo").await;
    assert_eq!(
        (rows.custom_status, rows.header.status_episode),
        (None, None)
    );
}

/// What an instance begins with is in its first row.
pub async fn initial_value_is_read(store: &dyn Store) {
    let owner = Owner::of(store).await;
    let mut create = create("demo", execution(1));
    create.custom_status = Some("\"queued\"".to_owned());
    owner.create(create).await;
    let rows = owner.read("demo").await;
    assert_eq!(rows.custom_status.as_deref(), Some("\"queued\""));
    assert_eq!(rows.header.status_episode, Some(0));
    assert_eq!(
        owner.load("demo").await.history[0].custom_status.as_deref(),
        Some("\"queued\"")
    );
}

/// And every earlier value stays in the row that set it.
pub async fn last_value_set_is_read(store: &dyn Store) {
    let owner = Owner::of(store).await;
    let incarnation = owner.create(create("demo", execution(1))).await;
    for number in 1..=3 {
        let mut write = episode(incarnation, execution(1), number);
        write.row.custom_status = Some(number.to_string());
        owner.advance(write).await;
        assert_eq!(
            owner.read("demo").await.custom_status,
            Some(number.to_string())
        );
    }
    let history = owner.load("demo").await.history;
    let values: Vec<_> = history
        .iter()
        .map(|row| row.custom_status.as_deref())
        .collect();
    assert_eq!(values, [None, Some("1"), Some("2"), Some("3")]);
}

/// An episode that does not touch it leaves the stored value alone.
pub async fn untouched_value_stays(store: &dyn Store) {
    let owner = Owner::of(store).await;
    let incarnation = owner.create(create("demo", execution(1))).await;
    let mut write = episode(incarnation, execution(1), 1);
    write.row.custom_status = Some("\"greeting\"".to_owned());
    owner.advance(write).await;
    owner.advance(episode(incarnation, execution(1), 2)).await;
    let rows = owner.read("demo").await;
    assert_eq!(rows.custom_status.as_deref(), Some("\"greeting\""));
    assert_eq!(
        (rows.header.status_episode, rows.header.episode),
        (Some(1), 2)
    );
}

/// A cleared slot is not one that was never set.
pub async fn cleared_value_is_null(store: &dyn Store) {
    let owner = Owner::of(store).await;
    let incarnation = owner.create(create("demo", execution(1))).await;
    for (number, value) in [(1, "\"greeting\""), (2, "null")] {
        let mut write = episode(incarnation, execution(1), number);
        write.row.custom_status = Some(value.to_owned());
        owner.advance(write).await;
    }
    let rows = owner.read("demo").await;
    assert_eq!(
        (rows.custom_status.as_deref(), rows.header.status_episode),
        (Some("null"), Some(2))
    );
}
