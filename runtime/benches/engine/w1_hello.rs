//! W1: three sequential activities, a status after each.

use std::time::Instant;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use steadfast::Client;

use crate::definitions::hello;
use crate::limits::Limits;
use crate::machine;
use crate::report::{Report, median, micros, quantile};
use crate::stores::{Bench, StoreKind};

/// One at a time: from the start to the output.
pub async fn latency(store: StoreKind, limits: &Limits, report: &mut Report) {
    let bench = Bench::start(store).await;
    let times = alone(bench.steadfast.client()).await;
    let (p50, p99) = (median(&times), quantile(&times, 0.99));
    let mut add = |metric, value| report.add("W1a", store.name(), metric, value);
    add("p50_us", p50);
    add("p99_us", p99);
    add("p50_per_fdatasync", p50 / limits.fdatasync_us);
    add("p99_per_p50", p99 / p50);
    bench.stop().await;
}

/// Many at once.
pub async fn throughput(store: StoreKind, count: usize, limits: &Limits, report: &mut Report) {
    let bench = Bench::start(store).await;
    machine::reset_peak();
    let before = machine::resident();
    let (commits, writes) = (bench.commits.commits(), bench.commits.writes());
    let per_s = run(bench.steadfast.client(), count).await;
    let memory = machine::peak() - before;
    let writes_per_commit = (bench.commits.writes() - writes) / (bench.commits.commits() - commits);
    bench.stop().await;
    let pattern = limits
        .hellos_per_s(store, (writes_per_commit as usize).max(1))
        .await;
    let mut add = |metric, value| report.add("W1b", store.name(), metric, value);
    add("orchestrations_per_s", per_s);
    add("writes_per_commit", writes_per_commit);
    add("store_pattern_hellos_per_s", pattern);
    add("orchestrations_per_store_pattern", per_s / pattern);
    report.add(
        "W1c",
        store.name(),
        "peak_memory_mib",
        memory / (1024.0 * 1024.0),
    );
}

/// Starts so many at once and waits for all outputs: orchestrations a second.
pub async fn run(client: &Client, count: usize) -> f64 {
    let began = Instant::now();
    let all: FuturesUnordered<_> = (0..count)
        .map(|_| async {
            let handle = client.start(hello()).await.unwrap();
            handle.output().await.unwrap();
        })
        .collect();
    all.for_each(async |()| {}).await;
    count as f64 / began.elapsed().as_secs_f64()
}

/// One after the other: the microseconds of each, after a few that warm up.
pub async fn alone(client: &Client) -> Vec<f64> {
    let mut times = Vec::new();
    for turn in 0..550 {
        let began = Instant::now();
        let handle = client.start(hello()).await.unwrap();
        handle.output().await.unwrap();
        if turn >= 50 {
            times.push(micros(began.elapsed()));
        }
    }
    times
}
