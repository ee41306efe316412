//! Epochs, fences and the task hub.

use super::fixtures::{Owner, create, execution, instance_id};
use crate::store::{Epoch, Store, StoreErrorKind, Write};

/// Every acquire gives a greater epoch.
pub async fn every_epoch_is_greater_than_the_last(store: &dyn Store) {
    let first = store.acquire(None).await.expect("acquired").epoch;
    let second = store.acquire(None).await.expect("acquired").epoch;
    let third = store.acquire(None).await.expect("acquired").epoch;
    assert!(
        first < second && second < third,
        "{first:?} {second:?} {third:?}"
    );
}

/// The first name stays the name of the hub.
pub async fn new_store_takes_the_task_hub_it_is_given(store: &dyn Store) {
    assert_eq!(
        store
            .acquire(Some("Orders"))
            .await
            .expect("acquired")
            .task_hub,
        "Orders"
    );
    assert_eq!(
        store
            .acquire(Some("Orders"))
            .await
            .expect("acquired")
            .task_hub,
        "Orders"
    );
}

/// The default name is taken for good, too.
pub async fn new_store_without_a_name_holds_the_default_task_hub(store: &dyn Store) {
    assert_eq!(
        store.acquire(None).await.expect("acquired").task_hub,
        "default"
    );
    let error = store
        .acquire(Some("Orders"))
        .await
        .expect_err("the store holds `default`");
    assert_eq!(error.kind(), StoreErrorKind::WrongTaskHub);
}

/// Who names no hub takes any.
pub async fn owner_without_a_name_serves_the_hub_that_is_there(store: &dyn Store) {
    store.acquire(Some("Orders")).await.expect("acquired");
    assert_eq!(
        store.acquire(None).await.expect("acquired").task_hub,
        "Orders"
    );
}

/// Hub names are compared without regard to case; the first spelling is kept.
pub async fn task_hub_names_differ_by_more_than_case(store: &dyn Store) {
    store.acquire(Some("Orders")).await.expect("acquired");
    assert_eq!(
        store
            .acquire(Some("oRDERS"))
            .await
            .expect("acquired")
            .task_hub,
        "Orders"
    );
}

/// The error names both hubs, and the earlier owner is still the owner.
pub async fn another_task_hub_is_refused_and_nothing_is_acquired(store: &dyn Store) {
    let epoch = store.acquire(Some("Orders")).await.expect("acquired").epoch;
    let error = store
        .acquire(Some("Billing"))
        .await
        .expect_err("the store holds `Orders`");
    assert_eq!(error.kind(), StoreErrorKind::WrongTaskHub);
    let message = error.to_string();
    assert!(
        message.contains("Orders") && message.contains("Billing"),
        "{message}"
    );
    store
        .commit(epoch, &[])
        .await
        .expect("the owner of before can commit");
}

/// A fenced commit changes nothing, and an empty one is fenced as well.
pub async fn later_acquire_fences_the_earlier_owner(store: &dyn Store) {
    let earlier = store.acquire(None).await.expect("acquired").epoch;
    let later = Owner::of(store).await;
    let write = Write::Create(create("demo", execution(1)));
    for writes in [&[write][..], &[]] {
        let error = store
            .commit(earlier, writes)
            .await
            .expect_err("another owner has taken over");
        assert_eq!(error.kind(), StoreErrorKind::Fenced);
        assert!(!error.is_retryable());
    }
    assert_eq!(
        store.load(&instance_id("demo")).await.expect("loaded"),
        None
    );
    later.create(create("demo", execution(1))).await;
}

/// Neither on a new store nor ahead of the newest epoch.
pub async fn epoch_that_nobody_acquired_is_fenced(store: &dyn Store) {
    let write = [Write::Create(create("demo", execution(1)))];
    let error = store
        .commit(Epoch(1), &write)
        .await
        .expect_err("nobody has acquired the store");
    assert_eq!(error.kind(), StoreErrorKind::Fenced);
    let epoch = store.acquire(None).await.expect("acquired").epoch;
    let error = store
        .commit(Epoch(epoch.0 + 1), &write)
        .await
        .expect_err("that epoch is not given yet");
    assert_eq!(error.kind(), StoreErrorKind::Fenced);
}
