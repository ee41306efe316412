//! Messages from episodes to instances.

use super::fixtures::{
    Owner, child_of, create, episode, execution, instance_id, last_episode, send, start_child,
};
use crate::model::instance::Incarnation;
use crate::model::status::RuntimeStatus;
use crate::store::{Destination, Store};

fn to(id: &str) -> Destination {
    Destination::Instance(instance_id(id))
}

fn to_execution(id: &str, number: u128) -> Destination {
    Destination::Execution(instance_id(id), execution(number))
}

fn to_child(id: &str, task_scheduled_id: i32) -> Destination {
    Destination::Child {
        id: instance_id(id),
        task_scheduled_id,
    }
}

/// They wait in the order in which they were sent, and their recipients need attention.
pub async fn message_waits_for_its_recipient(store: &dyn Store) {
    let owner = Owner::of(store).await;
    let sender = owner.create(create("sender", execution(1))).await;
    let receiver = owner.create(create("receiver", execution(2))).await;
    owner.advance(episode(receiver, execution(2), 1)).await;
    let mut write = episode(sender, execution(1), 1);
    write.messages = vec![
        send(to("receiver"), "a"),
        send(to_execution("receiver", 2), "b"),
        send(to("receiver"), "c"),
    ];
    assert_eq!(owner.notified(write).await, ["receiver"]);
    let inbox = owner.load("receiver").await.inbox;
    let inbox: Vec<_> = inbox
        .iter()
        .map(|row| (row.event.as_str(), row.execution))
        .collect();
    assert_eq!(inbox, [("a", None), ("b", Some(execution(2))), ("c", None)]);
    assert_eq!(
        owner.attention(Incarnation(0), 10).await,
        [(receiver, instance_id("receiver"))]
    );
}

/// It is not among those that the same episode took.
pub async fn message_to_itself_waits(store: &dyn Store) {
    let owner = Owner::of(store).await;
    let incarnation = owner.create(create("demo", execution(1))).await;
    owner.enqueue(incarnation, "a").await;
    let mut write = episode(incarnation, execution(1), 1);
    write.inbox_taken = Some(u64::MAX);
    write.messages = vec![send(to("demo"), "b"), send(to_execution("demo", 1), "c")];
    assert_eq!(owner.notified(write).await, ["demo"]);
    assert_eq!(owner.messages("demo").await, ["b", "c"]);
}

/// The sender is not told, as with any message.
pub async fn message_that_nobody_can_take_is_dropped(store: &dyn Store) {
    let owner = Owner::of(store).await;
    let sender = owner.create(create("sender", execution(1))).await;
    owner
        .ended(create("ended", execution(2)), RuntimeStatus::Failed)
        .await;
    owner.create(create("other", execution(3))).await;
    let mut write = last_episode(sender, execution(1), 1);
    write.messages = vec![
        send(to("nobody"), "a"),
        send(to("ended"), "b"),
        send(to_execution("ended", 2), "c"),
        send(to_execution("other", 1), "d"),
        send(to_execution("nobody", 1), "e"),
        send(to_child("other", 1), "f"),
        send(to_child("nobody", 1), "g"),
        send(to("sender"), "h"),
        send(Destination::Children, "i"),
    ];
    assert_eq!(owner.notified(write).await, [""; 0]);
    for id in ["sender", "ended", "other"] {
        assert_eq!(owner.messages(id).await, [""; 0], "of {id}");
    }
}

/// A child is known by execution and action of its parent; an instance that took its id is not meant.
pub async fn message_to_a_child_reaches_no_other(store: &dyn Store) {
    let owner = Owner::of(store).await;
    let parent = owner.create(create("parent", execution(1))).await;
    for (id, child) in [
        (
            "child",
            child_of("parent", execution(1), 4, create("child", execution(2))),
        ),
        (
            "task",
            child_of("parent", execution(1), 5, create("task", execution(3))),
        ),
        (
            "execution",
            child_of("parent", execution(9), 4, create("execution", execution(4))),
        ),
        (
            "parents",
            child_of("other", execution(1), 4, create("parents", execution(5))),
        ),
        ("orphan", create("orphan", execution(6))),
    ] {
        assert_eq!(child.id.as_str(), id);
        owner.create(child).await;
    }
    let mut write = episode(parent, execution(1), 1);
    write.messages = ["orphan", "parents", "execution", "task", "child"]
        .map(|id| send(to_child(id, 4), "a"))
        .into();
    assert_eq!(owner.notified(write).await, ["child"]);
    assert_eq!(owner.messages("child").await, ["a"]);
    assert_eq!(owner.load("child").await.inbox[0].execution, None);
}

/// Those of this execution that have not ended, also those started by the same episode; no grandchildren.
pub async fn message_to_children_reaches_all_unfinished_ones(store: &dyn Store) {
    let owner = Owner::of(store).await;
    let parent = owner.create(create("parent", execution(1))).await;
    let child = |id, parent: &str, parent_execution, number| {
        child_of(
            parent,
            execution(parent_execution),
            1,
            create(id, execution(number)),
        )
    };
    owner.create(child("b", "parent", 1, 2)).await;
    owner.create(child("a", "parent", 1, 3)).await;
    owner
        .ended(child("ended", "parent", 1, 4), RuntimeStatus::Completed)
        .await;
    owner.create(child("earlier", "parent", 9, 5)).await;
    owner.create(child("other", "other", 1, 6)).await;
    owner.create(child("grandchild", "a", 3, 7)).await;
    let mut write = last_episode(parent, execution(1), 1);
    write.children = vec![start_child(child("new", "parent", 1, 8))];
    write.messages = vec![
        send(Destination::Children, "x"),
        send(to("a"), "y"),
        send(Destination::Children, "z"),
    ];
    assert_eq!(owner.notified(write).await, ["new", "b", "a"]);
    assert_eq!(owner.messages("a").await, ["x", "y", "z"]);
    assert_eq!(owner.messages("b").await, ["x", "z"]);
    assert_eq!(owner.messages("new").await, ["x", "z"]);
    for id in ["ended", "earlier", "other", "grandchild", "parent"] {
        assert_eq!(owner.messages(id).await, [""; 0], "of {id}");
    }
}
