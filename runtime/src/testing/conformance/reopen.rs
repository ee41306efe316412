//! For stores that keep their data when they are closed.

use super::Reopen;
use super::fixtures::{
    FIRST_TIMER, Owner, at, child_of, create, episode, execution, instance_id, progress, report,
    send, start_child,
};
use crate::model::instance::Incarnation;
use crate::model::query::InstanceFilter;
use crate::model::status::RuntimeStatus;
use crate::store::{Destination, Refused, Write};

/// Also what only some instances have.
pub async fn tags_parents_and_reports_are_there_after_reopening(open: Reopen<'_>) {
    let store = open();
    let owner = Owner::of(&*store).await;
    let parent = owner.create(create("parent", execution(1))).await;
    let mut write = episode(parent, execution(1), 1);
    let mut child = child_of("parent", execution(1), 4, create("child", execution(2)));
    child.version = Some("1.0".to_owned());
    child.start_at = Some(at(60));
    child.tags = [("customer".to_owned(), "4711".to_owned())].into();
    write.children = vec![start_child(child)];
    write.messages = vec![send(Destination::Children, "a")];
    owner.notified(write).await;
    owner
        .write(report(parent, execution(1), 2, progress(1, "1")))
        .await
        .expect("a report is stored");
    let (parent, child) = (owner.load("parent").await, owner.load("child").await);
    let filter = InstanceFilter::new()
        .tag("customer", "4711")
        .parent(instance_id("parent"));
    assert_eq!(owner.find(&filter).await, ["child"]);
    drop(store);

    let store = open();
    let owner = Owner::of(&*store).await;
    assert_eq!(owner.load("parent").await, parent);
    assert_eq!(owner.load("child").await, child);
    assert_eq!(owner.find(&filter).await, ["child"]);
}

/// Instances, histories, messages, and what the queries find.
pub async fn everything_committed_is_there_after_reopening(open: Reopen<'_>) {
    let store = open();
    let owner = Owner::of(&*store).await;
    for number in 0..20 {
        let (id, execution) = (format!("i{number}"), execution(number));
        let mut create = create(&id, execution);
        create.custom_status = Some("\"queued\"".to_owned());
        let incarnation = owner.create(create).await;
        let mut write = episode(incarnation, execution, 1);
        write.next_timer = Some(at(60));
        owner.advance(write).await;
        owner.enqueue(incarnation, "a").await;
    }
    let mut before = Vec::new();
    for number in 0..20 {
        let id = format!("i{number}");
        before.push((owner.load(&id).await, owner.read(&id).await));
    }
    let attention = owner.attention(Incarnation(0), 100).await;
    let timers = owner.timers(FIRST_TIMER, 100).await;
    assert_eq!((attention.len(), timers.len()), (20, 20));
    drop(store);

    let store = open();
    let owner = Owner::of(&*store).await;
    for (number, before) in before.into_iter().enumerate() {
        let id = format!("i{number}");
        assert_eq!((owner.load(&id).await, owner.read(&id).await), before);
    }
    assert_eq!(owner.attention(Incarnation(0), 100).await, attention);
    assert_eq!(owner.timers(FIRST_TIMER, 100).await, timers);
}

/// Neither are the fenced ones.
pub async fn refused_writes_are_not_there_after_reopening(open: Reopen<'_>) {
    let store = open();
    let fenced = store.acquire(None).await.expect("acquired").epoch;
    let owner = Owner::of(&*store).await;
    let incarnation = owner.create(create("demo", execution(1))).await;
    assert_eq!(
        owner
            .write(Write::Episode(episode(incarnation, execution(1), 2)))
            .await,
        Err(Refused::Stale)
    );
    store
        .commit(fenced, &[Write::Create(create("other", execution(2)))])
        .await
        .expect_err("it is fenced");
    let before = owner.load("demo").await;
    drop(store);

    let store = open();
    assert_eq!(Owner::of(&*store).await.load("demo").await, before);
    assert_eq!(
        store.load(&instance_id("other")).await.expect("loaded"),
        None
    );
}

/// An owner from before a restart is fenced.
pub async fn epochs_grow_across_reopening(open: Reopen<'_>) {
    let store = open();
    let before = store.acquire(None).await.expect("acquired").epoch;
    drop(store);
    let store = open();
    let after = store.acquire(None).await.expect("acquired").epoch;
    assert!(after > before, "{after:?} after {before:?}");
    store.commit(before, &[]).await.expect_err("it is fenced");
}

/// The name that a store has taken is its name for good.
pub async fn task_hub_stays_across_reopening(open: Reopen<'_>) {
    let store = open();
    store.acquire(Some("Orders")).await.expect("acquired");
    drop(store);
    let store = open();
    assert_eq!(
        store.acquire(None).await.expect("acquired").task_hub,
        "Orders"
    );
    store
        .acquire(Some("Billing"))
        .await
        .expect_err("the store holds `Orders`");
}

/// A cursor from before a restart never names another instance.
pub async fn incarnations_grow_across_reopening(open: Reopen<'_>) {
    let mut last = None;
    for number in 0..3 {
        let store = open();
        let mut create = create("demo", execution(number));
        create.replaces = vec![RuntimeStatus::Pending];
        let incarnation = Owner::of(&*store).await.create(create).await;
        assert!(Some(incarnation) > last, "{incarnation:?} after {last:?}");
        last = Some(incarnation);
    }
}

/// Also when no message is left: an episode that is repeated must not take a newer one.
pub async fn message_numbers_grow_across_reopening(open: Reopen<'_>) {
    let store = open();
    let owner = Owner::of(&*store).await;
    let incarnation = owner.create(create("demo", execution(1))).await;
    owner.enqueue(incarnation, "a").await;
    let taken = owner.load("demo").await.inbox[0].sequence;
    let mut write = episode(incarnation, execution(1), 1);
    write.inbox_taken = Some(taken);
    owner.advance(write).await;
    drop(store);

    let store = open();
    let owner = Owner::of(&*store).await;
    owner.enqueue(incarnation, "b").await;
    assert!(owner.load("demo").await.inbox[0].sequence > taken);
}
