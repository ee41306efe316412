//! Files that an earlier version wrote.

use futures_executor::block_on;

use super::*;
use crate::model::instance::ParentInstance;
use crate::store::{CreateChild, Destination, EpisodeWrite, HistoryRow, OutgoingMessage};

/// What version 1 of the schema kept: an instance that waits, one that failed, and messages.
const ROWS: &str = "
    UPDATE partitions SET epoch = 7;
    INSERT INTO meta (key, value) VALUES ('task_hub', 'orders');
    INSERT INTO instances (incarnation, partition, id, name, execution_id, runtime_status, created_at, last_updated_at,
                           first_episode, episode, status_episode, sequence, next_timer, needs_attention, stalled)
    VALUES (3, 0, 'waits', 'Greet', x'00000000000000000000000000000001', 'Running', 1000000, 2000000, 0, 1, 1, 4, 9000000, 0, NULL),
           (5, 0, 'failed', 'Greet', x'00000000000000000000000000000002', 'Failed', 1000000, 3000000, 0, 1, NULL, 2, NULL, 0, NULL),
           (6, 0, 'stalled', 'Greet', x'00000000000000000000000000000003', 'Pending', 1000000, 1000000, 0, 0, NULL, 0, NULL, 1, 'why');
    INSERT INTO history (incarnation, episode, events, custom_status, runtime_status, sequence)
    VALUES (3, 0, '[0]', NULL, 'Pending', 0), (3, 1, '[1]', '\"half\"', 'Running', 4),
           (5, 0, '[2]', NULL, 'Pending', 0), (5, 1, '[3]', NULL, 'Failed', 2), (6, 0, '[4]', NULL, 'Pending', 0);
    INSERT INTO inbox (sequence, incarnation, event) VALUES (11, 3, '[5]'), (12, 6, '[6]');
";

pub(super) fn version_1() -> Place {
    let place = Place::new();
    let shell = place.shell();
    shell
        .pragma_update(None, "application_id", migrations::APPLICATION_ID)
        .unwrap();
    shell
        .execute_batch(include_str!("../migrations/0001_instances.sql"))
        .unwrap();
    shell.pragma_update(None, "user_version", 1).unwrap();
    shell.execute_batch(ROWS).unwrap();
    place
}

fn id(id: &str) -> InstanceId {
    InstanceId::parse(id).unwrap()
}

fn ids(store: &SqliteStore, filter: &InstanceFilter) -> Vec<String> {
    let page = PageRequest {
        after: None,
        limit: 100,
        bytes: usize::MAX,
        walk: usize::MAX,
        order: Order::OldestFirst,
    };
    let found = block_on(store.query(filter, &page)).unwrap();
    let found = found.rows.into_iter().map(|rows| rows.header.id.into());
    found.collect()
}

#[test]
fn everything_in_a_store_of_version_1_is_there() {
    let place = version_1();
    let store = place.open();
    let stored = block_on(store.load(&id("waits"))).unwrap().unwrap();
    assert_eq!(
        (
            stored.header.incarnation,
            stored.header.sequence,
            stored.history.len()
        ),
        (Incarnation(3), 4, 2)
    );
    assert_eq!(
        (&stored.header.version, &stored.header.parent),
        (&None, &None)
    );
    let inbox: Vec<_> = stored
        .inbox
        .iter()
        .map(|row| (row.sequence, row.execution, row.event.as_str()))
        .collect();
    assert_eq!(inbox, [(11, None, "[5]")]);
    assert!(stored.progress.is_empty());
    let rows = block_on(store.read(&id("waits"))).unwrap().unwrap();
    assert_eq!(rows.custom_status.as_deref(), Some("\"half\""));

    let all = InstanceFilter::new;
    assert_eq!(ids(&store, &all()), ["waits", "failed", "stalled"]);
    let failed = all().runtime_status([RuntimeStatus::Failed]);
    assert_eq!(ids(&store, &failed), ["failed"]);
    assert_eq!(ids(&store, &all().stalled(true)), ["stalled"]);
    assert!(block_on(store.acquire(Some("other"))).is_err());
    assert_eq!(acquire(&store), Epoch(8));
}

#[test]
fn store_of_version_1_takes_what_is_new() {
    let place = version_1();
    let store = place.open();
    let epoch = acquire(&store);
    let Write::Create(mut child) = create("child", "[]") else {
        unreachable!("it is a create")
    };
    child.parent = Some(ParentInstance {
        name: "Greet".to_owned(),
        instance_id: id("waits"),
        execution_id: ExecutionId::from_u128(1),
        task_scheduled_id: 2,
    });
    child.tags = [("a".to_owned(), "1".to_owned())].into();
    let episode = EpisodeWrite {
        incarnation: Incarnation(3),
        execution_id: ExecutionId::from_u128(1),
        row: HistoryRow {
            episode: 2,
            events: "[]".to_owned(),
            custom_status: None,
            runtime_status: RuntimeStatus::Running,
            sequence: 4,
        },
        last_updated_at: Timestamp::UNIX_EPOCH,
        next_timer: None,
        needs_attention: false,
        stalled: None,
        inbox_taken: None,
        continued: None,
        children: vec![CreateChild {
            create: child,
            on_refused: "[]".to_owned(),
        }],
        rewinds: Vec::new(),
        messages: vec![OutgoingMessage {
            to: Destination::Children,
            event: "[7]".to_owned(),
        }],
        progress_ended: Vec::new(),
    };
    let rewind = Write::Rewind {
        id: id("failed"),
        at: Timestamp::UNIX_EPOCH,
        event: "[8]".to_owned(),
    };
    let results = block_on(store.commit(epoch, &[Write::Episode(episode), rewind])).unwrap();
    let notified = vec![id("child")];
    assert_eq!(
        results,
        [Ok(Written::Episode { notified }), Ok(Written::Stored)]
    );
    let found = InstanceFilter::new().parent(id("waits")).tag("a", "1");
    assert_eq!(ids(&store, &found), ["child"]);
    let child = block_on(store.load(&id("child"))).unwrap().unwrap();
    assert_eq!(child.header.incarnation, Incarnation(7));
    assert_eq!(child.inbox[0].sequence, 13);
}

#[test]
fn upgraded_store_has_the_schema_of_a_new_one() {
    let schema = |place: &Place| {
        drop(place.open());
        let shell = place.shell();
        let version: i64 = shell
            .pragma_query_value(None, "user_version", |row| row.get(0))
            .unwrap();
        let mut rows = shell
            .prepare("SELECT name || ': ' || ifnull(sql, '') FROM sqlite_schema ORDER BY name")
            .unwrap();
        let rows = rows.query_map([], |row| row.get::<_, String>(0)).unwrap();
        (version, rows.map(Result::unwrap).collect::<Vec<_>>())
    };
    let upgraded = schema(&version_1());
    assert_eq!(upgraded, schema(&Place::new()));
    assert_eq!(upgraded.0, 2);
}

#[test]
fn upgrade_that_fails_leaves_version_1() {
    let place = version_1();
    place
        .shell()
        .execute_batch("CREATE TABLE progress (anything TEXT)")
        .unwrap();
    place.open_error();
    let shell = place.shell();
    let version: i64 = shell
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .unwrap();
    let columns: i64 = shell
        .query_row(
            "SELECT count(*) FROM pragma_table_info('instances') WHERE name = 'version'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!((version, columns), (1, 0));
}
