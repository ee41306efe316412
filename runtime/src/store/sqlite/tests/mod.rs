//! What only this store promises: its file, its lock, and what it does with other files. The contract itself is tested by
//! the conformance suite.

use std::collections::HashSet;
use std::error::Error as _;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use futures_executor::block_on;
use jiff::Timestamp;
use tempfile::TempDir;

use super::*;
use crate::model::instance::{ExecutionId, Incarnation, InstanceId};
use crate::model::query::{InstanceFilter, Order};
use crate::model::status::{ActivityProgress, RuntimeStatus};
use crate::model::tags::Tags;
use crate::store::{CreateInstance, PageRequest, PurgeWhere, StoreErrorKind, Written};

mod files;
mod log;
mod reader;
mod upgrade;

struct Place {
    directory: TempDir,
}

impl Place {
    fn new() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("app.db")
    }

    fn open(&self) -> SqliteStore {
        SqliteStore::open(self.path()).unwrap()
    }

    fn open_error(&self) -> StoreError {
        SqliteStore::open(self.path()).unwrap_err()
    }

    /// A connection of another program.
    fn shell(&self) -> Connection {
        Connection::open(self.path()).unwrap()
    }

    fn names(&self) -> HashSet<String> {
        let entries = fs::read_dir(self.directory.path()).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }
}

fn create(id: &str, events: &str) -> Write {
    Write::Create(CreateInstance {
        id: InstanceId::parse(id).unwrap(),
        name: "Greet".to_owned(),
        version: None,
        execution_id: ExecutionId::from_u128(1),
        created_at: Timestamp::UNIX_EPOCH,
        start_at: None,
        parent: None,
        tags: Tags::new(),
        events: events.to_owned(),
        custom_status: None,
        replaces: Vec::new(),
    })
}

fn commit(store: &SqliteStore, epoch: Epoch, id: &str) {
    let results = block_on(store.commit(epoch, &[create(id, "[]")])).unwrap();
    assert!(results[0].is_ok(), "{results:?}");
}

fn acquire(store: &SqliteStore) -> Epoch {
    block_on(store.acquire(None)).unwrap().epoch
}

fn holds(store: &SqliteStore, id: &str) -> bool {
    block_on(store.load(&InstanceId::parse(id).unwrap()))
        .unwrap()
        .is_some()
}

#[test]
fn second_open_is_refused_until_the_first_is_dropped() {
    let place = Place::new();
    let store = place.open();
    let error = place.open_error();
    assert_eq!(error.kind(), StoreErrorKind::InUse);
    let message = error.to_string();
    assert!(
        message.contains("app.db`")
            && message.contains("this process")
            && message.contains("app.db.lock"),
        "{message}"
    );
    drop(store);
    place.open();
}

#[cfg(unix)]
#[test]
fn file_with_a_further_name_is_refused() {
    let place = Place::new();
    drop(place.open());
    let further = place.path().with_file_name("further.db");
    fs::hard_link(place.path(), &further).unwrap();
    for path in [&place.path(), &further] {
        let error = SqliteStore::open(path).unwrap_err();
        assert!(
            error.to_string().contains("has 2 names (hard links)"),
            "{error}"
        );
    }
    fs::remove_file(further).unwrap();
    place.open();
}

#[cfg(unix)]
#[test]
fn link_to_nothing_is_refused() {
    let place = Place::new();
    let link = place.path().with_file_name("link.db");
    std::os::unix::fs::symlink(place.path(), &link).unwrap();
    let error = SqliteStore::open(&link).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("is a link to a file that does not exist"),
        "{error}"
    );
}

#[cfg(unix)]
#[test]
fn link_to_the_file_meets_the_same_lock() {
    let place = Place::new();
    let link = place.directory.path().join("link.db");
    std::os::unix::fs::symlink(place.path(), &link).unwrap();
    let _store = place.open();
    assert_eq!(
        SqliteStore::open(&link).unwrap_err().kind(),
        StoreErrorKind::InUse
    );
}

#[test]
fn another_program_can_read_meanwhile() {
    let place = Place::new();
    let store = place.open();
    let epoch = acquire(&store);
    let shell = place.shell();
    let count = || {
        shell
            .query_row("SELECT count(*) FROM instances", [], |row| {
                row.get::<_, i64>(0)
            })
            .unwrap()
    };
    assert_eq!(count(), 0);
    commit(&store, epoch, "demo");
    assert_eq!(count(), 1);
    let status: String = shell
        .query_row("SELECT runtime_status FROM instances", [], |row| row.get(0))
        .unwrap();
    assert_eq!(status, "Pending");
}

#[test]
fn reads_do_not_wait_for_a_write() {
    let place = Place::new();
    let store = place.open();
    let epoch = acquire(&store);
    commit(&store, epoch, "demo");
    let _writing = store.writer();
    assert!(holds(&store, "demo"));
}

#[test]
fn commits_are_counted_when_they_accept_something() {
    let place = Place::new();
    let store = place.open();
    assert_eq!(store.commits(), 0);
    let epoch = acquire(&store);
    assert_eq!(store.commits(), 1);
    let writes: Vec<_> = (0..50)
        .map(|number| create(&number.to_string(), "[]"))
        .collect();
    block_on(store.commit(epoch, &writes)).unwrap();
    assert_eq!(store.commits(), 2);
    block_on(store.commit(epoch, &[])).unwrap();
    assert_eq!(store.commits(), 2);
}

#[test]
fn close_leaves_one_file_and_the_lock() {
    let place = Place::new();
    let store = place.open();
    let epoch = acquire(&store);
    commit(&store, epoch, "demo");
    holds(&store, "demo");
    drop(store);
    assert_eq!(
        place.names(),
        HashSet::from(["app.db".to_owned(), "app.db.lock".to_owned()])
    );
}

#[test]
fn every_acknowledged_commit_survives_a_crash() {
    let place = Place::new();
    let store = place.open();
    let epoch = acquire(&store);
    for number in 0..40 {
        commit(&store, epoch, &number.to_string());
        if number % 13 == 0 {
            // To read the file here drops this process's locks on it. Nobody else opens it.
            let crashed = Place::new();
            for name in ["app.db", "app.db-wal"] {
                fs::copy(
                    place.directory.path().join(name),
                    crashed.directory.path().join(name),
                )
                .unwrap();
            }
            let check: String = crashed
                .shell()
                .query_row("PRAGMA integrity_check", [], |row| row.get(0))
                .unwrap();
            assert_eq!(check, "ok");
            let after = crashed.open();
            assert!((0..=number).all(|number| holds(&after, &number.to_string())));
            assert!(acquire(&after) > epoch);
        }
    }
}

#[test]
fn value_that_this_store_would_not_write_is_damage() {
    let place = Place::new();
    let store = place.open();
    let epoch = acquire(&store);
    commit(&store, epoch, "demo");
    place
        .shell()
        .execute_batch("UPDATE instances SET runtime_status = 'Sleeping'")
        .unwrap();
    let error = block_on(store.load(&InstanceId::parse("demo").unwrap())).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Corrupt);
    assert!(error.source().unwrap().to_string().contains("Sleeping"));
}

#[test]
fn full_disk_fails_the_commit_as_a_whole_and_later_ones_succeed() {
    let place = Place::new();
    let store = place.open();
    let epoch = acquire(&store);
    let set_max = |pages: i64| {
        store
            .writer()
            .pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))
            .unwrap();
    };
    set_max(40);
    let large = "x".repeat(100_000);
    let writes = [
        create("small", "[]"),
        create("a", &large),
        create("b", &large),
    ];
    let error = block_on(store.commit(epoch, &writes)).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    assert!(error.is_retryable() && error.source().is_some());
    assert!(!holds(&store, "small") && !holds(&store, "a"));
    set_max(1_000_000);
    assert!(
        block_on(store.commit(epoch, &writes))
            .unwrap()
            .iter()
            .all(Result::is_ok)
    );
    assert!(holds(&store, "b"));
}

#[test]
fn open_uses_what_each_durability_promises() {
    for (durability, expected) in [(Durability::Full, 2), (Durability::Relaxed, 1)] {
        let place = Place::new();
        let store = SqliteStore::builder(place.path())
            .durability(durability)
            .open()
            .unwrap();
        let setting = |name| {
            store
                .writer()
                .pragma_query_value(None, name, |row| row.get::<_, i64>(0))
                .unwrap()
        };
        assert_eq!(setting("synchronous"), expected);
    }
}

/// Rows that nobody can reach any more would fill the disk unseen.
#[test]
fn deleted_instance_leaves_no_row_behind() {
    let place = Place::new();
    let store = place.open();
    let epoch = acquire(&store);
    let Write::Create(mut create) = create("demo", "[]") else {
        unreachable!("it is a create")
    };
    create.tags = [("a".to_owned(), "1".to_owned())].into();
    let incarnation = Incarnation(1);
    let progress = ActivityProgress {
        task_id: 1,
        name: "Count".to_owned(),
        attempt: 1,
        details: "1".to_owned(),
        reported_at: Timestamp::UNIX_EPOCH,
    };
    let writes = [
        Write::Enqueue {
            incarnation,
            execution: None,
            event: "[]".to_owned(),
        },
        Write::Progress {
            incarnation,
            execution_id: create.execution_id,
            sequence: 1,
            at: Timestamp::UNIX_EPOCH,
            progress,
        },
    ];
    block_on(store.commit(epoch, &[Write::Create(create)])).unwrap();
    let results = block_on(store.commit(epoch, &writes)).unwrap();
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    let rows = || {
        ["instances", "history", "inbox", "progress", "tags"].map(|table| {
            let count = format!("SELECT count(*) FROM {table}");
            let count = place
                .shell()
                .query_row(&count, [], |row| row.get::<_, i64>(0));
            count.unwrap()
        })
    };
    assert_eq!(rows(), [1, 1, 1, 1, 1]);
    place
        .shell()
        .execute_batch("UPDATE instances SET runtime_status = 'Completed'")
        .unwrap();
    let purge = Write::PurgeWhere(PurgeWhere {
        filter: InstanceFilter::new(),
        after: Incarnation(0),
        limit: 10,
        walk: 10,
    });
    let results = block_on(store.commit(epoch, &[purge])).unwrap();
    let purged = Written::Purged {
        count: 1,
        next: None,
    };
    assert_eq!(results, [Ok(purged)]);
    assert_eq!(rows(), [0, 0, 0, 0, 0]);
}

/// How SQLite goes about a query, step by step.
fn plan(db: &Connection, query: &str) -> String {
    let mut plan = db.prepare(&format!("EXPLAIN QUERY PLAN {query}")).unwrap();
    let parameters = plan.parameter_count();
    plan.query_map(
        rusqlite::params_from_iter(std::iter::repeat_n(1, parameters)),
        |row| row.get::<_, String>(3),
    )
    .unwrap()
    .collect::<Result<Vec<_>, _>>()
    .unwrap()
    .join("\n")
}

/// Every page goes on where the one before ended, in one index, and sorts nothing.
#[test]
fn pages_are_read_off_an_index() {
    let place = Place::new();
    let store = place.open();
    let epoch = acquire(&store);
    let creates: Vec<_> = (0..search::FEW_IDS + 1)
        .map(|number| create(&format!("many-{number}"), "[]"))
        .collect();
    block_on(store.commit(epoch, &creates)).unwrap();
    let all = InstanceFilter::new;
    let failed = || all().runtime_status([RuntimeStatus::Failed]);
    let walk = "USING INTEGER PRIMARY KEY (rowid";
    for (filter, index) in [
        (all(), walk),
        (
            all().name("Greet").created_from(Timestamp::UNIX_EPOCH),
            walk,
        ),
        (all().runtime_status([RuntimeStatus::Running]), walk),
        (
            failed().runtime_status([RuntimeStatus::Failed, RuntimeStatus::Running]),
            walk,
        ),
        (all().stalled(false), walk),
        (all().id_prefix("many-"), walk),
        (all().id_prefix(""), walk),
        (failed(), "USING INDEX instances_in_trouble (incarnation"),
        (
            failed().id_prefix("many-").version("1.0"),
            "USING INDEX instances_in_trouble (incarnation",
        ),
        (
            failed().stalled(true),
            "USING INDEX instances_in_trouble (incarnation",
        ),
        (
            all().stalled(true),
            "USING INDEX instances_in_trouble (incarnation",
        ),
        (
            failed()
                .parent(InstanceId::parse("many-0").unwrap())
                .tag("a", "1"),
            "USING INDEX instances_by_parent (parent_id=? AND rowid",
        ),
        (
            all()
                .tag("a", "1")
                .tag("b", "2")
                .stalled(true)
                .id_prefix("few"),
            "tags USING PRIMARY KEY (name=? AND value=? AND incarnation",
        ),
    ] {
        for (order, comparison) in [(Order::OldestFirst, ">?)"), (Order::NewestFirst, "<?)")] {
            let page = PageRequest {
                after: Some(Incarnation(5)),
                limit: 10,
                bytes: usize::MAX,
                walk: usize::MAX,
                order,
            };
            let plan = store
                .reader
                .look(|db| {
                    let search = search::Search::page(db, &filter, &page)?;
                    Ok(plan(db, &search.walk(order)))
                })
                .unwrap();
            let index = format!("{index}{comparison}");
            assert!(plan.contains(&index), "{filter:?}: {plan}");
            assert!(
                !plan.contains("SCAN") && !plan.contains("TEMP B-TREE"),
                "{filter:?}: {plan}"
            );
        }
    }
}

/// Those few are sorted, which costs less than to meet all others on the way.
#[test]
fn few_ids_of_a_prefix_are_looked_up() {
    let place = Place::new();
    let store = place.open();
    let epoch = acquire(&store);
    let creates: Vec<_> = (0..search::FEW_IDS)
        .map(|number| create(&format!("few-{number}"), "[]"))
        .collect();
    block_on(store.commit(epoch, &creates)).unwrap();
    let filter = InstanceFilter::new().id_prefix("few-").name("Greet");
    let page = PageRequest {
        after: Some(Incarnation(5)),
        limit: 10,
        bytes: usize::MAX,
        walk: usize::MAX,
        order: Order::OldestFirst,
    };
    let plan = store
        .reader
        .look(|db| {
            let search = search::Search::page(db, &filter, &page)?;
            Ok(plan(db, &search.walk(page.order)))
        })
        .unwrap();
    assert!(plan.contains("(id>? AND id<?)"), "{plan}");
    let found = block_on(store.query(&filter, &page)).unwrap();
    let found: Vec<_> = found
        .rows
        .iter()
        .map(|rows| rows.header.incarnation.0)
        .collect();
    assert_eq!(found, (6..16).collect::<Vec<_>>());
}

#[test]
fn queries_walk_the_partial_indexes() {
    let place = Place::new();
    let store = place.open();
    let writer = store.writer();
    for (query, index) in [
        (
            queries::NEEDING_ATTENTION,
            "USING COVERING INDEX inbox_by_incarnation",
        ),
        (
            queries::NEEDING_ATTENTION,
            "USING INDEX instances_needing_attention (needs_attention=? AND rowid>?)",
        ),
        (
            queries::TIMERS_OF_ONE_TIME,
            "USING INDEX instances_by_next_timer (next_timer=? AND rowid>?)",
        ),
        (
            queries::TIMERS_OF_LATER_TIMES,
            "USING INDEX instances_by_next_timer (next_timer>?)",
        ),
        (
            instances::UNFINISHED_CHILDREN,
            "USING INDEX instances_by_parent (parent_id=?)",
        ),
    ] {
        let plan = plan(&writer, query);
        assert!(plan.contains(index), "{plan}");
        assert!(
            !plan.contains("SCAN instances") && !plan.contains("SCAN inbox"),
            "{plan}"
        );
    }
}

/// The test runs itself again as the second process, with the path in the environment. That one also reads as a shell does;
/// its close would delete the log if the refused opens had cost the owner its own locks.
#[test]
fn second_process_is_refused_and_may_read() {
    const PATH: &str = "STEADFAST_TEST_STORE";
    const OWNER: &str = "STEADFAST_TEST_STORE_OWNER";
    if let Some(path) = std::env::var_os(PATH) {
        let error = SqliteStore::open(&path).unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::InUse);
        let owner = format!("process {}", std::env::var(OWNER).unwrap());
        assert!(error.to_string().contains(&owner), "{error}");
        let shell = Connection::open(path).unwrap();
        let count: i64 = shell
            .query_row("SELECT count(*) FROM instances", [], |row| row.get(0))
            .unwrap();
        assert_eq!(count, 1);
        return;
    }
    let place = Place::new();
    let store = place.open();
    let epoch = acquire(&store);
    commit(&store, epoch, "before");
    place.open_error();
    let output = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "store::sqlite::tests::second_process_is_refused_and_may_read",
        ])
        .env(PATH, place.path())
        .env(OWNER, std::process::id().to_string())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"));
    assert!(place.names().contains("app.db-wal"));
    commit(&store, epoch, "after");
    drop(store);
    let store = place.open();
    assert!(holds(&store, "before") && holds(&store, "after"));
}

#[cfg(feature = "deploy")]
#[test]
fn a_reader_of_an_earlier_schema_reads_a_copy() {
    let place = upgrade::version_1();
    let before = fs::read(place.path()).unwrap();
    let reader = SqliteReader::open(place.path()).unwrap();
    let id = InstanceId::parse("waits").unwrap();
    let stored = block_on(reader.load(&id)).unwrap().unwrap();
    assert_eq!(stored.history.len(), 2);
    drop(reader);
    assert_eq!(fs::read(place.path()).unwrap(), before);
}
