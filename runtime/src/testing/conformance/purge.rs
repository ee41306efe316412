//! Deleting instances that have ended.

use super::fixtures::{
    Owner, at, create, episode, execution, instance_id, last_episode, message, progress, report,
};
use crate::model::query::InstanceFilter;
use crate::model::status::RuntimeStatus;
use crate::store::{Refused, Store, Write, Written};

fn purge(id: &str) -> Write {
    Write::Purge {
        id: instance_id(id),
    }
}

fn purge_where(filter: InstanceFilter, limit: usize) -> Write {
    Write::PurgeWhere { filter, limit }
}

/// Nothing of it is found any more, and its id is free.
pub async fn purged_instance_is_gone_with_everything_of_it(store: &dyn Store) {
    let owner = Owner::of(store).await;
    let mut tagged = create("demo", execution(1));
    tagged.tags = [("customer".to_owned(), "4711".to_owned())].into();
    let old = owner.create(tagged).await;
    owner
        .write(report(old, execution(1), 1, progress(1, "1")))
        .await
        .expect("a report is stored");
    owner.enqueue(old, "a").await;
    owner.advance(last_episode(old, execution(1), 1)).await;
    owner.create(create("other", execution(2))).await;
    assert_eq!(owner.write(purge("demo")).await, Ok(Written::Purged(1)));
    assert!(!owner.has("demo").await);
    assert!(owner.has("other").await);
    assert_eq!(owner.find(&InstanceFilter::new()).await, ["other"]);
    assert_eq!(
        owner
            .write(Write::Episode(last_episode(old, execution(1), 1)))
            .await,
        Err(Refused::Stale)
    );
    let inbox = store.inbox(&instance_id("demo"), old, 0).await;
    assert_eq!(inbox.expect("an inbox can be read"), []);

    let new = owner.create(create("demo", execution(1))).await;
    assert!(new > old, "{new:?} is greater than {old:?}");
    let stored = owner.load("demo").await;
    assert_eq!(
        (stored.history.len(), stored.inbox.len(), stored.progress),
        (1, 0, Vec::new())
    );
    let customers = InstanceFilter::new().tag("customer", "4711");
    assert_eq!(owner.find(&customers).await, [""; 0]);
}

/// What has not ended is terminated first.
pub async fn unfinished_or_unknown_instance_is_not_purged(store: &dyn Store) {
    let owner = Owner::of(store).await;
    let incarnation = owner.create(create("demo", execution(1))).await;
    owner.advance(episode(incarnation, execution(1), 1)).await;
    let before = owner.load("demo").await;
    assert_eq!(
        owner.write(purge("demo")).await,
        Err(Refused::Exists(Box::new(before.header.clone())))
    );
    assert_eq!(owner.load("demo").await, before);
    assert_eq!(owner.write(purge("nobody")).await, Err(Refused::Stale));
}

/// Every condition of the filter counts, and those that have not ended stay in any case.
pub async fn only_the_ended_that_match_are_purged(store: &dyn Store) {
    let owner = Owner::of(store).await;
    let statuses = [
        RuntimeStatus::Completed,
        RuntimeStatus::Failed,
        RuntimeStatus::Canceled,
        RuntimeStatus::Terminated,
        RuntimeStatus::Running,
        RuntimeStatus::Suspended,
    ];
    for (number, status) in statuses.into_iter().enumerate() {
        for (place, name) in ["Greet", "Count"].into_iter().enumerate() {
            let number = (number * 2 + place) as u128;
            let mut create = create(&format!("{name}-{status}"), execution(number));
            create.name = name.to_owned();
            owner.ended(create, status).await;
        }
    }
    let none = InstanceFilter::new()
        .runtime_status([RuntimeStatus::Running, RuntimeStatus::Suspended])
        .name("Greet");
    let result = owner.write(purge_where(none, 100)).await;
    assert_eq!(result, Ok(Written::Purged(0)));
    let failed =
        InstanceFilter::new().runtime_status([RuntimeStatus::Failed, RuntimeStatus::Running]);
    let result = owner.write(purge_where(failed.name("greet"), 100)).await;
    assert_eq!(result, Ok(Written::Purged(1)));
    assert!(!owner.has("Greet-Failed").await && owner.has("Count-Failed").await);
    let result = owner
        .write(purge_where(InstanceFilter::new().id_prefix("Greet-"), 100))
        .await;
    assert_eq!(result, Ok(Written::Purged(3)));
    let result = owner.write(purge_where(InstanceFilter::new(), 100)).await;
    assert_eq!(result, Ok(Written::Purged(4)));
    assert_eq!(
        owner.find(&InstanceFilter::new()).await,
        [
            "Greet-Running",
            "Count-Running",
            "Greet-Suspended",
            "Count-Suspended"
        ]
    );
}

/// A limit keeps a commit short; whoever purges much comes again.
pub async fn oldest_are_purged_first(store: &dyn Store) {
    let owner = Owner::of(store).await;
    for number in 0..7 {
        let mut create = create(&format!("i{number}"), execution(number));
        // The order is that of creation, whatever the clock said.
        create.created_at = at(100 - i64::try_from(number).expect("there are few"));
        owner.ended(create, RuntimeStatus::Completed).await;
    }
    let all = InstanceFilter::new;
    for (limit, purged, left) in [(0, 0, 7), (2, 2, 5), (1, 1, 4), (10, 4, 0), (10, 0, 0)] {
        let result = owner.write(purge_where(all(), limit)).await;
        assert_eq!(result, Ok(Written::Purged(purged)));
        let found: Vec<_> = (7 - left..7).map(|number| format!("i{number}")).collect();
        assert_eq!(owner.find(&all()).await, found);
    }
}

/// Writes of a batch see those before them.
pub async fn instance_may_end_and_be_purged_in_one_batch(store: &dyn Store) {
    let owner = Owner::of(store).await;
    let incarnation = owner.create(create("demo", execution(1))).await;
    let results = owner
        .commit(&[
            purge_where(InstanceFilter::new(), 10),
            Write::Episode(last_episode(incarnation, execution(1), 1)),
            purge_where(InstanceFilter::new(), 10),
            message(incarnation, "a"),
            purge("demo"),
        ])
        .await;
    assert_eq!(results[0], Ok(Written::Purged(0)));
    assert_eq!(results[2], Ok(Written::Purged(1)));
    assert_eq!(results[3..], [Err(Refused::Stale), Err(Refused::Stale)]);
}
