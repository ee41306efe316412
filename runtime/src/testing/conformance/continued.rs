//! Instances that continue as new.

use super::fixtures::{
    Owner, at, child_of, committed, create, episode, execution, last_episode, message, progress,
    report,
};
use crate::model::instance::{ExecutionId, Incarnation};
use crate::model::query::InstanceFilter;
use crate::store::{
    ContinuedExecution, EpisodeWrite, InstanceHeader, Refused, Store, Write, Written,
};

/// An episode that ends one execution and begins the next.
fn continued(
    incarnation: Incarnation,
    from: ExecutionId,
    to: ExecutionId,
    number: u64,
) -> EpisodeWrite {
    let mut write = episode(incarnation, from, number);
    write.continued = Some(ContinuedExecution {
        execution_id: to,
        version: None,
    });
    write
}

/// What is loaded and read is the next execution; the instance stays the same one.
pub async fn next_execution_begins_with_its_row(store: &dyn Store) {
    let owner = Owner::of(store).await;
    let mut first = child_of("parent", execution(9), 3, create("demo", execution(1)));
    first.version = Some("1.0".to_owned());
    first.tags = [("customer".to_owned(), "4711".to_owned())].into();
    let incarnation = owner.create(first).await;
    owner.advance(episode(incarnation, execution(1), 1)).await;
    let before = owner.load("demo").await.header;
    let mut write = continued(incarnation, execution(1), execution(2), 2);
    write.continued = Some(ContinuedExecution {
        execution_id: execution(2),
        version: Some("2.0".to_owned()),
    });
    write.needs_attention = true;
    write.next_timer = Some(at(60));
    owner.advance(write.clone()).await;

    let stored = owner.load("demo").await;
    let expected = InstanceHeader {
        execution_id: execution(2),
        version: Some("2.0".to_owned()),
        first_episode: 2,
        episode: 2,
        sequence: 2,
        last_updated_at: at(2),
        needs_attention: true,
        next_timer: Some(at(60)),
        ..before
    };
    assert_eq!(
        (&stored.header, &stored.history),
        (&expected, &vec![write.row.clone()])
    );
    assert_eq!(owner.read("demo").await.first_events, write.row.events);
    let tagged = InstanceFilter::new().tag("customer", "4711");
    assert_eq!(owner.find(&tagged).await, ["demo"]);

    owner.advance(episode(incarnation, execution(2), 3)).await;
    owner
        .advance(last_episode(incarnation, execution(2), 4))
        .await;
    let stored = owner.load("demo").await;
    assert_eq!(stored.history.len(), 3);
    assert_eq!(stored.header.parent, expected.parent);
}

/// Whatever the earlier execution was at is of no use to the next.
pub async fn late_writes_of_the_earlier_execution_are_stale(store: &dyn Store) {
    let owner = Owner::of(store).await;
    let incarnation = owner.create(create("demo", execution(1))).await;
    owner
        .advance(continued(incarnation, execution(1), execution(2), 1))
        .await;
    let before = owner.load("demo").await;
    let late = [
        Write::Episode(episode(incarnation, execution(1), 1)),
        Write::Episode(episode(incarnation, execution(1), 2)),
        Write::Enqueue {
            incarnation,
            execution: Some(execution(1)),
            event: "late".to_owned(),
        },
        report(incarnation, execution(1), 9, progress(1, "1")),
    ];
    for write in late {
        let result = owner.write(write.clone()).await;
        assert_eq!(result, Err(Refused::Stale), "{write:?}");
    }
    assert_eq!(owner.load("demo").await, before);
}

/// Also when the next execution has come further; but not as that of another execution.
pub async fn repeated_continuation_is_stored_once(store: &dyn Store) {
    let owner = Owner::of(store).await;
    let incarnation = owner.create(create("demo", execution(1))).await;
    let write = continued(incarnation, execution(1), execution(2), 1);
    let twice = [Write::Episode(write.clone()), Write::Episode(write.clone())];
    assert_eq!(owner.commit(&twice).await, [committed(), committed()]);
    owner.enqueue(incarnation, "a").await;
    owner.advance(episode(incarnation, execution(2), 2)).await;
    let before = owner.load("demo").await;
    owner.advance(write.clone()).await;
    let mut other = write.clone();
    other.row.events.push(' ');
    let others = [other, continued(incarnation, execution(1), execution(3), 1)];
    for other in others {
        let result = owner.write(Write::Episode(other)).await;
        assert_eq!(result, Err(Refused::Stale));
    }
    assert_eq!(owner.load("demo").await, before);
    // Its row is gone with the execution that it began.
    owner
        .advance(continued(incarnation, execution(2), execution(3), 3))
        .await;
    let result = owner.write(Write::Episode(write)).await;
    assert_eq!(result, Err(Refused::Stale));
}

/// A custom status is carried in the row, and is gone when it is not.
pub async fn custom_status_is_that_of_the_row(store: &dyn Store) {
    let owner = Owner::of(store).await;
    let mut first = create("demo", execution(1));
    first.custom_status = Some("0".to_owned());
    let incarnation = owner.create(first).await;
    let mut write = continued(incarnation, execution(1), execution(2), 1);
    write.row.custom_status = Some("1".to_owned());
    owner.advance(write).await;
    let rows = owner.read("demo").await;
    assert_eq!(
        (rows.header.status_episode, rows.custom_status.as_deref()),
        (Some(1), Some("1"))
    );
    owner
        .advance(continued(incarnation, execution(2), execution(3), 2))
        .await;
    let rows = owner.read("demo").await;
    assert_eq!(
        (rows.header.status_episode, rows.custom_status),
        (None, None)
    );
}

/// What came for any execution waits for the next one.
pub async fn messages_for_the_earlier_execution_are_gone(store: &dyn Store) {
    let owner = Owner::of(store).await;
    let incarnation = owner.create(create("demo", execution(1))).await;
    let for_execution = |number, event: &str| Write::Enqueue {
        incarnation,
        execution: Some(execution(number)),
        event: event.to_owned(),
    };
    owner
        .commit(&[
            message(incarnation, "a"),
            for_execution(1, "b"),
            message(incarnation, "c"),
            for_execution(1, "d"),
        ])
        .await;
    let mut write = continued(incarnation, execution(1), execution(2), 1);
    write.inbox_taken = Some(owner.load("demo").await.inbox[0].sequence);
    owner.advance(write).await;
    assert_eq!(owner.messages("demo").await, ["c"]);
    assert_eq!(
        owner.write(for_execution(2, "e")).await,
        Ok(Written::Stored)
    );
    assert_eq!(owner.messages("demo").await, ["c", "e"]);
}

/// The activities of the earlier execution are nobody's business any more.
pub async fn reports_of_the_earlier_execution_are_gone(store: &dyn Store) {
    let owner = Owner::of(store).await;
    let incarnation = owner.create(create("demo", execution(1))).await;
    owner
        .write(report(incarnation, execution(1), 1, progress(1, "1")))
        .await
        .expect("a report is stored");
    owner
        .advance(continued(incarnation, execution(1), execution(2), 1))
        .await;
    assert_eq!(owner.load("demo").await.progress, []);
    assert_eq!(owner.read("demo").await.progress, []);
}

/// A worker may be several executions ahead of the store.
pub async fn executions_of_one_batch_follow_each_other(store: &dyn Store) {
    let owner = Owner::of(store).await;
    let incarnation = owner.create(create("demo", execution(1))).await;
    let writes = [
        Write::Episode(continued(incarnation, execution(1), execution(2), 1)),
        Write::Episode(episode(incarnation, execution(2), 2)),
        Write::Episode(continued(incarnation, execution(2), execution(3), 3)),
        Write::Episode(continued(incarnation, execution(2), execution(4), 4)),
        Write::Episode(episode(incarnation, execution(3), 4)),
    ];
    assert_eq!(
        owner.commit(&writes).await,
        [
            committed(),
            committed(),
            committed(),
            Err(Refused::Stale),
            committed()
        ]
    );
    let stored = owner.load("demo").await;
    assert_eq!(
        (stored.header.execution_id, stored.header.first_episode),
        (execution(3), 3)
    );
    assert_eq!(stored.history.len(), 2);
}
