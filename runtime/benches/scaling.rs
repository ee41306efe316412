//! How one instance scales: `cargo bench -p steadfast --bench scaling`.
//!
//! A fan-out of N parallel activities and a chain of N sequential ones, N = 100, 1,000 and 10,000, on a SQLite file that syncs
//! every commit and in memory; and a chain whose program stops in the middle and starts again. Each line gives the time for an
//! activity and the peak of allocated memory for an activity: both must stay about the same as N grows. The first ratio of a line
//! compares its time with that of the smallest N.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark measures real time, prints it, and panics when it cannot go on"
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use peak_alloc::PeakAlloc;
use steadfast::prelude::*;
use steadfast::store::Store;
use steadfast::store::memory::MemoryStore;
use steadfast::store::sqlite::SqliteStore;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

#[activity]
async fn add_one(number: u32) -> u32 {
    number + 1
}

#[orchestrator]
async fn fan_out(ctx: OrchestrationContext, width: u32) -> Result<u64, String> {
    let calls = (0..width).map(|number| ctx.call(add_one(number)));
    let mut sum = 0;
    for result in ctx.join_all(calls).await {
        sum += u64::from(result?);
    }
    Ok(sum)
}

#[orchestrator]
async fn chain(ctx: OrchestrationContext, length: u32) -> Result<u32, String> {
    let mut number = 0;
    for step in 0..length {
        number = ctx.call(add_one(number)).await?;
        if step + 1 == length / 2 {
            ctx.set_custom_status("half")
                .map_err(|error| error.to_string())?;
        }
    }
    Ok(number)
}

const SIZES: [u32; 3] = [100, 1_000, 10_000];

async fn start(store: impl Store) -> Steadfast {
    Steadfast::builder().store(store).start().await.unwrap()
}

/// The time and the peak of memory that something takes.
async fn measured(work: impl Future<Output = ()>) -> (Duration, usize) {
    let before = ALLOCATOR.current_usage();
    ALLOCATOR.reset_peak_usage();
    let began = Instant::now();
    work.await;
    (
        began.elapsed(),
        ALLOCATOR.peak_usage().saturating_sub(before),
    )
}

struct Table {
    workload: &'static str,
    store: &'static str,
    first: Option<f64>,
}

impl Table {
    fn new(workload: &'static str, store: &'static str) -> Self {
        Self {
            workload,
            store,
            first: None,
        }
    }

    fn line(&mut self, size: u32, (time, memory): (Duration, usize)) {
        let micros = time.as_secs_f64() * 1e6 / f64::from(size);
        let ratio = micros / *self.first.get_or_insert(micros);
        let bytes = memory as f64 / f64::from(size);
        let (workload, store) = (self.workload, self.store);
        println!(
            "{workload:<14} {store:<7} N={size:<6} {micros:>9.1} us/activity  x{ratio:<5.2} {bytes:>8.0} bytes/activity"
        );
    }
}

async fn fan_outs(name: &'static str, store: fn() -> Stored) {
    let mut table = Table::new("fan-out", name);
    for size in SIZES {
        let Stored {
            store,
            directory: _directory,
        } = store();
        let steadfast = start(store).await;
        let client = steadfast.client();
        let work = async {
            let handle = client.start(fan_out(size)).await.unwrap();
            let expected = (u64::from(size) + 1) * u64::from(size) / 2;
            assert_eq!(handle.output().await.unwrap(), expected);
        };
        table.line(size, measured(work).await);
        steadfast.shut_down(Duration::from_secs(5)).await;
    }
}

async fn chains(name: &'static str, store: fn() -> Stored) {
    let mut table = Table::new("chain", name);
    for size in SIZES {
        let Stored {
            store,
            directory: _directory,
        } = store();
        let steadfast = start(store).await;
        let client = steadfast.client();
        let work = async {
            let handle = client.start(chain(size)).await.unwrap();
            assert_eq!(handle.output().await.unwrap(), size);
        };
        table.line(size, measured(work).await);
        steadfast.shut_down(Duration::from_secs(5)).await;
    }
}

/// The half of a chain that is left when the program starts again, with the replay of the first half.
async fn restarted_chains() {
    let mut table = Table::new("chain, restart", "full");
    for size in SIZES {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("bench.db");
        let steadfast = start(SqliteStore::open(&path).unwrap()).await;
        let handle = steadfast
            .client()
            .start(chain(size).id("chain"))
            .await
            .unwrap();
        handle.wait_custom_status(|_| true).await.unwrap();
        drop(handle);
        drop(steadfast);
        let work = async {
            let steadfast = start(SqliteStore::open(&path).unwrap()).await;
            let handle = steadfast.client().orchestration::<chain>("chain").unwrap();
            assert_eq!(handle.output().await.unwrap(), size);
            drop(handle);
            steadfast.shut_down(Duration::from_secs(5)).await;
        };
        table.line(size / 2, measured(work).await);
    }
}

struct Stored {
    store: Arc<dyn Store>,
    directory: Option<tempfile::TempDir>,
}

fn in_memory() -> Stored {
    Stored {
        store: Arc::new(MemoryStore::new()),
        directory: None,
    }
}

fn on_disk() -> Stored {
    let directory = tempfile::tempdir().unwrap();
    Stored {
        store: Arc::new(SqliteStore::open(directory.path().join("bench.db")).unwrap()),
        directory: Some(directory),
    }
}

#[tokio::main]
async fn main() {
    fan_outs("memory", in_memory).await;
    fan_outs("full", on_disk).await;
    chains("memory", in_memory).await;
    chains("full", on_disk).await;
    restarted_chains().await;
}
