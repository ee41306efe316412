//! H2 and H3: changes on their way to a thousand streams.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use futures_util::future::join_all;
use steadfast::Client;

use crate::definitions::{Go, publishing};
use crate::report::{Report, median};
use crate::serving::{Loading, Server, WEBHOOK};
use crate::stores::{Bench, Commits, StoreKind};

const WATCHERS: usize = 1_000;

/// So many changes one at a time, for the time that each takes.
const ALONE: usize = 20;

/// So many as fast as they come, for how many go through.
const TOGETHER: usize = 200;
const TOGETHER_OF_MANY: usize = 50;

/// All watchers watch one instance.
pub async fn of_one(store: StoreKind, report: &mut Report) {
    let bench = Bench::start(store).await;
    let client = bench.steadfast.client();
    let handle = client.start(publishing(u32::MAX).id("one")).await.unwrap();
    let server = Server::of(client).await;
    let mut add = |metric: &str, value| report.add("H2", store.name(), metric, value);

    let mut load = watchers(&server, "one", WATCHERS);
    let mut times = Times::default();
    for _ in 0..ALONE {
        handle.raise_event(&Go).await.unwrap();
        times.add(&load.says(), &bench.commits);
    }
    add("delivery_p50_us", median(&times.p50));
    add("delivery_p99_us", median(&times.p99));
    drop(load);

    let mut load = watchers(&server, "one", WATCHERS * TOGETHER);
    let began = Instant::now();
    for _ in 0..TOGETHER {
        handle.raise_event(&Go).await.unwrap();
    }
    let said = load.says();
    add("events_per_s", said[0] / began.elapsed().as_secs_f64());
    add("skipped_per_event", said[1] / said[0]);
    drop(load);
    server.stop().await;
    bench.stop().await;
}

/// Each watches an instance of its own.
pub async fn of_many(store: StoreKind, report: &mut Report) {
    let bench = Bench::start(store).await;
    let client = bench.steadfast.client();
    let starts = (0..WATCHERS).map(|n| client.start(publishing(u32::MAX).id(format!("many-{n}"))));
    for handle in join_all(starts).await {
        handle.unwrap();
    }
    let server = Server::of(client).await;
    let mut add = |metric: &str, value| report.add("H3", store.name(), metric, value);

    let mut load = watchers(&server, "many-{}", 1);
    let mut times = Times::default();
    for number in 0..ALONE * 10 {
        raise(client, number * 7 % WATCHERS).await;
        times.add(&load.says(), &bench.commits);
    }
    add("delivery_p50_us", median(&times.p50));
    drop(load);

    let mut load = watchers(&server, "many-{}", WATCHERS * TOGETHER_OF_MANY);
    let began = Instant::now();
    for _ in 0..TOGETHER_OF_MANY {
        join_all((0..WATCHERS).map(|number| raise(client, number))).await;
    }
    let said = load.says();
    add("events_per_s", said[0] / began.elapsed().as_secs_f64());
    add("skipped_per_event", said[1] / said[0]);
    drop(load);
    server.stop().await;
    bench.stop().await;
}

async fn raise(client: &Client, number: usize) {
    let handle = client.instance(format!("many-{number}")).unwrap();
    handle.raise_event_named("Go", &Go).await.unwrap();
}

fn watchers(server: &Server, instance: &str, every: usize) -> Loading {
    let arguments = [
        "watchers".to_owned(),
        server.address.to_string(),
        format!("{WEBHOOK}/instances/{instance}/watch"),
        WATCHERS.to_string(),
        "0".to_owned(),
        every.to_string(),
    ];
    let mut load = Loading::start(&arguments);
    load.says();
    load
}

/// How long after the return of the commit a change came, in microseconds.
#[derive(Default)]
struct Times {
    p50: Vec<f64>,
    p99: Vec<f64>,
}

impl Times {
    /// Of the last commit, as the load says.
    fn add(&mut self, said: &[f64], commits: &Commits) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let commit = (now - commits.since_last()).as_secs_f64() * 1e6;
        self.p50.push(said[2] - commit);
        self.p99.push(said[3] - commit);
    }
}
