//! The servers that are measured, and the process that loads them.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command, Stdio};

use axum::Router;
use axum::routing::get;
use steadfast::Client;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, block_in_place};

pub const WEBHOOK: &str = "/runtime/webhooks/durabletask";

/// A server, until it is stopped.
pub struct Server {
    pub address: SocketAddr,
    stop: oneshot::Sender<()>,
    served: JoinHandle<std::io::Result<()>>,
}

impl Server {
    /// The HTTP API as it is without options.
    pub async fn of(client: &Client) -> Self {
        let (listener, address) = listener().await;
        let (stop, stopped) = oneshot::channel();
        let until = async { drop(stopped.await) };
        let served = tokio::spawn(steadfast::http::serve(listener, client.clone(), until));
        Self {
            address,
            stop,
            served,
        }
    }

    /// One handler that says hello.
    pub async fn hello() -> Self {
        let (listener, address) = listener().await;
        let (stop, stopped) = oneshot::channel();
        let routes = Router::new().route("/hello", get(|| async { "Hello, World!" }));
        let served = axum::serve(listener, routes);
        let served = served.with_graceful_shutdown(async { drop(stopped.await) });
        Self {
            address,
            stop,
            served: tokio::spawn(served.into_future()),
        }
    }

    pub async fn stop(self) {
        drop(self.stop);
        self.served.await.unwrap().unwrap();
    }
}

async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// The process that makes the load. It is killed with this value.
pub struct Loading {
    process: Child,
    lines: BufReader<ChildStdout>,
}

impl Loading {
    pub fn start(arguments: &[String]) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap());
        Self { process, lines }
    }

    /// The numbers that it says next, while this process serves.
    pub fn says(&mut self) -> Vec<f64> {
        let mut line = String::new();
        block_in_place(|| self.lines.read_line(&mut line)).unwrap();
        let numbers = line
            .split_whitespace()
            .map(|number| number.parse().unwrap());
        let numbers: Vec<_> = numbers.collect();
        assert!(!numbers.is_empty(), "the load has ended early");
        numbers
    }
}

impl Drop for Loading {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
