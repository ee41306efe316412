//! W5: reading and watching.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use steadfast::Client;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::definitions::{Go, hello, publishing};
use crate::report::{Report, median, micros};
use crate::stores::{Bench, Commits, StoreKind};
use crate::w1_hello;

/// How long readers read.
const READING: Duration = Duration::from_secs(2);
const READERS: usize = 2;
/// How many instances are read, and how many reads a second there are beside a load.
const INSTANCES: usize = 1_000;
const READS_PER_S: u64 = 10_000;

pub async fn run(store: StoreKind, hellos: usize, report: &mut Report) {
    let bench = Bench::start(store).await;
    let client = bench.steadfast.client().clone();
    let ids: Arc<[String]> = (0..INSTANCES)
        .map(|number| format!("w5-{number}"))
        .collect();
    for id in &*ids {
        client
            .start(hello().id(id.as_str()))
            .await
            .unwrap()
            .output()
            .await
            .unwrap();
    }
    let mut add = |metric: &str, value| report.add("W5", store.name(), metric, value);
    add("reads_per_s_in_process", in_process(&client, &ids).await);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(steadfast::http::serve(listener, client.clone(), async {
        let _ = stopped.await;
    }));
    add("reads_per_s_over_http", over_http(address, &ids).await);
    drop(stop);
    serving.await.unwrap().unwrap();

    let alone = w1_hello::run(&client, hellos).await;
    let (beside, reads) = with_readers(&client, &ids, hellos).await;
    add("w1b_orchestrations_per_s_without_readers", alone);
    add("w1b_orchestrations_per_s_with_readers", beside);
    add("reads_per_s_during_w1b", reads);
    add("w1b_with_readers_per_without", beside / alone);
    add(
        "delivery_p50_us_1000_watchers_of_one",
        one_watched(&client, &bench.commits).await,
    );
    add(
        "delivery_p50_us_10000_watched",
        many_watched(&client, &bench.commits).await,
    );
    drop(client);
    bench.stop().await;
}

async fn in_process(client: &Client, ids: &Arc<[String]>) -> f64 {
    let began = Instant::now();
    let readers = (0..READERS).map(|reader| {
        let (client, ids) = (client.clone(), Arc::clone(ids));
        tokio::spawn(async move {
            let mut reads = 0_usize;
            while began.elapsed() < READING {
                let id = &ids[(reader * 7 + reads) % ids.len()];
                client
                    .instance(id.as_str())
                    .unwrap()
                    .status()
                    .await
                    .unwrap();
                reads += 1;
                // The store answers at once, and this task must let others run.
                if reads.is_multiple_of(64) {
                    tokio::task::yield_now().await;
                }
            }
            reads
        })
    });
    let reads: usize = join_all(readers)
        .await
        .into_iter()
        .map(Result::unwrap)
        .sum();
    reads as f64 / began.elapsed().as_secs_f64()
}

async fn over_http(address: SocketAddr, ids: &Arc<[String]>) -> f64 {
    const CONNECTIONS: usize = 16;
    let began = Instant::now();
    let connections = (0..CONNECTIONS).map(|connection| {
        let ids = Arc::clone(ids);
        tokio::spawn(async move {
            let mut stream = BufReader::new(TcpStream::connect(address).await.unwrap());
            let mut reads = 0_usize;
            while began.elapsed() < READING {
                let id = &ids[(connection * 61 + reads) % ids.len()];
                get(
                    &mut stream,
                    &format!("/runtime/webhooks/durabletask/instances/{id}"),
                )
                .await;
                reads += 1;
            }
            reads
        })
    });
    let reads: usize = join_all(connections)
        .await
        .into_iter()
        .map(Result::unwrap)
        .sum();
    reads as f64 / began.elapsed().as_secs_f64()
}

/// One request on a connection that stays open. The answer must be a 200.
async fn get(stream: &mut BufReader<TcpStream>, path: &str) {
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let (mut line, mut length) = (String::new(), 0);
    stream.read_line(&mut line).await.unwrap();
    assert!(line.contains(" 200 "), "{line}");
    loop {
        line.clear();
        stream.read_line(&mut line).await.unwrap();
        let header = line.trim().to_ascii_lowercase();
        if header.is_empty() {
            break;
        }
        if let Some(value) = header.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.unwrap();
}

/// W1b beside a steady number of reads: orchestrations and reads a second.
async fn with_readers(client: &Client, ids: &Arc<[String]>, hellos: usize) -> (f64, f64) {
    let (reads, done) = (
        Arc::new(AtomicU64::new(0)),
        Arc::new(AtomicBool::new(false)),
    );
    let began = Instant::now();
    let reader = {
        let (client, ids) = (client.clone(), Arc::clone(ids));
        let (reads, done) = (Arc::clone(&reads), Arc::clone(&done));
        tokio::spawn(async move {
            while !done.load(Ordering::Relaxed) {
                let due = (began.elapsed().as_secs_f64() * READS_PER_S as f64) as u64;
                for read in reads.load(Ordering::Relaxed)..due {
                    let id = &ids[read as usize % ids.len()];
                    client
                        .instance(id.as_str())
                        .unwrap()
                        .status()
                        .await
                        .unwrap();
                    reads.fetch_add(1, Ordering::Relaxed);
                }
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        })
    };
    let per_s = w1_hello::run(client, hellos).await;
    done.store(true, Ordering::Relaxed);
    reader.await.unwrap();
    let reads = reads.load(Ordering::Relaxed) as f64 / began.elapsed().as_secs_f64();
    (per_s, reads)
}

/// From the return of the commit to each of a thousand watchers of one instance.
async fn one_watched(client: &Client, commits: &Arc<Commits>) -> f64 {
    const WATCHERS: usize = 1_000;
    const CHANGES: u32 = 20;
    let handle = client.start(publishing(CHANGES)).await.unwrap();
    let (seen, mut all_seen) = tokio::sync::mpsc::channel::<Duration>(WATCHERS);
    let mut watchers = Vec::new();
    for _ in 0..WATCHERS {
        let (mut watch, commits, seen) = (
            handle.watch_custom_status(),
            Arc::clone(commits),
            seen.clone(),
        );
        watchers.push(tokio::spawn(async move {
            while let Some(change) = watch.next().await.unwrap() {
                if change.custom_status.is_some() && !change.runtime_status.is_terminal() {
                    seen.send(commits.since_last()).await.unwrap();
                }
            }
        }));
    }
    let mut times = Vec::new();
    // The last change comes with the end.
    for _ in 1..CHANGES {
        handle.raise_event(&Go).await.unwrap();
        for _ in 0..WATCHERS {
            times.push(micros(all_seen.recv().await.unwrap()));
        }
    }
    handle.raise_event(&Go).await.unwrap();
    for watcher in watchers {
        watcher.await.unwrap();
    }
    median(&times)
}

/// The same with one watcher each of ten thousand instances, one of which changes at a time.
async fn many_watched(client: &Client, commits: &Arc<Commits>) -> f64 {
    const WATCHED: usize = 10_000;
    const CHANGED: usize = 1_000;
    let (seen, mut all_seen) = tokio::sync::mpsc::channel::<Duration>(1);
    let starts = (0..WATCHED).map(|_| client.start(publishing(2)));
    let handles: Vec<_> = join_all(starts)
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    let mut watchers = Vec::new();
    for handle in &handles {
        let (mut watch, commits, seen) = (
            handle.watch_custom_status(),
            Arc::clone(commits),
            seen.clone(),
        );
        watchers.push(tokio::spawn(async move {
            while let Ok(Some(change)) = watch.next().await {
                if change.custom_status == Some(1) {
                    seen.send(commits.since_last()).await.unwrap();
                    return;
                }
            }
        }));
    }
    let mut times = Vec::new();
    for handle in handles.iter().step_by(WATCHED / CHANGED) {
        handle.raise_event(&Go).await.unwrap();
        times.push(micros(all_seen.recv().await.unwrap()));
    }
    for watcher in watchers {
        watcher.abort();
    }
    for handle in handles {
        handle.terminate(None).await.unwrap();
    }
    median(&times)
}
