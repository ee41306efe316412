//! The figures of the worker, as Prometheus reads them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use steadfast::http::{Key, router};
use steadfast::prelude::*;
use steadfast::store::memory::MemoryStore;
use steadfast::testing::{CommitFault, FaultyStore, ManualClock};
use steadfast::{StartByName, Timestamp};

use super::stream::Events;
use super::support::{Answer, Server, WEBHOOK, send, serve_plainly};

/// The figures by name and labels; every line that is not one describes one.
fn figures(answer: &Answer) -> BTreeMap<String, f64> {
    assert_eq!(answer.status, 200, "{answer:?}");
    let content_type = answer.header("content-type");
    assert_eq!(
        content_type,
        Some("text/plain; version=0.0.4; charset=utf-8")
    );
    let lines = answer.body.lines();
    let (described, lines): (Vec<_>, Vec<_>) = lines.partition(|line| line.starts_with("# "));
    assert_eq!(described.len() % 2, 0, "{described:?}");
    lines
        .into_iter()
        .map(|line| {
            let (name, value) = line.rsplit_once(' ').unwrap();
            (name.to_owned(), value.parse().unwrap())
        })
        .collect()
}

#[tokio::test]
async fn what_the_worker_does_is_counted() {
    let server = Server::start().await;
    server
        .post("orchestrators/E1_HelloSequence/a", "[\"Tokyo\",\"London\"]")
        .await;
    server.post("orchestrators/Booking/b", "").await;
    server.post("orchestrators/Fails/c", "").await;
    server.post("orchestrators/Stalls/d", "").await;
    server.ended("a").await;
    server.ended("c").await;
    server.shows("b", "\"waiting\"").await;
    let mut changes = server.instance("d").watch_custom_status();
    while changes.next().await.unwrap().unwrap().stalled.is_none() {}

    let answer = server.get("metrics").await;
    assert_eq!(answer.body.matches("# TYPE ").count(), 17);
    let figures = figures(&answer);
    for (name, value) in [
        ("steadfast_instances{status=\"Completed\"}", 1.0),
        ("steadfast_instances{status=\"Failed\"}", 1.0),
        ("steadfast_instances{status=\"Suspended\"}", 0.0),
        ("steadfast_instances_stalled", 1.0),
        ("steadfast_instances_in_memory", 2.0),
        // Three of the sequence, and one for each of the two that end or wait; that of the one which stalls is not one.
        ("steadfast_episodes_total", 5.0),
        ("steadfast_replays_total", 0.0),
        ("steadfast_status_writes_total", 3.0),
        (
            "steadfast_activity_attempts_total{result=\"completed\"}",
            2.0,
        ),
        ("steadfast_activity_attempts_total{result=\"failed\"}", 0.0),
        ("steadfast_activities{state=\"running\"}", 0.0),
        ("steadfast_activities{state=\"waiting\"}", 0.0),
        ("steadfast_timers_in_memory", 0.0),
        // The watch is only kept.
        ("steadfast_watchers", 0.0),
        ("steadfast_threads_given_up", 0.0),
        ("steadfast_commits_failed_total", 0.0),
        // Four starts, five episodes, and the reason of the one that stalls.
        ("steadfast_commit_writes_sum", 10.0),
    ] {
        assert_eq!(figures.get(name), Some(&value), "{name} of {figures:?}");
    }
    let commits = figures["steadfast_commit_writes_count"];
    assert_eq!(figures["steadfast_commit_seconds_count"], commits);
    assert_eq!(
        figures["steadfast_commit_seconds_bucket{le=\"+Inf\"}"],
        commits
    );
    assert!(figures["steadfast_commit_writes_bucket{le=\"1\"}"] <= commits);
    drop(changes);
}

#[tokio::test]
async fn commits_that_fail_and_instances_that_are_loaded_again_are_counted() {
    let faulty = |n| (n == 2).then_some(CommitFault::Lost);
    let store = FaultyStore::new(MemoryStore::new(), faulty);
    let steadfast = Steadfast::builder().store(store).start().await.unwrap();
    let client = steadfast.client().clone();
    let start = StartByName::new("E1_HelloSequence").input(["Tokyo"]);
    let instance = client.start_by_name(start).await.unwrap();
    instance.wait_for_completion().await.unwrap();
    let metrics = steadfast.metrics();
    assert_eq!((metrics.commits_failed, metrics.replays), (1, 1));
    // What begins it and what its first episode made of that.
    assert!(metrics.replayed_events > 0, "{metrics:?}");
    assert_eq!(metrics.episodes, 3);
}

#[tokio::test]
async fn instances_are_counted_again_after_a_while_only() {
    let clock = Arc::new(ManualClock::new(Timestamp::UNIX_EPOCH));
    let steadfast = Steadfast::builder().store(MemoryStore::new());
    let steadfast = steadfast.clock(Arc::clone(&clock)).start().await.unwrap();
    let client = steadfast.client().clone();
    let address = serve_plainly(router(client.clone())).await;
    let completed = async || {
        let request = format!("GET {WEBHOOK}/metrics");
        let figures = figures(&send(address, &request, &[], b"").await);
        figures["steadfast_instances{status=\"Completed\"}"]
    };
    assert_eq!(completed().await, 0.0);
    let instance = client.start_by_name(StartByName::new("Nothing")).await;
    instance.unwrap().wait_for_completion().await.unwrap();
    assert_eq!(completed().await, 0.0);
    clock.set(Timestamp::from_second(1_000_000).unwrap());
    assert_eq!(completed().await, 1.0);
}

/// A worker whose store does not count before the sender is dropped, and how often it was asked to.
async fn worker_that_counts_later() -> (Steadfast, Sender<()>, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let (held, later) = channel::<()>();
    let released = Arc::new(Mutex::new(None::<Receiver<()>>));
    let release = Arc::clone(&released);
    let store = FaultyStore::new(MemoryStore::new(), |_| None).before_reads(move || {
        count.fetch_add(1, Ordering::SeqCst);
        // A worker that starts has looked at the store before.
        if let Some(released) = &*release.lock().unwrap() {
            let _ = released.recv();
        }
    });
    let builder = Steadfast::builder().store(store);
    let clock = ManualClock::new(Timestamp::UNIX_EPOCH);
    let steadfast = builder.clock(clock).start().await.unwrap();
    *released.lock().unwrap() = Some(later);
    asked.store(0, Ordering::SeqCst);
    (steadfast, held, asked)
}

async fn is_asked(asked: &AtomicUsize) {
    while asked.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_count_goes_on_for_the_next_when_who_asked_goes_away() {
    let (steadfast, held, asked) = worker_that_counts_later().await;
    let client = steadfast.client().clone();
    let first = tokio::spawn(async move { client.instance_counts().await });
    is_asked(&asked).await;
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    let client = steadfast.client().clone();
    let second = tokio::spawn(async move { client.instance_counts().await });
    tokio::task::yield_now().await;
    drop(held);
    second.await.unwrap().unwrap();
    // By status, and those that are stalled.
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn what_takes_long_to_count_is_left_out() {
    let (steadfast, held, asked) = worker_that_counts_later().await;
    let address = serve_plainly(router(steadfast.client().clone())).await;
    let request = format!("GET {WEBHOOK}/metrics");
    let answer = tokio::spawn(async move { send(address, &request, &[], b"").await });
    is_asked(&asked).await;
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(6)).await;
    let figures = figures(&answer.await.unwrap());
    assert_eq!(figures["steadfast_episodes_total"], 0.0);
    assert!(!figures.contains_key("steadfast_instances_stalled"));
    drop(held);
}

#[tokio::test]
async fn who_waits_for_one_instance_or_for_all_is_counted() {
    let server = Server::start().await;
    server.book("a").await;
    let waiting = async |count| {
        while server.client().metrics().watchers != count {
            tokio::task::yield_now().await;
        }
    };
    let instance = server.instance("a");
    let of_one = tokio::spawn(async move { instance.wait_for_completion().await });
    waiting(1).await;
    let of_all = Events::open(&server, "watch", &[]).await;
    waiting(2).await;
    drop(of_all);
    waiting(1).await;
    of_one.abort();
    waiting(0).await;
}

#[tokio::test]
async fn figures_are_for_those_who_have_a_key() {
    let secret = "0123456789abcdef";
    let key = Key::new("k", secret).unwrap().read_only();
    let server = Server::with(|api| api.key(key)).await;
    server.get("metrics").await.is_empty(401);
    figures(&server.get(&format!("metrics?code={secret}")).await);
}
