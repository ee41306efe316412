//! Committing episodes: in order, once, of the right execution.

use super::fixtures::{Owner, at, committed, create, episode, execution};
use crate::model::instance::Incarnation;
use crate::model::status::RuntimeStatus;
use crate::store::{InstanceHeader, Refused, Store, Write};

/// Everything that an episode says is in the header and the row that are loaded.
pub async fn episode_sets_every_column(store: &dyn Store) {
    let owner = Owner::of(store).await;
    let incarnation = owner.create(create("demo", execution(1))).await;
    let created = owner.load("demo").await.header;
    let mut write = episode(incarnation, execution(1), 1);
    write.row.runtime_status = RuntimeStatus::Suspended;
    write.row.custom_status = Some("{\"done\":1}".to_owned());
    write.row.sequence = 5;
    write.last_updated_at = at(60);
    write.next_timer = Some(at(3600));
    write.needs_attention = true;
    write.stalled = Some("no such activity".to_owned());
    owner.advance(write.clone()).await;

    let stored = owner.load("demo").await;
    let expected = InstanceHeader {
        runtime_status: RuntimeStatus::Suspended,
        last_updated_at: at(60),
        episode: 1,
        status_episode: Some(1),
        sequence: 5,
        next_timer: Some(at(3600)),
        needs_attention: true,
        stalled: Some("no such activity".to_owned()),
        ..created
    };
    assert_eq!(stored.header, expected);
    assert_eq!(stored.history[1], write.row);
}

/// Timer, attention and stall reason are those of the last episode.
pub async fn next_episode_clears_what_it_does_not_set(store: &dyn Store) {
    let owner = Owner::of(store).await;
    let incarnation = owner.create(create("demo", execution(1))).await;
    let mut write = episode(incarnation, execution(1), 1);
    write.next_timer = Some(at(3600));
    write.needs_attention = true;
    write.stalled = Some("no such activity".to_owned());
    owner.advance(write).await;
    owner.advance(episode(incarnation, execution(1), 2)).await;
    let header = owner.load("demo").await.header;
    assert_eq!(
        (header.next_timer, header.needs_attention, header.stalled),
        (None, false, None)
    );
}

/// An episode builds on the one before it.
pub async fn episodes_apply_in_order_only(store: &dyn Store) {
    let owner = Owner::of(store).await;
    let incarnation = owner.create(create("demo", execution(1))).await;
    let before = owner.load("demo").await;
    for number in [0, 2, 3, 1000] {
        let result = owner
            .write(Write::Episode(episode(incarnation, execution(1), number)))
            .await;
        assert_eq!(result, Err(Refused::Stale), "episode {number}");
    }
    assert_eq!(owner.load("demo").await, before);
    owner.advance(episode(incarnation, execution(1), 1)).await;
    owner.advance(episode(incarnation, execution(1), 2)).await;
    let numbers: Vec<_> = owner
        .load("demo")
        .await
        .history
        .iter()
        .map(|row| row.episode)
        .collect();
    assert_eq!(numbers, [0, 1, 2]);
}

/// An instance may commit several episodes at once.
pub async fn episodes_of_one_batch_apply_in_its_order(store: &dyn Store) {
    let owner = Owner::of(store).await;
    let incarnation = owner.create(create("demo", execution(1))).await;
    let writes =
        [2, 1, 2, 3].map(|number| Write::Episode(episode(incarnation, execution(1), number)));
    let results = owner.commit(&writes).await;
    assert_eq!(
        results,
        [Err(Refused::Stale), committed(), committed(), committed()]
    );
    let stored = owner.load("demo").await;
    assert_eq!((stored.header.episode, stored.history.len()), (3, 4));
}

/// The newest as well as an earlier one, also in the same batch.
pub async fn repeated_episode_is_stored_once(store: &dyn Store) {
    let owner = Owner::of(store).await;
    let incarnation = owner.create(create("demo", execution(1))).await;
    let mut first = episode(incarnation, execution(1), 1);
    first.row.custom_status = Some("1".to_owned());
    first.next_timer = Some(at(60));
    let second = episode(incarnation, execution(1), 2);
    let twice = [
        Write::Episode(first.clone()),
        Write::Episode(first.clone()),
        Write::Episode(second.clone()),
    ];
    assert_eq!(
        owner.commit(&twice).await,
        [committed(), committed(), committed()]
    );
    let before = owner.load("demo").await;
    owner.advance(first).await;
    owner.advance(second).await;
    assert_eq!(owner.load("demo").await, before);
}

/// Only what was applied before may be repeated.
pub async fn other_episode_of_the_same_number_is_stale(store: &dyn Store) {
    let owner = Owner::of(store).await;
    let incarnation = owner.create(create("demo", execution(1))).await;
    let first = episode(incarnation, execution(1), 1);
    owner.advance(first.clone()).await;
    owner.advance(episode(incarnation, execution(1), 2)).await;
    let before = owner.load("demo").await;
    let mut others = vec![first.clone(), first.clone(), first.clone(), first];
    others[0].row.events.push(' ');
    others[1].row.custom_status = Some("null".to_owned());
    others[2].row.runtime_status = RuntimeStatus::Suspended;
    others[3].row.sequence += 1;
    for other in others {
        assert_eq!(
            owner.write(Write::Episode(other)).await,
            Err(Refused::Stale)
        );
    }
    assert_eq!(owner.load("demo").await, before);
}

/// A new episode as well as a repeated one.
pub async fn other_execution_is_stale(store: &dyn Store) {
    let owner = Owner::of(store).await;
    let incarnation = owner.create(create("demo", execution(1))).await;
    owner.advance(episode(incarnation, execution(1), 1)).await;
    for number in [1, 2] {
        let result = owner
            .write(Write::Episode(episode(incarnation, execution(2), number)))
            .await;
        assert_eq!(result, Err(Refused::Stale), "episode {number}");
    }
    assert_eq!(owner.load("demo").await.header.episode, 1);
}

/// An incarnation that was never given out is as gone as a replaced one.
pub async fn unknown_incarnation_is_stale(store: &dyn Store) {
    let owner = Owner::of(store).await;
    owner.create(create("demo", execution(1))).await;
    for incarnation in [
        Incarnation(0),
        Incarnation(1_000_000),
        Incarnation(u64::MAX),
    ] {
        let result = owner
            .write(Write::Episode(episode(incarnation, execution(1), 1)))
            .await;
        assert_eq!(result, Err(Refused::Stale));
    }
}

/// The others of its batch are applied, before and after it.
pub async fn refused_write_fails_no_other(store: &dyn Store) {
    let owner = Owner::of(store).await;
    let first = owner.create(create("first", execution(1))).await;
    let second = owner.create(create("second", execution(2))).await;
    let results = owner
        .commit(&[
            Write::Episode(episode(first, execution(1), 1)),
            Write::Episode(episode(first, execution(1), 3)),
            Write::Create(create("second", execution(3))),
            Write::Episode(episode(second, execution(2), 1)),
        ])
        .await;
    assert_eq!(results[0], committed());
    assert_eq!(results[1], Err(Refused::Stale));
    assert!(
        matches!(&results[2], Err(Refused::Exists(header)) if header.incarnation == second),
        "{results:?}"
    );
    assert_eq!(results[3], committed());
    assert_eq!(owner.load("first").await.header.episode, 1);
    assert_eq!(owner.load("second").await.header.episode, 1);
}

/// An owner may ask whether it still is.
pub async fn empty_commit_has_no_results(store: &dyn Store) {
    assert_eq!(Owner::of(store).await.commit(&[]).await, []);
}
