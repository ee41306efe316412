//! W8: what does not grow: the cost of an orchestration beside those that are kept, the cost of a change for each of its watchers.

use std::time::Instant;

use steadfast::Client;

use crate::definitions::{Go, hello, publishing};
use crate::limits::Limits;
use crate::report::{Report, median, micros};
use crate::stores::{self, StoreKind};
use crate::w1_hello;

/// How many finished instances the store has before anything is measured.
const KEPT: [usize; 3] = [1_000, 100_000, 1_000_000];
const WATCHERS: [usize; 3] = [10, 100, 1_000];
/// How many hello sequences are started at once.
const HELLOS: usize = 5_000;
/// How many writes a transaction has while the store is filled.
const BATCH: usize = 2_048;

pub async fn run(store: StoreKind, long: bool, limits: &Limits, report: &mut Report) {
    let (mut per_s, mut latency) = (Vec::new(), Vec::new());
    for kept in &KEPT[..if long { 3 } else { 2 }] {
        let directory = tempfile::tempdir().unwrap();
        let opened = store.open(directory.path());
        let epoch = opened.acquire(None).await.unwrap().epoch;
        limits.pattern.write(&*opened, epoch, BATCH, *kept).await;
        let (steadfast, _) = stores::start(opened).await;
        let client = steadfast.client();
        let one = one_at_a_time(client).await;
        let many = w1_hello::run(client, HELLOS).await;
        let mut add = |metric: &str, value| {
            report.add("W8", store.name(), &format!("{metric}_kept{kept}"), value);
        };
        add("orchestrations_per_s", many);
        add("hello_p50_us", one);
        per_s.push(many);
        latency.push(one);
        if *kept == KEPT[0] {
            watchers(client, store, report).await;
        }
        steadfast
            .shut_down(std::time::Duration::from_secs(10))
            .await;
    }
    let mut add = |metric: &str, values: &[f64]| {
        let greatest = values.iter().copied().fold(0.0, f64::max);
        let least = values.iter().copied().fold(f64::INFINITY, f64::min);
        report.add("W8", store.name(), metric, greatest / least);
    };
    add("orchestrations_greatest_per_least", &per_s);
    add("hello_greatest_per_least", &latency);
}

/// The median of one hello sequence after the other.
async fn one_at_a_time(client: &Client) -> f64 {
    let mut times = Vec::new();
    for _ in 0..200 {
        let began = Instant::now();
        let handle = client.start(hello()).await.unwrap();
        handle.output().await.unwrap();
        times.push(micros(began.elapsed()));
    }
    median(&times)
}

/// How long an instance with so many watchers takes for a change that all of them see.
async fn watchers(client: &Client, store: StoreKind, report: &mut Report) {
    const CHANGES: u32 = 50;
    for count in WATCHERS {
        let handle = client.start(publishing(CHANGES)).await.unwrap();
        let watching: Vec<_> = (0..count)
            .map(|_| {
                let mut watch = handle.watch_custom_status();
                tokio::spawn(async move { while watch.next().await.unwrap().is_some() {} })
            })
            .collect();
        let began = Instant::now();
        for _ in 0..CHANGES {
            handle.raise_event(&Go).await.unwrap();
        }
        handle.output().await.unwrap();
        for watcher in watching {
            watcher.await.unwrap();
        }
        let each = micros(began.elapsed()) / f64::from(CHANGES) / count as f64;
        report.add(
            "W8",
            store.name(),
            &format!("us_per_change_and_watcher_n{count}"),
            each,
        );
    }
}
