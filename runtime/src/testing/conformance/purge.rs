//! Deleting instances that have ended.

use super::fixtures::{
    Owner, at, create, episode, execution, instance_id, last_episode, message, progress, purged,
    report,
};
use crate::model::instance::Incarnation;
use crate::model::query::InstanceFilter;
use crate::model::status::RuntimeStatus;
use crate::store::{PurgeWhere, Refused, Store, Write, Written};

fn purge(id: &str) -> Write {
    Write::Purge {
        id: instance_id(id),
    }
}

/// All of it at once.
fn purge_where(filter: InstanceFilter, limit: usize) -> Write {
    let (after, walk) = (Incarnation(0), usize::MAX);
    part(filter, after, limit, walk)
}

fn part(filter: InstanceFilter, after: Incarnation, limit: usize, walk: usize) -> Write {
    Write::PurgeWhere(PurgeWhere {
        filter,
        after,
        limit,
        walk,
    })
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
    assert_eq!(owner.write(purge("demo")).await, purged(1, None));
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
    assert_eq!(result, purged(0, None));
    let failed =
        InstanceFilter::new().runtime_status([RuntimeStatus::Failed, RuntimeStatus::Running]);
    let result = owner.write(purge_where(failed.name("greet"), 100)).await;
    assert_eq!(result, purged(1, None));
    assert!(!owner.has("Greet-Failed").await && owner.has("Count-Failed").await);
    let result = owner
        .write(purge_where(InstanceFilter::new().id_prefix("Greet-"), 100))
        .await;
    assert_eq!(result, purged(3, None));
    let result = owner.write(purge_where(InstanceFilter::new(), 100)).await;
    assert_eq!(result, purged(4, None));
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
    let mut incarnations = Vec::new();
    for number in 0..7 {
        let mut create = create(&format!("i{number}"), execution(number));
        // The order is that of creation, whatever the clock said.
        create.created_at = at(100 - i64::try_from(number).expect("there are few"));
        incarnations.push(owner.ended(create, RuntimeStatus::Completed).await);
    }
    let all = InstanceFilter::new;
    for (limit, count, left) in [(0, 0, 7), (2, 2, 5), (1, 1, 4), (10, 4, 0), (10, 0, 0)] {
        let result = owner.write(purge_where(all(), limit)).await;
        let next = match limit {
            0 => Some(Incarnation(0)),
            10 => None,
            _ => Some(incarnations[6 - left]),
        };
        assert_eq!(result, purged(count, next));
        let found: Vec<_> = (7 - left..7).map(|number| format!("i{number}")).collect();
        assert_eq!(owner.find(&all()).await, found);
    }
}

/// What ended behind it meanwhile stays.
pub async fn purge_goes_on_behind_where_it_ended(store: &dyn Store) {
    let owner = Owner::of(store).await;
    let mut incarnations = Vec::new();
    for number in 0..4 {
        let create = create(&format!("i{number}"), execution(number));
        incarnations.push(owner.create(create).await);
    }
    let end = async |number: usize| {
        let execution = execution(number as u128);
        owner
            .advance(last_episode(incarnations[number], execution, 1))
            .await;
    };
    let all = InstanceFilter::new;
    end(1).await;
    let first = owner.write(part(all(), Incarnation(0), 1, 100)).await;
    assert_eq!(first, purged(1, Some(incarnations[1])));
    end(0).await;
    end(3).await;
    let rest = owner.write(part(all(), incarnations[1], 10, 100)).await;
    assert_eq!(rest, purged(1, None));
    assert_eq!(owner.find(&all()).await, ["i0", "i2"]);
    let nothing = owner.write(part(all(), incarnations[3], 10, 100)).await;
    assert_eq!(nothing, purged(0, None));
}

/// Whatever it has deleted, and with where to go on: a purge of which few match holds up no other write for long.
pub async fn purge_ends_where_enough_was_walked(store: &dyn Store) {
    let owner = Owner::of(store).await;
    let mut incarnations = Vec::new();
    for number in 0..9 {
        let mut create = create(&format!("i{number}"), execution(number));
        if number % 4 == 2 {
            create.version = Some("2.0".to_owned());
        }
        incarnations.push(owner.ended(create, RuntimeStatus::Completed).await);
    }
    let none = InstanceFilter::new().version("3.0");
    for (walk, next) in [(0, Some(0)), (1, Some(0)), (4, Some(3)), (100, None)] {
        let result = owner
            .write(part(none.clone(), Incarnation(0), 100, walk))
            .await;
        let next = next.map(|next| incarnations[next]);
        assert_eq!(result, purged(0, next), "a walk of {walk}");
    }
    let few = InstanceFilter::new().version("2.0");
    let (mut count, mut rest) = (0, Some(Incarnation(0)));
    while let Some(after) = rest {
        let result = owner.write(part(few.clone(), after, 100, 2)).await;
        let Ok(Written::Purged { count: some, next }) = result else {
            panic!("instances are purged, but: {result:?}");
        };
        assert!(next.is_none_or(|next| next > after), "it goes on");
        count += some;
        rest = next;
    }
    assert_eq!(count, 2);
    let left = owner.find(&InstanceFilter::new()).await;
    assert_eq!(left, ["i0", "i1", "i3", "i4", "i5", "i7", "i8"]);
}

/// Instances with a long history are purged in smaller parts, and each as a whole.
pub async fn purge_ends_where_enough_history_was_deleted(store: &dyn Store) {
    let owner = Owner::of(store).await;
    let mut incarnations = Vec::new();
    for number in 0..5 {
        let execution = execution(number);
        let incarnation = owner.create(create(&format!("i{number}"), execution)).await;
        for number in 1..9 {
            owner.advance(episode(incarnation, execution, number)).await;
        }
        owner.advance(last_episode(incarnation, execution, 9)).await;
        incarnations.push(incarnation);
    }
    let all = InstanceFilter::new;
    // Each has ten rows.
    for (after, walk, count, next) in [(None, 5, 1, 0), (Some(0), 10, 2, 2), (Some(2), 10, 2, 4)] {
        let after = after.map_or(Incarnation(0), |after: usize| incarnations[after]);
        let result = owner.write(part(all(), after, 100, walk)).await;
        assert_eq!(result, purged(count, Some(incarnations[next])));
    }
    assert_eq!(owner.find(&all()).await, [""; 0]);
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
    assert_eq!(results[0], purged(0, None));
    assert_eq!(results[2], purged(1, None));
    assert_eq!(results[3..], [Err(Refused::Stale), Err(Refused::Stale)]);
}
