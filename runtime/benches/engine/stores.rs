//! The stores that the workloads run on.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use clap::ValueEnum;
use steadfast::Steadfast;
use steadfast::store::memory::MemoryStore;
use steadfast::store::sqlite::{Durability, SqliteStore};
use steadfast::store::{BoxFuture, Epoch, Store, StoreError, Write, WriteResult, delegate_store};
use tempfile::TempDir;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum StoreKind {
    Full,
    Relaxed,
    Memory,
}

impl StoreKind {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Relaxed => "relaxed",
            Self::Memory => "memory",
        }
    }

    /// The store of this kind in a directory.
    pub fn open(self, directory: &Path) -> Arc<dyn Store> {
        let durability = match self {
            Self::Full => Durability::Full,
            Self::Relaxed => Durability::Relaxed,
            Self::Memory => return Arc::new(MemoryStore::new()),
        };
        let builder = SqliteStore::builder(directory.join(FILE)).durability(durability);
        Arc::new(builder.open().unwrap())
    }
}

/// The database's file in its directory.
pub const FILE: &str = "bench.db";

/// A worker on a new store.
pub struct Bench {
    pub steadfast: Steadfast,
    pub commits: Arc<Commits>,
    pub directory: TempDir,
}

impl Bench {
    pub async fn start(kind: StoreKind) -> Self {
        Self::start_around(kind, |store| store).await
    }

    /// The same with something around the store.
    pub async fn start_around(
        kind: StoreKind,
        around: impl FnOnce(Arc<dyn Store>) -> Arc<dyn Store>,
    ) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (steadfast, commits) = start(around(kind.open(directory.path()))).await;
        Self {
            steadfast,
            commits,
            directory,
        }
    }

    pub async fn stop(self) -> TempDir {
        self.steadfast.shut_down(Duration::from_secs(10)).await;
        self.directory
    }
}

/// A worker on a store, and the count of its commits.
pub async fn start(store: Arc<dyn Store>) -> (Steadfast, Arc<Commits>) {
    let commits = Arc::new(Commits::new(store));
    let builder = Steadfast::builder().store(Arc::clone(&commits));
    (builder.start().await.unwrap(), commits)
}

/// Counts the commits of a store, knows when the last one came back, and keeps what they write when it is asked to.
#[derive(Debug)]
pub struct Commits {
    store: Arc<dyn Store>,
    began: Instant,
    commits: AtomicU64,
    writes: AtomicU64,
    /// Nanoseconds since `began`.
    last: AtomicU64,
    kept: Mutex<Option<Vec<Write>>>,
}

impl Commits {
    fn new(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            began: Instant::now(),
            commits: AtomicU64::new(0),
            writes: AtomicU64::new(0),
            last: AtomicU64::new(0),
            kept: Mutex::new(None),
        }
    }

    /// Keeps the writes from now on.
    pub fn keep(&self) {
        *self.kept.lock().unwrap() = Some(Vec::new());
    }

    /// The writes that were kept.
    pub fn take(&self) -> Vec<Write> {
        self.kept.lock().unwrap().take().unwrap_or_default()
    }

    pub fn commits(&self) -> f64 {
        self.commits.load(Ordering::Relaxed) as f64
    }

    pub fn writes(&self) -> f64 {
        self.writes.load(Ordering::Relaxed) as f64
    }

    /// How long ago the last commit came back.
    pub fn since_last(&self) -> Duration {
        let last = Duration::from_nanos(self.last.load(Ordering::Acquire));
        self.began.elapsed().saturating_sub(last)
    }
}

impl Store for Commits {
    delegate_store!(|self| self.store; acquire, load, read, needing_attention, timers, inbox, changes, query, counts);

    fn commit<'a>(
        &'a self,
        epoch: Epoch,
        writes: &'a [Write],
    ) -> BoxFuture<'a, Result<Vec<WriteResult>, StoreError>> {
        Box::pin(async move {
            if let Some(kept) = &mut *self.kept.lock().unwrap() {
                kept.extend_from_slice(writes);
            }
            let result = self.store.commit(epoch, writes).await;
            self.commits.fetch_add(1, Ordering::Relaxed);
            self.writes
                .fetch_add(writes.len() as u64, Ordering::Relaxed);
            self.last
                .store(self.began.elapsed().as_nanos() as u64, Ordering::Release);
            result
        })
    }
}
