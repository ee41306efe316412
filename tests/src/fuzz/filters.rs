//! Filters and pages: both stores find the same, and all pages together are the whole.

use arbitrary::{Result, Unstructured};
use futures_executor::block_on;
use steadfast::model::instance::{Incarnation, ParentInstance};
use steadfast::model::query::Order;
use steadfast::store::memory::MemoryStore;
use steadfast::store::sqlite::{Durability, SqliteStore};
use steadfast::store::{
    CreateInstance, EpisodeWrite, HistoryRow, PageRequest, Store, Write, Written,
};
use steadfast::{ExecutionId, InstanceFilter, InstanceId, RuntimeStatus};

use super::events::{at, status, time};

struct Stores {
    memory: MemoryStore,
    sqlite: SqliteStore,
    _directory: tempfile::TempDir,
}

pub(super) fn run(data: &[u8]) {
    thread_local! {
        static STORES: Stores = Stores::filled();
    }
    // Input that is too short is no input.
    let _ = STORES.with(|stores| stores.check(&mut Unstructured::new(data)));
}

const IDS: [&str; 8] = [
    "a",
    "A",
    "a%",
    "a_",
    "a'b",
    "order-1",
    "order-10",
    "\u{e9}\u{10ffff}",
];

impl Stores {
    fn filled() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let sqlite = SqliteStore::builder(directory.path().join("filters.db"));
        let stores = Self {
            memory: MemoryStore::new(),
            sqlite: sqlite.durability(Durability::Relaxed).open().unwrap(),
            _directory: directory,
        };
        block_on(async {
            fill(&stores.memory).await;
            fill(&stores.sqlite).await;
        });
        stores
    }

    fn check(&self, u: &mut Unstructured<'_>) -> Result<()> {
        let filter = filter(u)?;
        let page = PageRequest {
            after: match u.ratio(1, 4)? {
                true => Some(Incarnation(u.arbitrary()?)),
                false => None,
            },
            limit: u.int_in_range(1..=12)?,
            bytes: match u.ratio(1, 4)? {
                true => u.int_in_range(0..=100)?,
                false => usize::MAX,
            },
            walk: match u.ratio(1, 4)? {
                true => u.int_in_range(0..=4)?,
                false => usize::MAX,
            },
            order: match u.arbitrary()? {
                true => Order::OldestFirst,
                false => Order::NewestFirst,
            },
        };
        block_on(async {
            // By which way a store walks, and so where it gets to, is its own matter.
            let whole = PageRequest {
                walk: usize::MAX,
                ..page
            };
            let found = self.memory.query(&filter, &whole).await.unwrap();
            let other = self.sqlite.query(&filter, &whole).await.unwrap();
            assert_eq!(found.rows, other.rows, "{filter:?} {page:?}");
            let counts = self.memory.counts(&filter).await.unwrap();
            assert_eq!(
                counts,
                self.sqlite.counts(&filter).await.unwrap(),
                "{filter:?}"
            );
            let (mut after, mut paged) = (None, 0);
            loop {
                let page = PageRequest { after, ..page };
                let found = self.sqlite.query(&filter, &page).await.unwrap();
                paged += found.rows.len() as u64;
                if found.next.is_none() {
                    break;
                }
                after = found.next;
            }
            let counted: u64 = counts.iter().map(|(_, count)| count).sum();
            assert_eq!(paged, counted, "{filter:?} {page:?}");
        });
        Ok(())
    }
}

async fn fill(store: &dyn Store) {
    let epoch = store.acquire(None).await.unwrap().epoch;
    for (number, id) in (0..).zip(IDS) {
        let execution_id = ExecutionId::from_u128(number);
        let create = CreateInstance {
            id: InstanceId::parse(id).unwrap(),
            name: ["Greet", "GREET", "Gr\u{fc}\u{df}e", "other"][number as usize % 4].into(),
            version: [None, Some("1.0".into()), Some("".into())][number as usize % 3].clone(),
            execution_id,
            created_at: at(number as i64 * 7),
            start_at: (number % 5 == 0).then(|| at(50)),
            parent: (number % 3 == 1).then(|| ParentInstance {
                name: "Greet".into(),
                instance_id: InstanceId::parse("a").unwrap(),
                execution_id: ExecutionId::from_u128(0),
                task_scheduled_id: number as i32,
            }),
            tags: (0..number % 3)
                .map(|tag| (TAGS[tag as usize].into(), "1".into()))
                .collect(),
            events: "[]".into(),
            custom_status: None,
            replaces: Vec::new(),
        };
        let created = store.commit(epoch, &[Write::Create(create)]).await.unwrap();
        let Ok(Written::Created { incarnation, .. }) = created[0] else {
            panic!("{created:?}");
        };
        if number % 2 == 0 {
            let statuses = [
                RuntimeStatus::Running,
                RuntimeStatus::Failed,
                RuntimeStatus::Suspended,
            ];
            let episode = EpisodeWrite {
                incarnation,
                execution_id,
                row: HistoryRow {
                    episode: 1,
                    events: "[1]".into(),
                    custom_status: Some("\"s\"".into()),
                    runtime_status: statuses[number as usize / 2 % 3],
                    sequence: 1,
                },
                last_updated_at: at(number as i64 * 9),
                next_timer: None,
                needs_attention: false,
                stalled: (number == 4).then(|| "no".into()),
                inbox_taken: None,
                continued: None,
                children: Vec::new(),
                rewinds: Vec::new(),
                messages: Vec::new(),
                progress_ended: Vec::new(),
            };
            store
                .commit(epoch, &[Write::Episode(episode)])
                .await
                .unwrap();
        }
    }
}

const TAGS: [&str; 3] = ["x", "X", "'"];

fn filter(u: &mut Unstructured<'_>) -> Result<InstanceFilter> {
    let mut filter = InstanceFilter::new();
    for _ in 0..u.int_in_range(0..=3)? {
        filter = match u.int_in_range(0..=10)? {
            0 => {
                let count = u.int_in_range(0..=3)?;
                let statuses: Vec<_> = (0..count).map(|_| status(u)).collect::<Result<_>>()?;
                filter.runtime_status(statuses)
            }
            1 => filter.name(word(
                u,
                &["greet", "GR\u{dc}SSE", "gr\u{fc}\u{df}e", "OTHER"],
            )?),
            2 => filter.version(word(u, &["1.0", "", "1"])?),
            3 => filter.created_from(time(u)?),
            4 => filter.created_to(time(u)?),
            5 => filter.updated_from(time(u)?),
            6 => filter.updated_to(time(u)?),
            7 => filter.id_prefix(word(u, &["a", "A", "order-1", "%", "_", "a'", ""])?),
            8 => filter.tag(word(u, &TAGS)?, word(u, &["1", ""])?),
            9 => filter.parent(InstanceId::parse(*u.choose(&IDS)?).unwrap()),
            _ => filter.stalled(u.arbitrary()?),
        };
    }
    Ok(filter)
}

fn word(u: &mut Unstructured<'_>, words: &[&str]) -> Result<String> {
    match u.ratio(3, 4)? {
        true => Ok((*u.choose(words)?).to_owned()),
        false => u.arbitrary(),
    }
}
