//! W6: a process is killed in the middle, and another one goes on.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use steadfast::{InstanceFilter, RuntimeStatus};

use crate::arguments::Arguments;
use crate::definitions::{Go, chain_and_wait, hello};
use crate::report::Report;
use crate::stores::{self, StoreKind};
use crate::w4_idle;

/// How many hello sequences the process that is killed is asked for.
const HELLOS: usize = 20_000;
/// How many instances wait in it.
const WAITING: usize = 100_000;
/// A chain of this length has some 10,000 events.
const LENGTH: u32 = 3_333;

pub async fn run(store: StoreKind, report: &mut Report) {
    if store == StoreKind::Memory {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    kill_in_the_middle(store, directory.path());
    let mut add = |metric: &str, value| report.add("W6", store.name(), metric, value);

    let began = Instant::now();
    let (steadfast, _) = stores::start(store.open(directory.path())).await;
    add("serves_after_s", began.elapsed().as_secs_f64());
    let client = steadfast.client();
    let counts = client.count(&InstanceFilter::new()).await.unwrap();
    let hellos: u64 = client
        .count(&InstanceFilter::new().name("hello"))
        .await
        .unwrap()
        .values()
        .sum();
    let all: u64 = counts.values().sum();
    add("unfinished_instances", (all - completed(&counts)) as f64);
    w4_idle::wait_for(client, RuntimeStatus::Completed, hellos as usize).await;
    add(
        "all_hellos_completed_after_s",
        began.elapsed().as_secs_f64(),
    );
    w4_idle::raise_all(client, WAITING).await;
    w4_idle::wait_for(client, RuntimeStatus::Completed, all as usize).await;
    add(
        "all_waiting_completed_after_s",
        began.elapsed().as_secs_f64(),
    );
    steadfast.shut_down(Duration::from_secs(10)).await;

    add("replayed_events_per_s", replay(store).await);
}

fn completed(counts: &std::collections::HashMap<RuntimeStatus, u64>) -> u64 {
    counts
        .get(&RuntimeStatus::Completed)
        .copied()
        .unwrap_or_default()
}

/// Runs this program as a child that starts instances, and kills it while it does.
fn kill_in_the_middle(store: StoreKind, directory: &Path) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--store", store.name(), "--child"])
        .arg(directory)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    lines.next().unwrap().unwrap();
    // SIGKILL.
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Lets instances wait, then starts hello sequences, and says so when half of them are done.
pub async fn child(directory: &Path, arguments: &Arguments) {
    let kind = arguments.stores()[0];
    let (steadfast, _) = stores::start(kind.open(directory)).await;
    let client = steadfast.client().clone();
    w4_idle::start_all(&client, WAITING).await;
    let starting = client.clone();
    tokio::spawn(async move {
        let starts = (0..HELLOS).map(|_| starting.start(hello()));
        futures_util::future::join_all(starts).await;
    });
    loop {
        let counts = client.count(&InstanceFilter::new()).await.unwrap();
        if completed(&counts) >= HELLOS as u64 / 2 {
            println!("half");
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Events a second when a long history is replayed. The same with a short one is taken off.
async fn replay(store: StoreKind) -> f64 {
    let long = first_episode_after_restart(store, LENGTH).await;
    let short = first_episode_after_restart(store, 1).await;
    let events = f64::from(3 * (LENGTH - 1));
    events / long.saturating_sub(short).as_secs_f64().max(1e-9)
}

async fn first_episode_after_restart(store: StoreKind, length: u32) -> Duration {
    let directory = tempfile::tempdir().unwrap();
    let (steadfast, _) = stores::start(store.open(directory.path())).await;
    let start = chain_and_wait(length).id("replayed");
    let handle = steadfast.client().start(start).await.unwrap();
    handle.wait_custom_status(|_| true).await.unwrap();
    drop(handle);
    steadfast.shut_down(Duration::from_secs(10)).await;
    let (steadfast, _) = stores::start(store.open(directory.path())).await;
    let handle = steadfast
        .client()
        .orchestration::<chain_and_wait>("replayed")
        .unwrap();
    let began = Instant::now();
    handle.raise_event(&Go).await.unwrap();
    handle.output().await.unwrap();
    let took = began.elapsed();
    drop(handle);
    steadfast.shut_down(Duration::from_secs(10)).await;
    took
}
