//! What the machine allows, measured where the stores are.

use std::fs::File;
use std::io::Write;
use std::time::Instant;

use rusqlite::{Connection, params};

use crate::pattern::Pattern;
use crate::report::{Report, median, micros};
use crate::stores::StoreKind;

/// How many writes a transaction of the store pattern has.
const BATCHES: [usize; 3] = [50, 500, 2_048];

pub struct Limits {
    /// The median of one sync, in microseconds.
    pub fdatasync_us: f64,
    /// Rows a second, 500 to a transaction.
    pub rows_per_s: f64,
    pub pattern: Pattern,
    /// How many hello sequences the pattern writes for a figure.
    hellos: usize,
}

impl Limits {
    /// How many hello sequences a second the store takes, without an engine, with so many writes to a transaction.
    pub async fn hellos_per_s(&self, store: StoreKind, batch: usize) -> f64 {
        self.pattern.hellos_per_s(store, batch, self.hellos).await
    }
}

pub async fn measure(hellos: usize, report: &mut Report) -> Limits {
    eprintln!("  limits");
    let mut add = |metric: &str, value| report.add("LIMIT", "-", metric, value);
    let fdatasync_us = fdatasync();
    add("fdatasync_p50_us", fdatasync_us);
    add("fdatasync_per_s", 1e6 / fdatasync_us);
    let rows_per_s = rows(500, 200_000);
    add("sqlite_full_rows_per_s_at_500", rows_per_s);
    add("sqlite_full_rows_per_s_at_1", rows(1, 1_000));
    add("tokio_tasks_per_s", tasks().await);
    let pattern = Pattern::record().await;
    for batch in BATCHES {
        let value = pattern.hellos_per_s(StoreKind::Full, batch, hellos).await;
        add(&format!("store_pattern_hellos_per_s_at_{batch}"), value);
    }
    Limits {
        fdatasync_us,
        rows_per_s,
        pattern,
        hellos,
    }
}

/// Appends a page to a file and syncs it, as a small commit does.
fn fdatasync() -> f64 {
    let directory = tempfile::tempdir().unwrap();
    let mut file = File::create(directory.path().join("synced")).unwrap();
    let times: Vec<_> = (0..500)
        .map(|_| {
            let began = Instant::now();
            file.write_all(&[7; 4_096]).unwrap();
            file.sync_data().unwrap();
            micros(began.elapsed())
        })
        .collect();
    median(&times)
}

fn rows(batch: usize, count: usize) -> f64 {
    let directory = tempfile::tempdir().unwrap();
    let mut db = Connection::open(directory.path().join("rows.db")).unwrap();
    db.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))
        .unwrap();
    db.pragma_update(None, "synchronous", "FULL").unwrap();
    db.execute_batch("CREATE TABLE rows (key INTEGER PRIMARY KEY, value TEXT NOT NULL)")
        .unwrap();
    let value = "v".repeat(100);
    let began = Instant::now();
    for first in (0..count).step_by(batch) {
        let transaction = db.transaction().unwrap();
        {
            let mut insert = transaction
                .prepare_cached("INSERT INTO rows VALUES (?1, ?2)")
                .unwrap();
            for key in first..(first + batch).min(count) {
                insert.execute(params![key as i64, value]).unwrap();
            }
        }
        transaction.commit().unwrap();
    }
    count as f64 / began.elapsed().as_secs_f64()
}

async fn tasks() -> f64 {
    const COUNT: usize = 200_000;
    let began = Instant::now();
    let tasks: Vec<_> = (0..COUNT)
        .map(|number| tokio::spawn(async move { number }))
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    COUNT as f64 / began.elapsed().as_secs_f64()
}
