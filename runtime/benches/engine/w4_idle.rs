//! W4: many instances that wait for an event.

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream;
use rusqlite::Connection;
use steadfast::{Client, InstanceFilter, RuntimeStatus};

use crate::definitions::{Go, waiting};
use crate::machine;
use crate::report::Report;
use crate::stores::{Bench, FILE, StoreKind};

const MIB: f64 = 1024.0 * 1024.0;
/// How many requests a client has under way.
const AT_ONCE: usize = 4_096;
const IDLE: Duration = Duration::from_secs(5);

pub async fn run(store: StoreKind, long: bool, report: &mut Report) {
    let sizes = [100_000, 1_000_000];
    for size in &sizes[..if long { 2 } else { 1 }] {
        let bench = Bench::start(store).await;
        let before = machine::resident();
        let began = Instant::now();
        let client = bench.steadfast.client();
        start_all(client, *size).await;
        wait_for(client, RuntimeStatus::Running, *size).await;
        let start_per_s = *size as f64 / began.elapsed().as_secs_f64();
        let mut add = |metric: &str, value| {
            report.add("W4", store.name(), &format!("{metric}_n{size}"), value);
        };
        add("started_per_s", start_per_s);
        add("memory_mib", (machine::resident() - before) / MIB);
        if store != StoreKind::Memory {
            let db = Connection::open(bench.directory.path().join(FILE)).unwrap();
            let number = |pragma| db.pragma_query_value(None, pragma, |row| row.get::<_, f64>(0));
            let bytes = number("page_count").unwrap() * number("page_size").unwrap();
            add("disk_bytes_per_instance", bytes / *size as f64);
        }
        let busy = machine::processor_seconds();
        tokio::time::sleep(IDLE).await;
        let share = (machine::processor_seconds() - busy) / IDLE.as_secs_f64();
        add("idle_percent_of_a_core", 100.0 * share);

        let began = Instant::now();
        raise_all(client, *size).await;
        wait_for(client, RuntimeStatus::Completed, *size).await;
        add(
            "completed_per_s",
            *size as f64 / began.elapsed().as_secs_f64(),
        );
        bench.stop().await;
    }
}

pub async fn start_all(client: &Client, count: usize) {
    let starts = stream::iter(0..count).map(|number| client.start(waiting().id(id(number))));
    starts
        .buffer_unordered(AT_ONCE)
        .for_each(async |started| drop(started.unwrap()))
        .await;
}

pub async fn raise_all(client: &Client, count: usize) {
    let raises = stream::iter(0..count).map(async |number| {
        let handle = client.instance(id(number)).unwrap();
        handle.raise_event(&Go).await.unwrap();
    });
    raises
        .buffer_unordered(AT_ONCE)
        .for_each(async |()| {})
        .await;
}

pub fn id(number: usize) -> String {
    format!("w4-{number:07}")
}

/// Looks until so many instances have a status.
pub async fn wait_for(client: &Client, status: RuntimeStatus, count: usize) {
    loop {
        let counts = client.count(&InstanceFilter::new()).await.unwrap();
        if counts
            .get(&status)
            .is_some_and(|found| *found >= count as u64)
        {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
