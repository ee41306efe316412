//! Failed instances that go on.

use super::fixtures::{
    Owner, at, child_of, committed, create, episode, execution, instance_id, last_episode,
    start_child,
};
use crate::model::instance::Incarnation;
use crate::model::status::RuntimeStatus;
use crate::store::{
    CreateInstance, EpisodeWrite, InstanceHeader, Refused, RewindChild, Store, Write, Written,
};

fn rewind(id: &str) -> Write {
    Write::Rewind {
        id: instance_id(id),
        at: at(100),
        event: "again".to_owned(),
    }
}

/// Its history stays, the event waits, and readers see a change.
pub async fn failed_instance_goes_on(store: &dyn Store) {
    let owner = Owner::of(store).await;
    let incarnation = owner
        .ended(create("demo", execution(1)), RuntimeStatus::Failed)
        .await;
    let before = owner.load("demo").await;
    assert_eq!(owner.write(rewind("demo")).await, Ok(Written::Stored));
    let stored = owner.load("demo").await;
    let expected = InstanceHeader {
        runtime_status: RuntimeStatus::Pending,
        last_updated_at: at(100),
        sequence: before.header.sequence + 1,
        needs_attention: true,
        ..before.header
    };
    assert_eq!((stored.header, stored.history), (expected, before.history));
    assert_eq!(owner.messages("demo").await, ["again"]);
    assert_eq!(owner.read("demo").await.last_events, None);
    assert_eq!(
        owner.attention(Incarnation(0), 10).await,
        [(incarnation, instance_id("demo"))]
    );
    let mut write = episode(incarnation, execution(1), 2);
    write.inbox_taken = Some(u64::MAX);
    owner.advance(write).await;
    owner
        .advance(last_episode(incarnation, execution(1), 3))
        .await;
    assert_eq!(owner.load("demo").await.history.len(), 4);
}

/// Everything but a failure stands.
pub async fn only_a_failed_instance_is_rewound(store: &dyn Store) {
    let owner = Owner::of(store).await;
    owner.create(create("pending", execution(1))).await;
    for status in [
        RuntimeStatus::Completed,
        RuntimeStatus::Canceled,
        RuntimeStatus::Terminated,
        RuntimeStatus::Running,
        RuntimeStatus::Suspended,
    ] {
        owner
            .ended(create(status.as_str(), execution(1)), status)
            .await;
    }
    owner
        .ended(create("twice", execution(1)), RuntimeStatus::Failed)
        .await;
    owner
        .write(rewind("twice"))
        .await
        .expect("it is rewound once");
    for id in [
        "pending",
        "Completed",
        "Canceled",
        "Terminated",
        "Running",
        "Suspended",
        "twice",
    ] {
        let before = owner.load(id).await;
        assert_eq!(
            owner.write(rewind(id)).await,
            Err(Refused::Exists(Box::new(before.header.clone()))),
            "{id}"
        );
        assert_eq!(owner.load(id).await, before);
    }
    assert_eq!(owner.write(rewind("nobody")).await, Err(Refused::Stale));
}

fn child() -> CreateInstance {
    child_of("parent", execution(1), 4, create("child", execution(2)))
}

/// An episode that rewinds the child, or starts it anew.
fn rewinds_child(parent: Incarnation) -> EpisodeWrite {
    let anew = child_of("parent", execution(1), 4, create("child", execution(3)));
    let mut write = episode(parent, execution(1), 1);
    write.rewinds = vec![RewindChild {
        id: instance_id("child"),
        task_scheduled_id: 4,
        event: "again".to_owned(),
        answer: r#"["answer"]"#.into(),
        otherwise: start_child(anew),
    }];
    write
}

/// A failed child goes on with its parent.
pub async fn failed_child_is_rewound(store: &dyn Store) {
    let owner = Owner::of(store).await;
    let parent = owner.create(create("parent", execution(1))).await;
    owner.ended(child(), RuntimeStatus::Failed).await;
    let before = owner.load("child").await;
    let write = rewinds_child(parent);
    assert_eq!(owner.notified(write.clone()).await, ["child"]);
    let stored = owner.load("child").await;
    let expected = InstanceHeader {
        runtime_status: RuntimeStatus::Pending,
        last_updated_at: write.last_updated_at,
        sequence: before.header.sequence + 1,
        needs_attention: true,
        ..before.header
    };
    assert_eq!(
        (&stored.header, &stored.history),
        (&expected, &before.history)
    );
    assert_eq!(owner.messages("child").await, ["again"]);
    assert_eq!(owner.notified(write).await, [""; 0]);
    assert_eq!(owner.load("child").await, stored);
}

/// It is at work; its result will come.
pub async fn unfinished_child_is_left_alone(store: &dyn Store) {
    let owner = Owner::of(store).await;
    let parent = owner.create(create("parent", execution(1))).await;
    owner.create(child()).await;
    let before = owner.load("child").await;
    owner.advance(rewinds_child(parent)).await;
    assert_eq!(owner.load("child").await, before);
}

/// What it gave when it completed is in its last row, which follows the answer that the writer asked for.
pub async fn completed_child_answers_again(store: &dyn Store) {
    let owner = Owner::of(store).await;
    let parent = owner.create(create("parent", execution(1))).await;
    owner.ended(child(), RuntimeStatus::Completed).await;
    let before = owner.load("child").await;
    assert_eq!(owner.notified(rewinds_child(parent)).await, ["parent"]);
    assert_eq!(owner.load("child").await, before);
    assert_eq!(
        owner.messages("parent").await,
        [r#"["answer","episode 1"]"#]
    );
}

/// There is no failure to take back, or nobody who failed.
pub async fn child_that_cannot_be_rewound_is_started_anew(store: &dyn Store) {
    let owner = Owner::of(store).await;
    let other_task = child_of("parent", execution(1), 5, create("child", execution(2)));
    let other_execution = child_of("parent", execution(9), 4, create("child", execution(2)));
    for (found, status) in [
        (None, RuntimeStatus::Failed),
        (Some(child()), RuntimeStatus::Terminated),
        (Some(child()), RuntimeStatus::Canceled),
        (Some(create("child", execution(2))), RuntimeStatus::Failed),
        (Some(other_task), RuntimeStatus::Failed),
        (Some(other_execution), RuntimeStatus::Completed),
    ] {
        let parent = owner.create(create("parent", execution(1))).await;
        if let Some(found) = &found {
            owner.ended(found.clone(), status).await;
        }
        let case = format!("{status} {found:?}");
        assert_eq!(
            owner.notified(rewinds_child(parent)).await,
            ["child"],
            "{case}"
        );
        let stored = owner.load("child").await;
        assert_eq!(stored.header.execution_id, execution(3), "{case}");
        assert_eq!((stored.history.len(), stored.inbox.len()), (1, 0), "{case}");
        assert_eq!(owner.messages("parent").await, [""; 0], "{case}");
        owner.advance(last_episode(parent, execution(1), 2)).await;
        owner
            .advance(last_episode(stored.header.incarnation, execution(3), 1))
            .await;
        let purge = ["parent", "child"].map(|id| Write::Purge {
            id: instance_id(id),
        });
        owner.commit(&purge).await;
    }
}

/// The orchestration gets to know, as when it starts a child.
pub async fn child_whose_id_is_taken_meanwhile_is_told_to_the_writer(store: &dyn Store) {
    let owner = Owner::of(store).await;
    let parent = owner.create(create("parent", execution(1))).await;
    owner.create(create("child", execution(7))).await;
    let before = owner.load("child").await;
    assert_eq!(owner.notified(rewinds_child(parent)).await, ["parent"]);
    assert_eq!(owner.load("child").await, before);
    assert_eq!(owner.messages("parent").await, ["[\"child is taken\"]"]);
}

/// An orchestration that failed and its child that did, in one transaction.
pub async fn generations_are_rewound_in_one_batch(store: &dyn Store) {
    let owner = Owner::of(store).await;
    let parent = owner.create(create("parent", execution(1))).await;
    owner.ended(child(), RuntimeStatus::Failed).await;
    let mut failed = last_episode(parent, execution(1), 1);
    failed.row.runtime_status = RuntimeStatus::Failed;
    let mut write = rewinds_child(parent);
    write.row.episode = 2;
    let results = owner
        .commit(&[
            Write::Episode(failed),
            rewind("parent"),
            Write::Episode(write),
            rewind("child"),
        ])
        .await;
    assert_eq!(
        results[..3],
        [
            committed(),
            Ok(Written::Stored),
            Ok(Written::Episode {
                notified: vec![instance_id("child")]
            })
        ]
    );
    assert!(
        matches!(&results[3], Err(Refused::Exists(_))),
        "{results:?}"
    );
    assert_eq!(owner.messages("parent").await, ["again"]);
    assert_eq!(owner.messages("child").await, ["again"]);
}
