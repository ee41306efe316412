//! Random writes to the store in memory, which is the model, and to the SQLite store: both must answer the same.

#![expect(
    clippy::unwrap_used,
    reason = "a test panics when something is not as it should be"
)]

use futures_executor::block_on;
use jiff::Timestamp;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select, subsequence};
use steadfast::model::instance::{ExecutionId, Incarnation, InstanceId, ParentInstance};
use steadfast::model::query::{InstanceFilter, Order};
use steadfast::model::status::{ActivityProgress, RuntimeStatus};
use steadfast::model::tags::Tags;
use steadfast::store::memory::MemoryStore;
use steadfast::store::sqlite::{Durability, SqliteStore};
use steadfast::store::{
    ContinuedExecution, CreateChild, CreateInstance, Destination, EpisodeWrite, Epoch, HistoryRow,
    ImportInstance, InstanceHeader, InstanceRows, OutgoingMessage, PageRequest, PurgeWhere,
    RewindChild, Store, StoredInstance, TimerPosition, Write,
};
use tempfile::TempDir;

const IDS: [&str; 4] = ["a", "A", "b", "c"];

const STATUSES: [RuntimeStatus; 7] = [
    RuntimeStatus::Running,
    RuntimeStatus::Completed,
    RuntimeStatus::Failed,
    RuntimeStatus::Canceled,
    RuntimeStatus::Terminated,
    RuntimeStatus::Pending,
    RuntimeStatus::Suspended,
];

#[derive(Clone, Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "a few are made for each case of a test"
)]
enum Step {
    Commit(Vec<Draft>),
    CommitFenced(Vec<Draft>),
    Acquire,
    Reopen,
    Query(InstanceFilter, usize),
}

/// A write that is completed when it is known which instances there are.
#[derive(Clone, Debug)]
enum Draft {
    Create(CreateInstance),
    Episode {
        instance: Index,
        behind: u64,
        ahead: u64,
        write: EpisodeWrite,
    },
    OtherExecution {
        instance: Index,
        write: EpisodeWrite,
    },
    Repeat(Index),
    Enqueue(Index, Option<ExecutionId>, String),
    SetStalled(Index, Option<String>),
    ToIncarnation(u64),
    Progress {
        instance: Index,
        other_execution: bool,
        at: Timestamp,
        progress: ActivityProgress,
    },
    Complete(Write),
}

fn text() -> impl Strategy<Value = String> {
    select(vec!["[]", "null", "\"x\"", "\\", "한국어"]).prop_map(str::to_owned)
}

fn time() -> impl Strategy<Value = Timestamp> {
    (0..5_i64).prop_map(|second| Timestamp::from_second(second).unwrap())
}

fn id() -> impl Strategy<Value = InstanceId> {
    select(IDS.to_vec()).prop_map(|id| InstanceId::parse(id).unwrap())
}

fn execution() -> impl Strategy<Value = ExecutionId> {
    (0..6_u128).prop_map(ExecutionId::from_u128)
}

fn statuses() -> impl Strategy<Value = Vec<RuntimeStatus>> {
    subsequence(STATUSES.to_vec(), 0..=STATUSES.len())
}

fn version() -> impl Strategy<Value = Option<String>> {
    option::of(select(vec!["1.0", "2.0"]).prop_map(str::to_owned))
}

fn tags() -> impl Strategy<Value = Tags> {
    let tag = (select(vec!["x", "y"]), select(vec!["1", "2"]));
    vec(tag, 0..3).prop_map(|tags| {
        let tags = tags.into_iter();
        tags.map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    })
}

/// The action that creates a child. There are few, so that children are found.
fn task() -> impl Strategy<Value = i32> {
    0..2_i32
}

fn parent() -> impl Strategy<Value = ParentInstance> {
    (id(), execution(), task()).prop_map(|(instance_id, execution_id, task_scheduled_id)| {
        ParentInstance {
            name: "Parent".to_owned(),
            instance_id,
            execution_id,
            task_scheduled_id,
        }
    })
}

fn create() -> impl Strategy<Value = CreateInstance> {
    let name = select(vec!["Greet", "GREET", "Grüße", "GRÜSSE"]).prop_map(str::to_owned);
    let identity = (id(), name, version(), execution());
    let start = (time(), option::of(time()), option::of(parent()), tags());
    let rest = (text(), option::of(text()), statuses());
    (identity, start, rest).prop_map(
        |(
            (id, name, version, execution_id),
            (created_at, start_at, parent, tags),
            (events, custom_status, replaces),
        )| CreateInstance {
            id,
            name,
            version,
            execution_id,
            created_at,
            start_at,
            parent,
            tags,
            events,
            custom_status,
            replaces,
        },
    )
}

/// A child; whose, is yet to be filled in.
fn child() -> impl Strategy<Value = CreateChild> {
    (create(), parent(), text()).prop_map(|(mut create, parent, on_refused)| {
        create.parent = Some(parent);
        CreateChild { create, on_refused }
    })
}

fn rewind() -> impl Strategy<Value = RewindChild> {
    (id(), task(), text(), child()).prop_map(|(id, task_scheduled_id, event, otherwise)| {
        RewindChild {
            id,
            task_scheduled_id,
            event,
            answer: r#"["answer"]"#.to_owned(),
            otherwise,
        }
    })
}

fn message() -> impl Strategy<Value = OutgoingMessage> {
    let to = prop_oneof![
        id().prop_map(Destination::Instance),
        (id(), execution()).prop_map(|(id, execution)| Destination::Execution(id, execution)),
        (id(), task()).prop_map(|(id, task_scheduled_id)| Destination::Child {
            id,
            task_scheduled_id
        }),
        Just(Destination::Children),
    ];
    (to, text()).prop_map(|(to, event)| OutgoingMessage { to, event })
}

/// An episode whose instance, execution and number are yet to be filled in.
fn episode() -> impl Strategy<Value = EpisodeWrite> {
    let status = prop_oneof![4 => Just(RuntimeStatus::Running), 1 => select(STATUSES.to_vec())];
    let row = (text(), option::of(text()), status, 0..3_u64);
    let rest = (
        time(),
        option::of(time()),
        any::<bool>(),
        option::of(text()),
        option::of(0..12_u64),
    );
    let next = (execution(), version()).prop_map(|(execution_id, version)| ContinuedExecution {
        execution_id,
        version,
    });
    let effects = (
        option::weighted(0.2, next),
        vec(child(), 0..2),
        vec(rewind(), 0..2),
        vec(message(), 0..3),
        vec(task(), 0..2),
    );
    (row, rest, effects).prop_map(
        |((events, custom_status, runtime_status, sequence), rest, effects)| {
            let (last_updated_at, next_timer, needs_attention, stalled, inbox_taken) = rest;
            let (continued, children, rewinds, messages, progress_ended) = effects;
            EpisodeWrite {
                incarnation: Incarnation(0),
                execution_id: ExecutionId::from_u128(0),
                row: HistoryRow {
                    episode: 0,
                    events,
                    custom_status,
                    runtime_status,
                    sequence,
                },
                last_updated_at,
                next_timer,
                needs_attention,
                stalled,
                inbox_taken,
                continued,
                children,
                rewinds,
                messages,
                progress_ended,
            }
        },
    )
}

fn progress() -> impl Strategy<Value = ActivityProgress> {
    (task(), 1..3_u32, text(), time()).prop_map(|(task_id, attempt, details, reported_at)| {
        ActivityProgress {
            task_id,
            name: "Count".to_owned(),
            attempt,
            details,
            reported_at,
        }
    })
}

/// Its rows may be misnumbered.
fn import() -> impl Strategy<Value = ImportInstance> {
    let row = (text(), option::of(text()), 0..3_u64);
    let first = prop_oneof![5 => Just(1_u64), 1 => Just(2)];
    (
        create(),
        vec(row, 0..3),
        first,
        select(STATUSES.to_vec()),
        time(),
    )
        .prop_map(|(create, rows, first, runtime_status, last_updated_at)| {
            let rows = (first..).zip(rows);
            let rows = rows.map(|(episode, (events, custom_status, sequence))| HistoryRow {
                episode,
                events,
                custom_status,
                runtime_status,
                sequence,
            });
            ImportInstance {
                inbox: Vec::new(),
                create,
                rows: rows.collect(),
                runtime_status,
                last_updated_at,
            }
        })
}

fn filter() -> impl Strategy<Value = InstanceFilter> {
    let rare = |time| option::weighted(0.2, time);
    let name = option::weighted(
        0.3,
        select(vec!["greet", "grüße", "gr", "grüsse"]).prop_map(str::to_owned),
    );
    let prefix = option::weighted(
        0.3,
        select(vec!["", "a", "b", "bc"]).prop_map(str::to_owned),
    );
    (
        (statuses(), any::<bool>()),
        (name, prop_oneof![3 => Just(None), 1 => version()]),
        (rare(time()), rare(time()), rare(time()), rare(time())),
        prefix,
        prop_oneof![2 => Just(Tags::new()), 1 => tags()],
        option::weighted(0.2, id()),
        option::weighted(0.3, any::<bool>()),
    )
        .prop_map(
            |((statuses, any_status), (name, version), times, id_prefix, tags, parent, stalled)| {
                let mut filter = InstanceFilter::new();
                if !any_status {
                    filter.runtime_status = statuses;
                }
                (filter.name, filter.version) = (name, version);
                filter.created_from = times.0;
                filter.created_to = times.1;
                filter.updated_from = times.2;
                filter.updated_to = times.3;
                filter.id_prefix = id_prefix;
                filter.tags = tags.into_iter().collect();
                filter.parent = parent;
                filter.stalled = stalled;
                filter
            },
        )
}

fn draft() -> impl Strategy<Value = Draft> {
    let index = any::<Index>;
    prop_oneof![
        4 => create().prop_map(Draft::Create),
        6 => (index(), episode()).prop_map(|(instance, write)| Draft::Episode { instance, behind: 0, ahead: 1, write }),
        2 => (index(), 0..3_u64, 0..4_u64, episode())
            .prop_map(|(instance, behind, ahead, write)| Draft::Episode { instance, behind, ahead, write }),
        1 => (index(), episode()).prop_map(|(instance, write)| Draft::OtherExecution { instance, write }),
        2 => index().prop_map(Draft::Repeat),
        4 => (index(), option::weighted(0.3, execution()), text())
            .prop_map(|(instance, execution, event)| Draft::Enqueue(instance, execution, event)),
        2 => (index(), option::of(text())).prop_map(|(instance, reason)| Draft::SetStalled(instance, reason)),
        1 => (0..20_u64).prop_map(Draft::ToIncarnation),
        3 => (index(), prop::bool::weighted(0.2), time(), progress()).prop_map(|(instance, other_execution, at, progress)| {
            Draft::Progress { instance, other_execution, at, progress }
        }),
        2 => (id(), time(), text()).prop_map(|(id, at, event)| Draft::Complete(Write::Rewind { id, at, event })),
        1 => id().prop_map(|id| Draft::Complete(Write::Purge { id })),
        // There are four instances at most. So it is bounded by what is deleted, and not by what a store walks past.
        1 => (filter(), 0..20_u64, 0..3_usize, 5..9_usize).prop_map(|(filter, after, limit, walk)| {
            let after = Incarnation(after);
            Draft::Complete(Write::PurgeWhere(PurgeWhere { filter, after, limit, walk }))
        }),
        1 => import().prop_map(|import| Draft::Complete(Write::Import(import))),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => vec(draft(), 0..6).prop_map(Step::Commit),
        1 => vec(draft(), 0..3).prop_map(Step::CommitFenced),
        1 => Just(Step::Acquire),
        1 => Just(Step::Reopen),
        8 => (filter(), 1..4_usize).prop_map(|(filter, limit)| Step::Query(filter, limit)),
    ]
}

/// Both stores, and what is needed to complete drafts.
struct Pair {
    directory: TempDir,
    memory: MemoryStore,
    sqlite: Option<SqliteStore>,
    epoch: Epoch,
    episodes: Vec<EpisodeWrite>,
}

impl Pair {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let sqlite = Some(open(&directory));
        let mut pair = Self {
            directory,
            memory: MemoryStore::new(),
            sqlite,
            epoch: Epoch(0),
            episodes: Vec::new(),
        };
        pair.acquire();
        pair
    }

    fn run(&mut self, step: Step) {
        match step {
            Step::Commit(drafts) => {
                let writes = self.complete(drafts);
                self.commit(self.epoch, &writes);
            }
            Step::CommitFenced(drafts) => {
                let writes = self.complete(drafts);
                self.commit(Epoch(self.epoch.0 - 1), &writes);
            }
            Step::Acquire => self.acquire(),
            Step::Reopen => {
                self.sqlite = None;
                self.sqlite = Some(open(&self.directory));
            }
            Step::Query(filter, limit) => self.query(&filter, limit),
        }
    }

    fn query(&self, filter: &InstanceFilter, limit: usize) {
        let (memory, sqlite) = (&self.memory, self.sqlite());
        for order in [Order::OldestFirst, Order::NewestFirst] {
            for after in [None, Some(Incarnation(2)), Some(Incarnation(5))] {
                for bytes in [usize::MAX, 100] {
                    let page = PageRequest {
                        after,
                        limit,
                        bytes,
                        walk: usize::MAX,
                        order,
                    };
                    assert_eq!(
                        block_on(sqlite.query(filter, &page)).unwrap(),
                        block_on(memory.query(filter, &page)).unwrap(),
                        "of {filter:?}, {page:?}"
                    );
                }
            }
            // Where a short walk ends depends on the index that it goes through.
            let page = PageRequest {
                after: None,
                limit: limit.max(1),
                bytes: usize::MAX,
                walk: 2,
                order,
            };
            assert_eq!(
                on_all_pages(sqlite, filter, page),
                on_all_pages(memory, filter, page),
                "of {filter:?}, {page:?}"
            );
        }
        assert_eq!(
            block_on(sqlite.counts(filter)).unwrap(),
            block_on(memory.counts(filter)).unwrap(),
            "of {filter:?}"
        );
    }

    fn sqlite(&self) -> &SqliteStore {
        self.sqlite.as_ref().unwrap()
    }

    fn acquire(&mut self) {
        let memory = block_on(self.memory.acquire(None)).unwrap();
        assert_eq!(block_on(self.sqlite().acquire(None)).unwrap(), memory);
        self.epoch = memory.epoch;
    }

    fn commit(&self, epoch: Epoch, writes: &[Write]) {
        let memory = block_on(self.memory.commit(epoch, writes)).map_err(|error| error.to_string());
        let sqlite =
            block_on(self.sqlite().commit(epoch, writes)).map_err(|error| error.to_string());
        assert_eq!(sqlite, memory, "of {writes:?}");
    }

    fn instances(&self) -> Vec<StoredInstance> {
        let load = |id| block_on(self.memory.load(&InstanceId::parse(id).unwrap())).unwrap();
        IDS.into_iter().filter_map(load).collect()
    }

    fn complete(&mut self, drafts: Vec<Draft>) -> Vec<Write> {
        let headers: Vec<_> = self
            .instances()
            .into_iter()
            .map(|instance| instance.header)
            .collect();
        drafts
            .into_iter()
            .filter_map(|draft| self.complete_one(&headers, draft))
            .collect()
    }

    fn complete_one(&mut self, headers: &[InstanceHeader], draft: Draft) -> Option<Write> {
        let header = |index: Index| (!headers.is_empty()).then(|| index.get(headers));
        Some(match draft {
            Draft::Create(create) => Write::Create(create),
            Draft::Episode {
                instance,
                behind,
                ahead,
                mut write,
            } => {
                let header = header(instance)?;
                write.incarnation = header.incarnation;
                write.execution_id = header.execution_id;
                write.row.episode = (header.episode + ahead).saturating_sub(behind);
                let rewound = write.rewinds.iter_mut().map(|child| &mut child.otherwise);
                for child in write.children.iter_mut().chain(rewound) {
                    if let Some(parent) = &mut child.create.parent {
                        parent.instance_id = header.id.clone();
                        parent.execution_id = header.execution_id;
                    }
                }
                self.episodes.push(write.clone());
                Write::Episode(write)
            }
            Draft::OtherExecution {
                instance,
                mut write,
            } => {
                let header = header(instance)?;
                write.incarnation = header.incarnation;
                write.execution_id = ExecutionId::from_u128(header.execution_id.as_u128() + 100);
                write.row.episode = header.episode + 1;
                Write::Episode(write)
            }
            Draft::Repeat(index) => Write::Episode(
                (!self.episodes.is_empty()).then(|| index.get(&self.episodes).clone())?,
            ),
            Draft::Enqueue(instance, execution, event) => Write::Enqueue {
                incarnation: header(instance)?.incarnation,
                execution,
                event,
            },
            Draft::SetStalled(instance, reason) => Write::SetStalled {
                incarnation: header(instance)?.incarnation,
                reason,
            },
            Draft::ToIncarnation(number) => Write::Enqueue {
                incarnation: Incarnation(number),
                execution: None,
                event: "[]".to_owned(),
            },
            Draft::Progress {
                instance,
                other_execution,
                at,
                progress,
            } => {
                let header = header(instance)?;
                let other = u128::from(other_execution) * 100;
                Write::Progress {
                    incarnation: header.incarnation,
                    execution_id: ExecutionId::from_u128(header.execution_id.as_u128() + other),
                    sequence: header.sequence + 1,
                    at,
                    progress,
                }
            }
            Draft::Complete(write) => write,
        })
    }

    fn assert_same(&self) {
        let (memory, sqlite) = (&self.memory, self.sqlite());
        for id in IDS {
            let id = InstanceId::parse(id).unwrap();
            assert_eq!(
                block_on(sqlite.load(&id)).unwrap(),
                block_on(memory.load(&id)).unwrap()
            );
            assert_eq!(
                block_on(sqlite.read(&id)).unwrap(),
                block_on(memory.read(&id)).unwrap()
            );
            if let Some(stored) = block_on(memory.load(&id)).unwrap() {
                let incarnation = stored.header.incarnation;
                for after in [0, 3] {
                    let later = stored.inbox.iter().filter(|row| row.sequence > after);
                    let later: Vec<_> = later.cloned().collect();
                    assert_eq!(
                        block_on(sqlite.inbox(&id, incarnation, after)).unwrap(),
                        later
                    );
                    assert_eq!(
                        block_on(memory.inbox(&id, incarnation, after)).unwrap(),
                        later
                    );
                }
            }
        }
        self.query(&InstanceFilter::new(), 100);
        for limit in [1, 100] {
            for after in [0, 2] {
                let after = Incarnation(after);
                let expected = block_on(memory.needing_attention(after, limit)).unwrap();
                assert_eq!(
                    block_on(sqlite.needing_attention(after, limit)).unwrap(),
                    expected
                );
                for second in [-1, 2] {
                    let fire_at = Timestamp::from_second(second).unwrap();
                    let after = TimerPosition {
                        fire_at,
                        incarnation: after,
                    };
                    let expected = block_on(memory.timers(after, limit)).unwrap();
                    assert_eq!(block_on(sqlite.timers(after, limit)).unwrap(), expected);
                }
            }
        }
    }
}

fn open(directory: &TempDir) -> SqliteStore {
    let path = directory.path().join("app.db");
    SqliteStore::builder(path)
        .durability(Durability::Relaxed)
        .open()
        .unwrap()
}

fn on_all_pages(
    store: &dyn Store,
    filter: &InstanceFilter,
    mut page: PageRequest,
) -> Vec<InstanceRows> {
    let mut rows = Vec::new();
    loop {
        let found = block_on(store.query(filter, &page)).unwrap();
        rows.extend(found.rows);
        match found.next {
            Some(next) => page.after = Some(next),
            None => return rows,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn sqlite_answers_as_memory_does(steps in vec(step(), 1..25)) {
        let mut pair = Pair::new();
        for step in steps {
            pair.run(step);
            pair.assert_same();
        }
    }
}
