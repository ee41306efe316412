//! Instances that come with a past.

use super::fixtures::{
    FIRST_TIMER, Owner, at, child_of, create, episode, execution, instance_id, last_episode,
};
use crate::model::instance::Incarnation;
use crate::model::query::InstanceFilter;
use crate::model::status::RuntimeStatus;
use crate::store::{
    CreateInstance, HistoryRow, ImportInstance, InstanceHeader, Refused, Store, Write, Written,
};

/// An instance that has had some episodes.
fn import(create: CreateInstance, episodes: u64, runtime_status: RuntimeStatus) -> ImportInstance {
    let row = |number| episode(Incarnation(0), create.execution_id, number).row;
    let mut rows: Vec<HistoryRow> = (1..=episodes).map(row).collect();
    if let Some(last) = rows.last_mut() {
        last.runtime_status = runtime_status;
        last.sequence = 40;
    }
    ImportInstance {
        inbox: Vec::new(),
        create,
        rows,
        runtime_status,
        last_updated_at: at(50),
    }
}

/// Everything of it, from wherever it was.
pub async fn imported_instance_is_as_it_was(store: &dyn Store) {
    let owner = Owner::of(store).await;
    let mut began = child_of("parent", execution(9), 4, create("demo", execution(1)));
    began.version = Some("1.0".to_owned());
    began.custom_status = Some("0".to_owned());
    began.tags = [("customer".to_owned(), "4711".to_owned())].into();
    let mut import = import(began.clone(), 3, RuntimeStatus::Suspended);
    import.rows[1].custom_status = Some("2".to_owned());
    let result = owner.write(Write::Import(import.clone())).await;
    let stored = owner.load("demo").await;
    let incarnation = stored.header.incarnation;
    assert_eq!(
        result,
        Ok(Written::Created {
            incarnation,
            replaced: false
        })
    );
    let expected = InstanceHeader {
        id: instance_id("demo"),
        incarnation,
        name: "Greet".to_owned(),
        version: began.version,
        execution_id: execution(1),
        parent: began.parent.as_ref().map(Into::into),
        runtime_status: RuntimeStatus::Suspended,
        created_at: at(0),
        last_updated_at: at(50),
        first_episode: 0,
        episode: 3,
        status_episode: Some(2),
        sequence: 40,
        next_timer: None,
        needs_attention: true,
        stalled: None,
    };
    assert_eq!(stored.header, expected);
    assert_eq!(stored.history[0].events, began.events);
    assert_eq!(stored.history[1..], import.rows);
    assert_eq!(owner.read("demo").await.custom_status.as_deref(), Some("2"));
    let tagged = InstanceFilter::new().tag("customer", "4711");
    assert_eq!(owner.find(&tagged).await, ["demo"]);
    assert_eq!(
        owner.attention(Incarnation(0), 10).await,
        [(incarnation, instance_id("demo"))]
    );
    owner.advance(episode(incarnation, execution(1), 4)).await;
}

/// It is there to be read.
pub async fn imported_instance_may_have_ended(store: &dyn Store) {
    let owner = Owner::of(store).await;
    let mut ended = import(create("demo", execution(1)), 2, RuntimeStatus::Failed);
    ended.create.start_at = Some(at(60));
    owner
        .write(Write::Import(ended.clone()))
        .await
        .expect("it is imported");
    let rows = owner.read("demo").await;
    assert_eq!(rows.last_events, Some(ended.rows[1].events.clone()));
    assert_eq!(
        (rows.header.runtime_status, rows.header.needs_attention),
        (RuntimeStatus::Failed, false)
    );
    assert_eq!(owner.attention(Incarnation(0), 10).await, []);
    assert_eq!(owner.timers(FIRST_TIMER, 10).await, []);
    assert_eq!(rows.header.next_timer, None);
}

/// One that has not begun is like a new one, scheduled or not.
pub async fn imported_instance_may_have_no_past(store: &dyn Store) {
    let owner = Owner::of(store).await;
    let mut scheduled = import(create("later", execution(2)), 0, RuntimeStatus::Pending);
    scheduled.create.start_at = Some(at(60));
    let imports = [
        Write::Import(import(
            create("now", execution(1)),
            0,
            RuntimeStatus::Pending,
        )),
        Write::Import(scheduled),
    ];
    assert!(owner.commit(&imports).await.iter().all(Result::is_ok));
    let (now, later) = (owner.load("now").await, owner.load("later").await);
    assert_eq!((now.header.episode, now.history.len()), (0, 1));
    assert_eq!(
        (now.header.next_timer, now.header.needs_attention),
        (None, true)
    );
    assert_eq!(
        (later.header.next_timer, later.header.needs_attention),
        (Some(at(60)), false)
    );
}

/// As with any create.
pub async fn import_is_refused_or_repeated_as_a_create_is(store: &dyn Store) {
    let owner = Owner::of(store).await;
    let first = import(create("demo", execution(1)), 2, RuntimeStatus::Running);
    owner
        .write(Write::Import(first.clone()))
        .await
        .expect("it is imported");
    let incarnation = owner.load("demo").await.header.incarnation;
    owner
        .advance(last_episode(incarnation, execution(1), 3))
        .await;
    let before = owner.load("demo").await;
    assert_eq!(
        owner.write(Write::Import(first)).await,
        Ok(Written::Created {
            incarnation,
            replaced: true
        })
    );
    let mut other = import(create("demo", execution(2)), 2, RuntimeStatus::Running);
    assert_eq!(
        owner.write(Write::Import(other.clone())).await,
        Err(Refused::Exists(Box::new(before.header.clone())))
    );
    assert_eq!(owner.load("demo").await, before);
    other.create.replaces = vec![RuntimeStatus::Completed];
    owner
        .write(Write::Import(other))
        .await
        .expect("it takes the place");
    let stored = owner.load("demo").await;
    assert_eq!(
        (stored.header.execution_id, stored.history.len()),
        (execution(2), 3)
    );
}

/// A past with gaps could not be replayed.
pub async fn rows_that_do_not_follow_one_another_are_refused(store: &dyn Store) {
    let owner = Owner::of(store).await;
    for numbers in [&[0, 1][..], &[2], &[1, 3], &[1, 1], &[2, 1]] {
        let mut import = import(create("demo", execution(1)), 0, RuntimeStatus::Running);
        import.rows = numbers
            .iter()
            .map(|number| episode(Incarnation(0), execution(1), *number).row)
            .collect();
        let result = owner.write(Write::Import(import)).await;
        assert_eq!(result, Err(Refused::Stale), "{numbers:?}");
    }
    assert!(!owner.has("demo").await);
}
