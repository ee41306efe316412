//! Requests for as long as a figure takes.

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::LocalSet;

use crate::machine;

const CONNECTIONS: usize = 32;
/// One in so many requests is for another instance.
const OTHER: usize = 20;
/// How many others there are.
const OTHERS: usize = 1_000;

const WARM_UP: Duration = Duration::from_millis(500);
const MEASURED: Duration = Duration::from_secs(3);

/// Says how many requests a second were answered, and how much of a processor it took to ask.
pub async fn run(address: SocketAddr, target: &str, other: &str) {
    let request =
        |target: &str| format!("GET {target} HTTP/1.1\r\nhost: {address}\r\n\r\n").into_bytes();
    let usual = Rc::new(request(target));
    let others: Rc<[_]> = (0..OTHERS)
        .map(|number| request(&format!("{other}{number}")))
        .collect();
    let tasks = LocalSet::new();
    let began = Instant::now();
    let connections: Vec<_> = (0..CONNECTIONS)
        .map(|connection| {
            let (usual, others) = (Rc::clone(&usual), Rc::clone(&others));
            tasks.spawn_local(async move {
                let mut stream = TcpStream::connect(address).await.unwrap();
                stream.set_nodelay(true).unwrap();
                let mut answer = Vec::with_capacity(4_096);
                let (mut sent, mut counted) = (connection, 0_u64);
                while began.elapsed() < WARM_UP + MEASURED {
                    sent += 1;
                    let request = match sent % OTHER {
                        0 => &others[sent * 7 % OTHERS],
                        _ => &usual,
                    };
                    stream.write_all(request).await.unwrap();
                    answered(&mut stream, &mut answer).await;
                    counted += u64::from(began.elapsed() > WARM_UP);
                }
                counted
            })
        })
        .collect();
    tasks
        .run_until(async {
            let mut requests = 0;
            for connection in connections {
                requests += connection.await.unwrap();
            }
            let seconds = (began.elapsed() - WARM_UP).as_secs_f64();
            let cores = machine::processor_seconds() / began.elapsed().as_secs_f64();
            println!("{} {cores}", requests as f64 / seconds);
        })
        .await;
}

/// Reads one answer, which must be a good one with a length.
async fn answered(stream: &mut TcpStream, answer: &mut Vec<u8>) {
    answer.clear();
    loop {
        stream.read_buf(answer).await.unwrap();
        let Some(head) = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n") else {
            continue;
        };
        let text = std::str::from_utf8(&answer[..head]).unwrap();
        assert!(text.starts_with("HTTP/1.1 20"), "{text}");
        let (_, length) = text.split_once("content-length: ").unwrap();
        let length: usize = length.lines().next().unwrap().parse().unwrap();
        let missing = (head + 4 + length).saturating_sub(answer.len());
        if missing > 0 {
            let read = answer.len();
            answer.resize(read + missing, 0);
            stream.read_exact(&mut answer[read..]).await.unwrap();
        }
        return;
    }
}
