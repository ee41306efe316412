//! What running activities report.

use super::fixtures::{Owner, at, create, episode, execution, last_episode, progress, report};
use crate::model::instance::Incarnation;
use crate::store::{InstanceHeader, Refused, Store, Write, Written};

/// Readers and the next worker see the last report of each activity.
pub async fn last_report_of_each_activity_is_kept(store: &dyn Store) {
    let owner = Owner::of(store).await;
    let incarnation = owner.create(create("demo", execution(1))).await;
    let before = owner.load("demo").await.header;
    let mut last = progress(2, "{\"done\":2}");
    last.attempt = 3;
    last.reported_at = at(35);
    let writes = [(5, "\"five\""), (2, "\"two\""), (-1, "null")]
        .map(|(task, details)| report(incarnation, execution(1), 1, progress(task, details)));
    for result in owner.commit(&writes).await {
        assert_eq!(result, Ok(Written::Stored));
    }
    let write = report(incarnation, execution(1), 2, last.clone());
    assert_eq!(owner.write(write).await, Ok(Written::Stored));
    let expected = [progress(-1, "null"), last, progress(5, "\"five\"")];
    let stored = owner.load("demo").await;
    assert_eq!(stored.progress, expected);
    let rows = owner.read("demo").await;
    assert_eq!(rows.progress, expected);
    let header = InstanceHeader {
        sequence: 2,
        last_updated_at: at(40),
        ..before
    };
    assert_eq!((&stored.header, &rows.header), (&header, &header));
}

/// Only of those that it names.
pub async fn episode_deletes_the_reports_of_what_ended(store: &dyn Store) {
    let owner = Owner::of(store).await;
    let incarnation = owner.create(create("demo", execution(1))).await;
    let other = owner.create(create("other", execution(2))).await;
    let writes = [1, 2, 3].map(|task| report(incarnation, execution(1), 1, progress(task, "0")));
    owner.commit(&writes).await;
    owner
        .write(report(other, execution(2), 1, progress(1, "0")))
        .await
        .expect("a report is stored");
    let mut write = episode(incarnation, execution(1), 1);
    write.progress_ended = vec![1, 3, 7];
    owner.advance(write).await;
    assert_eq!(owner.load("demo").await.progress, [progress(2, "0")]);
    assert_eq!(owner.load("other").await.progress, [progress(1, "0")]);
    owner
        .advance(last_episode(incarnation, execution(1), 2))
        .await;
    assert_eq!(owner.read("demo").await.progress, [progress(2, "0")]);
}

/// Nobody waits for the activity any more.
pub async fn late_report_is_stale(store: &dyn Store) {
    let owner = Owner::of(store).await;
    let incarnation = owner.create(create("demo", execution(1))).await;
    let late = |incarnation, number| report(incarnation, execution(number), 9, progress(1, "0"));
    assert_eq!(owner.write(late(incarnation, 2)).await, Err(Refused::Stale));
    assert_eq!(
        owner.write(late(Incarnation(1_000_000), 1)).await,
        Err(Refused::Stale)
    );
    let results = owner
        .commit(&[
            Write::Episode(last_episode(incarnation, execution(1), 1)),
            late(incarnation, 1),
        ])
        .await;
    assert_eq!(results[1], Err(Refused::Stale));
    let stored = owner.load("demo").await;
    assert_eq!((stored.progress, stored.header.sequence), (Vec::new(), 1));
}
