//! What is read of a damaged file: everything but the damage.

use std::collections::BTreeSet;
use std::fs;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use futures_executor::block_on;
use rusqlite::Connection;
use steadfast::limits::DEFAULT_MAX_PAYLOAD_BYTES;
use steadfast::model::instance::{ExecutionId, Incarnation, InstanceId, ParentInstance};
use steadfast::model::query::Order;
use steadfast::store::sqlite::SqliteStore;
use steadfast::store::{
    CreateInstance, EpisodeWrite, HistoryRow, PageRequest, Store, TimerPosition, Write,
};
use steadfast::testing::{
    self, EpisodeReplays, ManualClock, SingleThreaded, SingleThreadedOptions,
};
use steadfast::{Dependencies, InstanceFilter, Panics, RuntimeStatus, SuspiciousAwaits, Timestamp};
use steadfast_tests::database;
use tempfile::TempDir;

const PAGE: usize = 4_096;

const INSTANCES: u64 = 1_200;

/// A closed store. Every third of its instances has failed; of the others each has a timer, and every second needs attention. Each has
/// a tag, and a parent.
struct Place {
    _directory: TempDir,
    database: PathBuf,
    whole: Vec<u8>,
}

impl Place {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let database = directory.path().join("app.db");
        let store = SqliteStore::open(&database).unwrap();
        let epoch = block_on(store.acquire(None)).unwrap().epoch;
        let creates: Vec<_> = all().map(create).collect();
        let episodes: Vec<_> = all().map(episode).collect();
        for writes in [creates, episodes] {
            let results = block_on(store.commit(epoch, &writes)).unwrap();
            assert!(results.iter().all(Result::is_ok));
        }
        drop(store);
        let whole = fs::read(&database).unwrap();
        Self {
            _directory: directory,
            database,
            whole,
        }
    }

    /// Overwrites a leaf of a table or an index that is in the middle of it, and nothing else.
    fn damage(&self, name: &str) -> SqliteStore {
        fs::write(&self.database, &self.whole).unwrap();
        let pages: Vec<i64> = {
            let database = database::open(&self.database);
            let mut pages = database
                .prepare(
                    "SELECT pageno FROM dbstat WHERE name = ?1 AND pagetype = 'leaf' ORDER BY path",
                )
                .unwrap();
            let pages = pages.query_map([name], |row| row.get(0)).unwrap();
            pages.map(Result::unwrap).collect()
        };
        let damaged = pages[pages.len() / 2] as usize;
        let mut bytes = self.whole.clone();
        bytes[(damaged - 1) * PAGE..damaged * PAGE].fill(0xa5);
        fs::write(&self.database, bytes).unwrap();
        SqliteStore::open(&self.database).unwrap()
    }

    /// The instances of which SQLite cannot read this.
    fn unreadable(&self, what: &str) -> BTreeSet<u64> {
        let database = Connection::open(&self.database).unwrap();
        let is_read = |number: &u64| {
            let read = database.query_row(what, [*number as i64], |row| row.get::<_, i64>(0));
            read.is_ok()
        };
        all().filter(|number| !is_read(number)).collect()
    }
}

fn all() -> Range<u64> {
    1..INSTANCES + 1
}

fn id(number: u64) -> String {
    format!("instance-{number:04}")
}

fn number(id: &str) -> u64 {
    id.strip_prefix("instance-").unwrap().parse().unwrap()
}

fn has_failed(number: u64) -> bool {
    number.is_multiple_of(3)
}

fn needs_attention(number: u64) -> bool {
    !has_failed(number) && number.is_multiple_of(2)
}

fn timer(number: u64) -> TimerPosition {
    TimerPosition {
        // Later ones first.
        fire_at: Timestamp::from_second(1_800_000_000 - number as i64).unwrap(),
        incarnation: Incarnation(number),
    }
}

fn create(number: u64) -> Write {
    let execution = ExecutionId::from_u128(number.into());
    Write::Create(CreateInstance {
        id: InstanceId::parse(id(number)).unwrap(),
        name: "Greet".to_owned(),
        version: None,
        execution_id: execution,
        created_at: Timestamp::UNIX_EPOCH,
        start_at: None,
        parent: Some(ParentInstance {
            name: "Parent".to_owned(),
            instance_id: InstanceId::parse("parent").unwrap(),
            execution_id: execution,
            task_scheduled_id: 1,
        }),
        tags: [("kind".to_owned(), "any".to_owned())].into(),
        events: format!("[\"{}\"]", "x".repeat(100)),
        custom_status: None,
        replaces: Vec::new(),
    })
}

fn episode(number: u64) -> Write {
    Write::Episode(EpisodeWrite {
        incarnation: Incarnation(number),
        execution_id: ExecutionId::from_u128(number.into()),
        row: HistoryRow {
            episode: 1,
            events: "[]".to_owned(),
            custom_status: None,
            runtime_status: if has_failed(number) {
                RuntimeStatus::Failed
            } else {
                RuntimeStatus::Running
            },
            sequence: 1,
        },
        last_updated_at: Timestamp::UNIX_EPOCH,
        next_timer: (!has_failed(number)).then(|| timer(number).fire_at),
        needs_attention: needs_attention(number),
        stalled: None,
        inbox_taken: None,
        continued: None,
        children: Vec::new(),
        rewinds: Vec::new(),
        messages: Vec::new(),
        progress_ended: Vec::new(),
    })
}

/// All pages: those that match, in order, and those that cannot be read.
fn query(
    store: &SqliteStore,
    filter: &InstanceFilter,
    order: Order,
    limit: usize,
) -> (Vec<u64>, Vec<u64>) {
    let mut page = PageRequest {
        after: None,
        limit,
        bytes: usize::MAX,
        walk: 500,
        order,
    };
    let (mut found, mut unreadable) = (Vec::new(), Vec::new());
    loop {
        let part = block_on(store.query(filter, &page)).unwrap();
        let ids = part.rows.iter().map(|rows| rows.header.id.as_str());
        found.extend(ids.map(number));
        for one in part.unreadable {
            assert_eq!(number(&one.id), one.incarnation.0);
            assert!(one.reason.contains("malformed"), "{}", one.reason);
            unreadable.push(one.incarnation.0);
        }
        match part.next {
            None => return (found, unreadable),
            next => page.after = next,
        }
    }
}

fn attention(store: &SqliteStore) -> Vec<u64> {
    let (mut found, mut after) = (Vec::new(), Incarnation(0));
    loop {
        let page = block_on(store.needing_attention(after, 100)).unwrap();
        for (incarnation, id) in &page {
            assert_eq!(number(id.as_str()), incarnation.0);
            found.push(incarnation.0);
        }
        match page.last() {
            Some((last, _)) if page.len() == 100 => after = *last,
            _ => return found,
        }
    }
}

fn timers(store: &SqliteStore) -> Vec<u64> {
    let mut after = TimerPosition {
        fire_at: Timestamp::MIN,
        incarnation: Incarnation(0),
    };
    let mut found = Vec::new();
    loop {
        let page = block_on(store.timers(after, 100)).unwrap();
        for (position, id) in &page {
            assert_eq!(*position, timer(number(id.as_str())));
            found.push(position.incarnation.0);
        }
        match page.last() {
            Some((last, _)) if page.len() == 100 => after = *last,
            _ => return found,
        }
    }
}

/// Whether an instance is one of those that a filter asks for.
type Matches = fn(u64) -> bool;

/// Asks for everything, also by a tag, of a store of which these cannot be read.
fn assert_only_these_are_missing(store: &SqliteStore, damaged: &BTreeSet<u64>, tag: Option<&str>) {
    let any = InstanceFilter::new;
    let mut asked: Vec<(InstanceFilter, Matches)> = vec![
        (any(), |_| true),
        (any().runtime_status([RuntimeStatus::Failed]), has_failed),
        (any().parent(InstanceId::parse("parent").unwrap()), |_| true),
        (any().id_prefix("instance-06"), |number| {
            (600..700).contains(&number)
        }),
        (any().name("other"), |_| false),
    ];
    asked.extend(tag.map(|tag| (any().tag("kind", tag), (|_| true) as _)));
    for (filter, matches) in asked {
        for (order, limit) in [
            (Order::OldestFirst, 2_000),
            (Order::OldestFirst, 7),
            (Order::NewestFirst, 100),
        ] {
            let (mut found, mut unreadable) = query(store, &filter, order, limit);
            if order == Order::NewestFirst {
                found.reverse();
                unreadable.reverse();
            }
            let is_damaged = |number: &u64| damaged.contains(number);
            let expected = all().filter(|number| matches(*number) && !is_damaged(number));
            assert_eq!(found, expected.collect::<Vec<_>>(), "{filter:?}");
            assert!(unreadable.is_sorted_by(|one, next| one < next));
            let told: BTreeSet<_> = unreadable.into_iter().collect();
            assert!(told.is_subset(damaged), "{filter:?}");
            let missing: Vec<_> = all()
                .filter(|number| matches(*number) && is_damaged(number))
                .filter(|number| !told.contains(number))
                .collect();
            assert_eq!(missing, [0; 0], "{filter:?} in pages of {limit}");
        }
        let counts = block_on(store.counts(&filter)).unwrap();
        let count: u64 = counts.iter().map(|(_, count)| count).sum();
        let readable = all().filter(|number| matches(*number) && !damaged.contains(number));
        assert_eq!(count, readable.count() as u64, "{filter:?}");
    }
    let expected = all().filter(|number| needs_attention(*number) || damaged.contains(number));
    let found: BTreeSet<_> = attention(store).into_iter().collect();
    assert!(found.is_subset(&expected.collect()));
    let missing = all().filter(|number| needs_attention(*number) && !found.contains(number));
    assert_eq!(missing.count(), 0, "need attention");
    let expected = all().filter(|number| !has_failed(*number) && !damaged.contains(number));
    assert_eq!(timers(store), expected.rev().collect::<Vec<_>>());
}

#[test]
fn damaged_page_of_instances_hides_no_instance_beside_it() {
    let place = Place::new();
    let store = place.damage("instances");
    let row = "SELECT episode FROM instances NOT INDEXED WHERE incarnation = ?1";
    let damaged = place.unreadable(row);
    assert!((1..100).contains(&damaged.len()), "{}", damaged.len());
    assert_only_these_are_missing(&store, &damaged, Some("any"));
}

#[test]
fn damaged_page_of_an_index_hides_no_instance() {
    let place = Place::new();
    for index in [
        "instances_needing_attention",
        "instances_by_next_timer",
        "instances_in_trouble",
        "instances_by_parent",
    ] {
        let store = place.damage(index);
        let none = BTreeSet::new();
        assert_only_these_are_missing(&store, &none, Some("any"));
    }
}

/// Of some it cannot be told whether they have a tag.
#[test]
fn damaged_page_of_tags_hides_no_instance() {
    let place = Place::new();
    let store = place.damage("tags");
    let none = BTreeSet::new();
    assert_only_these_are_missing(&store, &none, None);
    let tagged = InstanceFilter::new().tag("kind", "any");
    let (mut found, unreadable) = query(&store, &tagged, Order::OldestFirst, 100);
    assert!((1..400).contains(&unreadable.len()), "{}", unreadable.len());
    found.extend(unreadable);
    found.sort_unstable();
    assert_eq!(found, all().collect::<Vec<_>>());
}

#[test]
fn instance_whose_history_is_damaged_is_listed_with_the_reason() {
    let place = Place::new();
    let store = place.damage("history");
    let row = "SELECT length(events) FROM history WHERE incarnation = ?1 AND episode = 0";
    let damaged = place.unreadable(row);
    assert!(!damaged.is_empty());
    let none = BTreeSet::new();
    assert_only_these_are_missing(&store, &none, Some("any"));
    let page = PageRequest {
        after: None,
        limit: usize::MAX,
        bytes: usize::MAX,
        walk: usize::MAX,
        order: Order::OldestFirst,
    };
    let page = block_on(store.query(&InstanceFilter::new(), &page)).unwrap();
    for rows in page.rows {
        let number = rows.header.incarnation.0;
        if damaged.contains(&number) {
            let events = rows.first_events;
            assert!(events.contains("is damaged"), "{number}: {events}");
        }
    }
}

/// Neither one that cannot be read nor one that cannot be deleted keeps a purge from what is behind it.
#[test]
fn purge_goes_past_what_is_damaged() {
    let place = Place::new();
    let failed = all().filter(|number| has_failed(*number)).count() as u64;
    for table in ["instances", "history", "tags"] {
        let options = SingleThreadedOptions {
            definitions: Vec::new(),
            dependencies: Dependencies::new(),
            clock: Arc::new(ManualClock::new(Timestamp::UNIX_EPOCH)),
            max_live_instances: 100,
            panics: Panics::Fail,
            max_payload_bytes: DEFAULT_MAX_PAYLOAD_BYTES,
            suspicious_awaits: SuspiciousAwaits::SetAside,
            replays: EpisodeReplays::Never,
            order: testing::Order::Fixed,
        };
        let store = Arc::new(place.damage(table));
        let mut worker = SingleThreaded::start(Arc::clone(&store) as _, options).unwrap();
        let client = worker.client().clone();
        let mut purged = 0;
        for filter in [
            InstanceFilter::new().id_prefix("instance-06"),
            InstanceFilter::new(),
        ] {
            purged += worker.block_on(client.purge_where(filter)).unwrap();
        }
        assert!(purged < failed, "{table}: something is in the way");
        assert!(purged > failed * 3 / 4, "{table}: {purged} of {failed}");
        let ended = InstanceFilter::new().runtime_status([RuntimeStatus::Failed]);
        let (left, _) = query(&store, &ended, Order::OldestFirst, 100);
        assert!(left.len() as u64 <= failed - purged, "{table}");
        let others = InstanceFilter::new().runtime_status([RuntimeStatus::Running]);
        let (others, unreadable) = query(&store, &others, Order::OldestFirst, 100);
        let count = (others.len() + unreadable.len()) as u64;
        assert!(count >= INSTANCES - failed, "{table}: {count} live");
    }
}
