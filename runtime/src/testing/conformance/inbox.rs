//! Messages that wait, and instances that cannot advance.

use super::fixtures::{
    Owner, create, episode, execution, instance_id, last_episode, message, stalled,
};
use crate::model::instance::Incarnation;
use crate::store::{Refused, Store, StoredInstance, Write, Written};

fn events(stored: &StoredInstance) -> Vec<&str> {
    stored.inbox.iter().map(|row| row.event.as_str()).collect()
}

/// Each instance has its own; the numbers grow over all of them.
pub async fn messages_wait_in_order_of_arrival(store: &dyn Store) {
    let owner = Owner::of(store).await;
    let first = owner.create(create("first", execution(1))).await;
    let second = owner.create(create("second", execution(2))).await;
    owner
        .commit(&[
            message(first, "a"),
            message(second, "b"),
            message(first, "c"),
        ])
        .await;
    owner.enqueue(second, "b").await;
    let (first, second) = (owner.load("first").await, owner.load("second").await);
    assert_eq!(
        (events(&first), events(&second)),
        (vec!["a", "c"], vec!["b", "b"])
    );
    let numbers = [
        &first.inbox[0],
        &second.inbox[0],
        &first.inbox[1],
        &second.inbox[1],
    ]
    .map(|row| row.sequence);
    assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
}

/// Later messages of the instance, and all messages of others, stay.
pub async fn episode_takes_messages_up_to_one(store: &dyn Store) {
    let owner = Owner::of(store).await;
    let incarnation = owner.create(create("demo", execution(1))).await;
    let other = owner.create(create("other", execution(2))).await;
    owner
        .commit(&["a", "b"].map(|event| message(incarnation, event)))
        .await;
    owner.enqueue(other, "x").await;
    owner.enqueue(incarnation, "c").await;
    let mut write = episode(incarnation, execution(1), 1);
    write.inbox_taken = Some(owner.load("demo").await.inbox[1].sequence);
    owner.advance(write).await;
    assert_eq!(events(&owner.load("demo").await), ["c"]);
    assert_eq!(events(&owner.load("other").await), ["x"]);
}

/// An episode that came of something else leaves the inbox alone.
pub async fn episode_that_takes_none_leaves_all(store: &dyn Store) {
    let owner = Owner::of(store).await;
    let incarnation = owner.create(create("demo", execution(1))).await;
    owner.enqueue(incarnation, "a").await;
    owner.advance(episode(incarnation, execution(1), 1)).await;
    assert_eq!(events(&owner.load("demo").await), ["a"]);
}

/// Neither does a refused one.
pub async fn repeated_episode_takes_nothing_more(store: &dyn Store) {
    let owner = Owner::of(store).await;
    let incarnation = owner.create(create("demo", execution(1))).await;
    let mut write = episode(incarnation, execution(1), 1);
    write.inbox_taken = Some(1_000_000);
    owner.advance(write.clone()).await;
    owner.enqueue(incarnation, "a").await;
    owner.advance(write.clone()).await;
    write.row.episode = 3;
    assert_eq!(
        owner.write(Write::Episode(write)).await,
        Err(Refused::Stale)
    );
    assert_eq!(events(&owner.load("demo").await), ["a"]);
}

/// Nothing reads it any more.
pub async fn ended_instance_takes_no_message(store: &dyn Store) {
    let owner = Owner::of(store).await;
    let incarnation = owner.create(create("demo", execution(1))).await;
    owner
        .advance(last_episode(incarnation, execution(1), 1))
        .await;
    assert_eq!(
        owner.write(message(incarnation, "a")).await,
        Err(Refused::Stale)
    );
    assert_eq!(events(&owner.load("demo").await), [""; 0]);
}

/// A message is for a creation of an id, not for the id.
pub async fn unknown_instance_takes_no_message(store: &dyn Store) {
    let owner = Owner::of(store).await;
    assert_eq!(
        owner.write(message(Incarnation(1_000_000), "a")).await,
        Err(Refused::Stale)
    );
}

/// Whoever has read some reads on behind them.
pub async fn inbox_is_read_on_behind_a_message(store: &dyn Store) {
    let owner = Owner::of(store).await;
    let incarnation = owner.create(create("demo", execution(1))).await;
    let other = owner.create(create("other", execution(2))).await;
    let writes = [
        message(incarnation, "a"),
        message(other, "x"),
        message(incarnation, "b"),
        message(incarnation, "c"),
    ];
    owner.commit(&writes).await;
    let all = owner.load("demo").await.inbox;
    let id = instance_id("demo");
    for known in 0..=all.len() {
        let after = known.checked_sub(1).map_or(0, |last| all[last].sequence);
        let found = store.inbox(&id, incarnation, after).await;
        assert_eq!(found.expect("an inbox can be read"), all[known..]);
    }
    let found = store.inbox(&id, Incarnation(1_000_000), 0).await;
    assert_eq!(found.expect("an inbox can be read"), []);
}

/// A message for an execution says so, and is refused when that is not the current one.
pub async fn message_may_be_for_one_execution(store: &dyn Store) {
    let owner = Owner::of(store).await;
    let incarnation = owner.create(create("demo", execution(1))).await;
    let for_execution = |number| Write::Enqueue {
        incarnation,
        execution: Some(execution(number)),
        event: "a".to_owned(),
    };
    assert_eq!(owner.write(for_execution(1)).await, Ok(Written::Stored));
    assert_eq!(owner.write(for_execution(2)).await, Err(Refused::Stale));
    owner.enqueue(incarnation, "b").await;
    let found = owner.load("demo").await.inbox;
    let found: Vec<_> = found.iter().map(|row| row.execution).collect();
    assert_eq!(found, [Some(execution(1)), None]);
}

/// The reason is there for an operator, and the next worker looks again.
pub async fn stalled_instance_needs_attention(store: &dyn Store) {
    let owner = Owner::of(store).await;
    let incarnation = owner.create(create("demo", execution(1))).await;
    owner.advance(episode(incarnation, execution(1), 1)).await;
    let mut expected = owner.load("demo").await;
    assert_eq!(
        owner
            .write(stalled(incarnation, Some("no such activity")))
            .await,
        Ok(Written::Stored)
    );
    expected.header.stalled = Some("no such activity".to_owned());
    expected.header.needs_attention = true;
    assert_eq!(owner.load("demo").await, expected);
}

/// Whether it needs attention is for the next episode to say.
pub async fn instance_that_is_no_longer_stalled_still_needs_attention(store: &dyn Store) {
    let owner = Owner::of(store).await;
    let incarnation = owner.create(create("demo", execution(1))).await;
    owner.advance(episode(incarnation, execution(1), 1)).await;
    assert_eq!(
        owner.write(stalled(incarnation, None)).await,
        Ok(Written::Stored)
    );
    assert!(
        !owner.load("demo").await.header.needs_attention,
        "it never did"
    );
    owner
        .commit(&[
            stalled(incarnation, Some("no such activity")),
            stalled(incarnation, None),
        ])
        .await;
    let header = owner.load("demo").await.header;
    assert_eq!((header.stalled, header.needs_attention), (None, true));
}

/// Only who could advance can be unable to.
pub async fn ended_or_unknown_instance_cannot_stall(store: &dyn Store) {
    let owner = Owner::of(store).await;
    let incarnation = owner.create(create("demo", execution(1))).await;
    owner
        .advance(last_episode(incarnation, execution(1), 1))
        .await;
    let before = owner.load("demo").await;
    for reason in [Some("no such activity"), None] {
        assert_eq!(
            owner.write(stalled(incarnation, reason)).await,
            Err(Refused::Stale)
        );
        assert_eq!(
            owner.write(stalled(Incarnation(1_000_000), reason)).await,
            Err(Refused::Stale)
        );
    }
    assert_eq!(owner.load("demo").await, before);
}
