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
use steadfast::model::instance::{ExecutionId, Incarnation, InstanceId};
use steadfast::model::status::RuntimeStatus;
use steadfast::store::memory::MemoryStore;
use steadfast::store::sqlite::{Durability, SqliteStore};
use steadfast::store::{
    CreateInstance, EpisodeWrite, Epoch, HistoryRow, InstanceHeader, Store, StoredInstance,
    TimerPosition, Write,
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
enum Step {
    Commit(Vec<Draft>),
    CommitFenced(Vec<Draft>),
    Acquire,
    Reopen,
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
    Enqueue(Index, String),
    SetStalled(Index, Option<String>),
    ToIncarnation(u64),
}

fn text() -> impl Strategy<Value = String> {
    select(vec!["[]", "null", "\"x\"", "\\", "한국어"]).prop_map(str::to_owned)
}

fn time() -> impl Strategy<Value = Timestamp> {
    (0..5_i64).prop_map(|second| Timestamp::from_second(second).unwrap())
}

fn create() -> impl Strategy<Value = CreateInstance> {
    let statuses = subsequence(STATUSES.to_vec(), 0..=STATUSES.len());
    (
        select(IDS.to_vec()),
        0..6_u128,
        time(),
        text(),
        option::of(text()),
        statuses,
    )
        .prop_map(
            |(id, execution, created_at, events, custom_status, replaces)| CreateInstance {
                id: InstanceId::parse(id).unwrap(),
                name: "Greet".to_owned(),
                execution_id: ExecutionId::from_u128(execution),
                created_at,
                events,
                custom_status,
                replaces,
            },
        )
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
    (row, rest).prop_map(
        |((events, custom_status, runtime_status, sequence), rest)| {
            let (last_updated_at, next_timer, needs_attention, stalled, inbox_taken) = rest;
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
            }
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
        4 => (index(), text()).prop_map(|(instance, event)| Draft::Enqueue(instance, event)),
        2 => (index(), option::of(text())).prop_map(|(instance, reason)| Draft::SetStalled(instance, reason)),
        1 => (0..20_u64).prop_map(Draft::ToIncarnation),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => vec(draft(), 0..6).prop_map(Step::Commit),
        1 => vec(draft(), 0..3).prop_map(Step::CommitFenced),
        1 => Just(Step::Acquire),
        1 => Just(Step::Reopen),
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
        }
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
            Draft::Enqueue(instance, event) => Write::Enqueue {
                incarnation: header(instance)?.incarnation,
                event,
            },
            Draft::SetStalled(instance, reason) => Write::SetStalled {
                incarnation: header(instance)?.incarnation,
                reason,
            },
            Draft::ToIncarnation(number) => Write::Enqueue {
                incarnation: Incarnation(number),
                event: "[]".to_owned(),
            },
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
        }
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
