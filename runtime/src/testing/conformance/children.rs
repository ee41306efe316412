//! Instances that an episode starts.

use super::fixtures::{
    Owner, at, child_of, create, episode, execution, instance_id, last_episode, purged, start_child,
};
use crate::model::instance::Incarnation;
use crate::model::status::RuntimeStatus;
use crate::store::{
    ContinuedExecution, Destination, OutgoingMessage, ParentLink, Refused, Store, Write, Written,
};

/// It is an instance like any other, and knows where it comes from.
pub async fn child_is_created_with_its_parent(store: &dyn Store) {
    let owner = Owner::of(store).await;
    let parent = owner.create(create("parent", execution(1))).await;
    let mut write = episode(parent, execution(1), 1);
    let mut later = child_of("parent", execution(1), 5, create("later", execution(3)));
    later.start_at = Some(at(60));
    write.children = vec![
        start_child(child_of(
            "parent",
            execution(1),
            4,
            create("child", execution(2)),
        )),
        start_child(later),
    ];
    assert_eq!(owner.notified(write).await, ["child", "later"]);
    let child = owner.load("child").await;
    assert_eq!(child.history[0].events, "[\"started child\"]");
    assert_eq!(
        (child.header.runtime_status, child.header.needs_attention),
        (RuntimeStatus::Pending, true)
    );
    let link = ParentLink {
        instance_id: instance_id("parent"),
        execution_id: execution(1),
        task_scheduled_id: 4,
    };
    assert_eq!(child.header.parent, Some(link));
    assert!(child.header.incarnation > parent);
    let later = owner.load("later").await.header;
    assert_eq!(
        (later.next_timer, later.needs_attention),
        (Some(at(60)), false)
    );
}

/// The episode stands, the others are created, and the orchestration gets to know.
pub async fn refused_child_is_told_to_the_writer(store: &dyn Store) {
    let owner = Owner::of(store).await;
    owner.create(create("taken", execution(7))).await;
    let parent = owner.create(create("parent", execution(1))).await;
    owner.enqueue(parent, "before").await;
    let before = owner.load("taken").await;
    let mut write = episode(parent, execution(1), 1);
    write.inbox_taken = Some(u64::MAX);
    write.children = [("taken", 2), ("free", 3), ("taken", 4), ("parent", 5)]
        .map(|(id, number)| start_child(create(id, execution(number))))
        .into();
    assert_eq!(owner.notified(write).await, ["parent", "free"]);
    assert_eq!(owner.load("taken").await, before);
    let stored = owner.load("parent").await;
    assert_eq!(stored.header.episode, 1);
    let inbox = stored
        .inbox
        .iter()
        .map(|row| (row.event.as_str(), row.execution));
    let inbox: Vec<_> = inbox.collect();
    let told = [
        "[\"taken is taken\"]",
        "[\"taken is taken\"]",
        "[\"parent is taken\"]",
    ];
    assert_eq!(inbox, told.map(|event| (event, Some(execution(1)))));
}

/// Nobody waits for the answer any more.
pub async fn refused_child_of_an_execution_that_ends_is_told_to_nobody(store: &dyn Store) {
    let owner = Owner::of(store).await;
    owner.create(create("taken", execution(7))).await;
    let first = owner.create(create("first", execution(1))).await;
    let second = owner.create(create("second", execution(2))).await;
    let mut ending = last_episode(first, execution(1), 1);
    ending.children = vec![start_child(create("taken", execution(3)))];
    let mut continuing = episode(second, execution(2), 1);
    continuing.children = vec![start_child(create("taken", execution(4)))];
    continuing.continued = Some(ContinuedExecution {
        execution_id: execution(5),
        version: None,
    });
    assert_eq!(owner.notified(ending).await, [""; 0]);
    assert_eq!(owner.notified(continuing).await, [""; 0]);
    assert_eq!(owner.messages("first").await, [""; 0]);
    assert_eq!(owner.messages("second").await, [""; 0]);
}

/// What is open when an orchestration ends goes on.
pub async fn last_episode_may_start_children(store: &dyn Store) {
    let owner = Owner::of(store).await;
    let parent = owner.create(create("parent", execution(1))).await;
    let mut write = last_episode(parent, execution(1), 1);
    write.children = vec![start_child(create("child", execution(2)))];
    assert_eq!(owner.notified(write).await, ["child"]);
    assert!(owner.has("child").await);
}

/// As with any create: in the statuses that it names, with everything of it.
pub async fn child_replaces_what_gives_way(store: &dyn Store) {
    let owner = Owner::of(store).await;
    let old = owner
        .ended(create("child", execution(7)), RuntimeStatus::Completed)
        .await;
    let parent = owner.create(create("parent", execution(1))).await;
    let mut write = episode(parent, execution(1), 1);
    let mut child = create("child", execution(2));
    child.replaces = vec![RuntimeStatus::Completed];
    write.children = vec![start_child(child)];
    assert_eq!(owner.notified(write).await, ["child"]);
    let child = owner.load("child").await;
    assert!(child.header.incarnation > old);
    assert_eq!(child.header.execution_id, execution(2));
}

/// A child whose execution is there already was started before.
pub async fn child_that_is_there_already_is_not_refused(store: &dyn Store) {
    let owner = Owner::of(store).await;
    let child = create("child", execution(2));
    let incarnation = owner.create(child.clone()).await;
    let parent = owner.create(create("parent", execution(1))).await;
    let mut write = episode(parent, execution(1), 1);
    write.children = vec![start_child(child)];
    assert_eq!(owner.notified(write).await, ["child"]);
    assert_eq!(owner.load("child").await.header.incarnation, incarnation);
    assert_eq!(owner.messages("parent").await, [""; 0]);
}

/// What an episode asks for happens with it, once.
pub async fn repeated_or_refused_episode_does_nothing_to_others(store: &dyn Store) {
    let owner = Owner::of(store).await;
    owner.create(create("taken", execution(7))).await;
    let parent = owner.create(create("parent", execution(1))).await;
    let mut write = episode(parent, execution(1), 1);
    write.children = ["child", "taken"]
        .map(|id| start_child(create(id, execution(2))))
        .into();
    write.messages = vec![OutgoingMessage {
        to: Destination::Instance(instance_id("taken")),
        event: "hello".to_owned(),
    }];
    assert_eq!(
        owner.notified(write.clone()).await,
        ["child", "parent", "taken"]
    );
    owner
        .commit(&[Write::Purge {
            id: instance_id("child"),
        }])
        .await;
    let before = (owner.load("parent").await, owner.load("taken").await);
    assert_eq!(owner.notified(write.clone()).await, [""; 0]);
    write.row.episode = 3;
    write.children = vec![start_child(create("other", execution(3)))];
    assert_eq!(
        owner.write(Write::Episode(write.clone())).await,
        Err(Refused::Stale)
    );
    write.incarnation = Incarnation(1_000_000);
    assert_eq!(
        owner.write(Write::Episode(write)).await,
        Err(Refused::Stale)
    );
    assert!(!owner.has("other").await);
    let after = (owner.load("parent").await, owner.load("taken").await);
    assert_eq!(after, before);
}

/// Parent, child and grandchild may come and go in one transaction.
pub async fn generations_of_one_batch_follow_each_other(store: &dyn Store) {
    let owner = Owner::of(store).await;
    let parent = owner.create(create("parent", execution(1))).await;
    let mut first = episode(parent, execution(1), 1);
    first.children = vec![start_child(child_of(
        "parent",
        execution(1),
        1,
        create("child", execution(2)),
    ))];
    owner.notified(first).await;
    let child = owner.load("child").await.header.incarnation;
    let mut started = episode(child, execution(2), 1);
    started.children = vec![start_child(child_of(
        "child",
        execution(2),
        1,
        create("grandchild", execution(3)),
    ))];
    let mut done = last_episode(child, execution(2), 2);
    done.messages = vec![OutgoingMessage {
        to: Destination::Execution(instance_id("parent"), execution(1)),
        event: "done".to_owned(),
    }];
    let results = owner
        .commit(&[
            Write::Episode(started),
            Write::Episode(done),
            Write::Purge {
                id: instance_id("child"),
            },
            Write::Create(create("child", execution(4))),
        ])
        .await;
    assert_eq!(
        results[..3],
        [
            Ok(Written::Episode {
                notified: vec![instance_id("grandchild")]
            }),
            Ok(Written::Episode {
                notified: vec![instance_id("parent")]
            }),
            purged(1, None),
        ]
    );
    assert!(matches!(results[3], Ok(Written::Created { incarnation, .. }) if incarnation > child));
    assert_eq!(owner.messages("parent").await, ["done"]);
    assert!(owner.has("grandchild").await);
}
