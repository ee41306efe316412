//! Streams of changes, of which some are not read.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::LocalSet;

use crate::report::quantile;

/// What all readers have got since it was last said.
struct Tally {
    every: usize,
    skipped: usize,
    /// When each event came, in microseconds since 1970.
    times: Vec<f64>,
}

impl Tally {
    fn add(&mut self, skipped: usize) {
        self.skipped += skipped;
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        self.times.push(since_1970.as_secs_f64() * 1e6);
        if self.times.len() + self.skipped >= self.every {
            let (p50, p99) = (quantile(&self.times, 0.5), quantile(&self.times, 0.99));
            let last = quantile(&self.times, 1.0);
            let (got, skipped) = (self.times.len(), self.skipped);
            println!("{got} {skipped} {p50} {p99} {last}");
            (self.skipped, self.times) = (0, Vec::new());
        }
    }
}

/// Says `0` once all streams are open, and then of each so many changes: how many came, how many were skipped, and when.
pub async fn run(address: SocketAddr, target: &str, readers: usize, sleepers: usize, every: usize) {
    let tally = Rc::new(RefCell::new(Tally {
        every,
        skipped: 0,
        times: Vec::new(),
    }));
    let mut streams = Vec::new();
    for watcher in 0..readers + sleepers {
        streams.push(Stream::open(address, &target.replace("{}", &watcher.to_string())).await);
    }
    let _sleeping = streams.split_off(readers);
    for stream in &mut streams {
        stream.event().await;
    }
    println!("0");
    let tasks = LocalSet::new();
    for mut stream in streams {
        let tally = Rc::clone(&tally);
        tasks.spawn_local(async move {
            while let Some(skipped) = stream.event().await {
                tally.borrow_mut().add(skipped);
            }
        });
    }
    tasks.await;
}

struct Stream {
    connection: TcpStream,
    read: Vec<u8>,
}

impl Stream {
    async fn open(address: SocketAddr, target: &str) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        // What the kernel keeps for who does not read is not what is measured.
        socket.set_recv_buffer_size(64 * 1024).unwrap();
        let mut connection = socket.connect(address).await.unwrap();
        // Of this version of HTTP, so that the body is not in chunks.
        let request = format!("GET {target} HTTP/1.0\r\nhost: {address}\r\n\r\n");
        connection.write_all(request.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(connection.read_u8().await.unwrap());
        }
        assert!(head.starts_with(b"HTTP/1.0 200"), "{}", head.escape_ascii());
        Self {
            connection,
            read: Vec::new(),
        }
    }

    /// How many changes the next event says were skipped; `None` at the end.
    async fn event(&mut self) -> Option<usize> {
        loop {
            let end = self.read.windows(2).position(|bytes| bytes == b"\n\n");
            let Some(end) = end else {
                match self.connection.read_buf(&mut self.read).await {
                    Ok(1..) => continue,
                    _ => return None,
                }
            };
            let skipped = skipped(&self.read[..end]);
            self.read.drain(..end + 2);
            // What has none is a comment.
            if skipped.is_some() {
                return skipped;
            }
        }
    }
}

fn skipped(event: &[u8]) -> Option<usize> {
    const KEY: &[u8] = b"{\"skipped\":";
    let at = event.windows(KEY.len()).position(|bytes| bytes == KEY)?;
    let digits = &event[at + KEY.len()..];
    let end = digits.iter().position(|byte| !byte.is_ascii_digit())?;
    std::str::from_utf8(&digits[..end]).ok()?.parse().ok()
}
