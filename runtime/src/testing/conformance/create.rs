//! Creating instances, and what becomes of those that have the id already.

use super::fixtures::{
    FIRST_TIMER, Owner, at, child_of, create, episode, execution, instance_id, last_episode,
    message, stalled,
};
use crate::model::instance::Incarnation;
use crate::model::status::RuntimeStatus;
use crate::store::{
    HistoryRow, InstanceHeader, ParentLink, Refused, Store, StoredInstance, TimerPosition, Write,
    Written,
};

/// Every column of a new instance, and its first row.
pub async fn created_instance_is_pending_and_needs_attention(store: &dyn Store) {
    let owner = Owner::of(store).await;
    let incarnation = owner.create(create("demo", execution(7))).await;
    let header = InstanceHeader {
        id: instance_id("demo"),
        incarnation,
        name: "Greet".to_owned(),
        version: None,
        execution_id: execution(7),
        parent: None,
        runtime_status: RuntimeStatus::Pending,
        created_at: at(0),
        last_updated_at: at(0),
        first_episode: 0,
        episode: 0,
        status_episode: None,
        sequence: 0,
        next_timer: None,
        needs_attention: true,
        stalled: None,
    };
    let row = HistoryRow {
        episode: 0,
        events: "[\"started demo\"]".to_owned(),
        custom_status: None,
        runtime_status: RuntimeStatus::Pending,
        sequence: 0,
    };
    assert_eq!(
        owner.load("demo").await,
        StoredInstance {
            header,
            history: vec![row],
            inbox: Vec::new(),
            progress: Vec::new(),
        }
    );
}

/// Who started an instance, and its version, are with it for good.
pub async fn version_and_parent_are_kept(store: &dyn Store) {
    let owner = Owner::of(store).await;
    let mut create = child_of("parent", execution(1), -7, create("demo", execution(2)));
    create.version = Some("1.2".to_owned());
    let incarnation = owner.ended(create, RuntimeStatus::Completed).await;
    let header = owner.load("demo").await.header;
    assert_eq!(header.incarnation, incarnation);
    assert_eq!(header.version.as_deref(), Some("1.2"));
    let parent = ParentLink {
        instance_id: instance_id("parent"),
        execution_id: execution(1),
        task_scheduled_id: -7,
    };
    assert_eq!(header.parent, Some(parent));
    assert_eq!(owner.read("demo").await.header, header);
}

/// It is found as a timer, and needs attention when a message comes.
pub async fn scheduled_instance_waits_for_its_time(store: &dyn Store) {
    let owner = Owner::of(store).await;
    let mut create = create("demo", execution(1));
    create.start_at = Some(at(3600));
    let incarnation = owner.create(create).await;
    let header = owner.load("demo").await.header;
    assert_eq!(
        (
            header.runtime_status,
            header.next_timer,
            header.needs_attention
        ),
        (RuntimeStatus::Pending, Some(at(3600)), false)
    );
    assert_eq!(owner.attention(Incarnation(0), 10).await, []);
    let position = TimerPosition {
        fire_at: at(3600),
        incarnation,
    };
    let found = (position, instance_id("demo"));
    assert_eq!(owner.timers(FIRST_TIMER, 10).await, [found]);
    owner.enqueue(incarnation, "a").await;
    assert_eq!(
        owner.attention(Incarnation(0), 10).await,
        [(incarnation, instance_id("demo"))]
    );
    owner.advance(episode(incarnation, execution(1), 1)).await;
    assert_eq!(owner.timers(FIRST_TIMER, 10).await, []);
}

/// An id that was never created is no error.
pub async fn unknown_id_is_not_found(store: &dyn Store) {
    let id = instance_id("nobody");
    assert_eq!(
        store
            .load(&id)
            .await
            .expect("a store can be read before it is acquired"),
        None
    );
    assert_eq!(
        store
            .read(&id)
            .await
            .expect("a store can be read before it is acquired"),
        None
    );
}

/// The refusal carries what is there, and changes nothing of it.
pub async fn taken_id_is_refused_with_its_header(store: &dyn Store) {
    let owner = Owner::of(store).await;
    let incarnation = owner.create(create("demo", execution(1))).await;
    owner.advance(episode(incarnation, execution(1), 1)).await;
    let before = owner.load("demo").await;
    let result = owner
        .write(Write::Create(create("demo", execution(2))))
        .await;
    assert_eq!(
        result,
        Err(Refused::Exists(Box::new(before.header.clone())))
    );
    assert_eq!(owner.load("demo").await, before);
}

/// Its parent waits for it, whatever statuses give way.
pub async fn unfinished_child_is_not_replaced(store: &dyn Store) {
    let owner = Owner::of(store).await;
    let child = child_of("parent", execution(1), 4, create("demo", execution(2)));
    let incarnation = owner.create(child).await;
    let before = owner.load("demo").await;
    let mut replacing = create("demo", execution(3));
    replacing.replaces = vec![RuntimeStatus::Pending, RuntimeStatus::Completed];
    let refused = owner.write(Write::Create(replacing.clone())).await;
    let existing = Box::new(before.header.clone());
    assert_eq!(refused, Err(Refused::Exists(existing)));
    assert_eq!(owner.load("demo").await, before);
    owner
        .advance(last_episode(incarnation, execution(2), 1))
        .await;
    owner.create(replacing).await;
}

/// History and inbox go with the old instance, and whatever still writes to it is told that it is gone.
pub async fn replaced_instance_is_gone_with_everything_of_it(store: &dyn Store) {
    let owner = Owner::of(store).await;
    let old = owner.create(create("demo", execution(1))).await;
    owner.advance(episode(old, execution(1), 1)).await;
    owner.enqueue(old, "[\"hello\"]").await;
    owner.advance(last_episode(old, execution(1), 2)).await;

    let mut replacing = create("demo", execution(2));
    replacing.replaces = vec![RuntimeStatus::Failed, RuntimeStatus::Completed];
    let result = owner.write(Write::Create(replacing)).await;
    let stored = owner.load("demo").await;
    let new = stored.header.incarnation;
    assert!(new > old, "{new:?} is greater than {old:?}");
    assert_eq!(
        result,
        Ok(Written::Created {
            incarnation: new,
            replaced: true
        })
    );
    assert_eq!(
        (stored.header.incarnation, stored.header.runtime_status),
        (new, RuntimeStatus::Pending)
    );
    assert_eq!((stored.history.len(), stored.inbox.len()), (1, 0));

    let late = [
        Write::Episode(episode(old, execution(1), 3)),
        message(old, "[]"),
        stalled(old, Some("no such orchestrator")),
    ];
    assert_eq!(
        owner.commit(&late).await,
        [
            Err(Refused::Stale),
            Err(Refused::Stale),
            Err(Refused::Stale)
        ]
    );
    assert_eq!(owner.load("demo").await, stored);
}

/// An instance gives way in the named statuses only.
pub async fn status_that_is_not_named_is_not_replaced(store: &dyn Store) {
    let owner = Owner::of(store).await;
    let incarnation = owner.create(create("demo", execution(1))).await;
    owner.advance(episode(incarnation, execution(1), 1)).await;
    let mut replacing = create("demo", execution(2));
    replacing.replaces = vec![RuntimeStatus::Completed, RuntimeStatus::Pending];
    let result = owner.write(Write::Create(replacing)).await;
    assert!(matches!(result, Err(Refused::Exists(_))), "{result:?}");
    assert_eq!(owner.load("demo").await.header.incarnation, incarnation);
}

/// A retry after an unknown outcome finds its own instance, however far that has come.
pub async fn creating_again_with_the_same_execution_changes_nothing(store: &dyn Store) {
    let owner = Owner::of(store).await;
    let mut again = create("demo", execution(1));
    again.replaces = vec![
        RuntimeStatus::Pending,
        RuntimeStatus::Running,
        RuntimeStatus::Completed,
    ];
    let incarnation = owner.create(again.clone()).await;
    assert_eq!(owner.create(again.clone()).await, incarnation);
    owner.advance(episode(incarnation, execution(1), 1)).await;
    owner
        .advance(last_episode(incarnation, execution(1), 2))
        .await;
    let before = owner.load("demo").await;
    assert_eq!(owner.create(again).await, incarnation);
    assert_eq!(owner.load("demo").await, before);
}

/// Later writes of a batch see the earlier ones.
pub async fn same_id_twice_in_a_batch_is_created_once(store: &dyn Store) {
    let owner = Owner::of(store).await;
    let results = owner
        .commit(&[
            Write::Create(create("demo", execution(1))),
            Write::Create(create("demo", execution(2))),
        ])
        .await;
    let header = owner.load("demo").await.header;
    assert_eq!(header.execution_id, execution(1));
    assert_eq!(
        results,
        [
            Ok(Written::Created {
                incarnation: header.incarnation,
                replaced: false
            }),
            Err(Refused::Exists(Box::new(header)))
        ]
    );
}

/// Ids that differ in case, or in how a character is composed, are two.
pub async fn ids_are_case_sensitive(store: &dyn Store) {
    let owner = Owner::of(store).await;
    for (number, id) in ["demo", "Demo", "caf\u{e9}", "cafe\u{301}", "demo "]
        .into_iter()
        .enumerate()
    {
        owner.create(create(id, execution(number as u128))).await;
    }
    assert_eq!(owner.load("Demo").await.header.execution_id, execution(1));
    assert_eq!(
        owner.load("caf\u{e9}").await.header.execution_id,
        execution(2)
    );
    assert_eq!(owner.load("demo ").await.header.execution_id, execution(4));
}

/// Also across replacements: the incarnation of a deleted instance never comes back.
pub async fn incarnations_grow(store: &dyn Store) {
    let owner = Owner::of(store).await;
    let mut last = None;
    for number in 0..4 {
        let mut replacing = create("demo", execution(number));
        replacing.replaces = vec![RuntimeStatus::Pending];
        let incarnation = owner.create(replacing).await;
        assert!(Some(incarnation) > last, "{incarnation:?} after {last:?}");
        last = Some(incarnation);
    }
    assert!(Some(owner.create(create("other", execution(9))).await) > last);
}
