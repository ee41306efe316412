//! A reader of server-sent events that reads no more than it is asked to.

use std::net::SocketAddr;

use serde_json::Value;
use steadfast::InstanceHandle;
use steadfast::prelude::*;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpSocket, TcpStream};

use crate::support::{Server, WEBHOOK};

/// An open stream.
pub(crate) struct Events {
    pub(crate) connection: BufReader<TcpStream>,
    pub(crate) status: u16,
    pub(crate) head: String,
}

/// One event.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Event {
    pub(crate) id: String,
    pub(crate) kind: String,
    pub(crate) retry: Option<u64>,
    pub(crate) data: Value,
}

impl Event {
    /// What it says of a change: sequence, custom status, how many were skipped.
    pub(crate) fn change(&self) -> (u64, &Value, u64) {
        let data = &self.data;
        assert_eq!(data["cursor"], self.id.as_str());
        let (_, sequence) = self.id.split_once('.').unwrap();
        let skipped = data["skipped"].as_u64().unwrap();
        (sequence.parse().unwrap(), &data["customStatus"], skipped)
    }

    pub(crate) fn runtime_status(&self) -> &str {
        self.data["runtimeStatus"].as_str().unwrap()
    }
}

impl Events {
    /// Asks for a stream below the base path, and reads the head of the answer.
    pub(crate) async fn open(server: &Server, path: &str, headers: &[&str]) -> Self {
        Self::connect(server.address, &format!("{WEBHOOK}/{path}"), headers).await
    }

    pub(crate) async fn connect(address: SocketAddr, target: &str, headers: &[&str]) -> Self {
        // What the kernel takes for one who does not read is not to be more than it must.
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        let mut connection = BufReader::new(socket.connect(address).await.unwrap());
        // Of this version of HTTP, so that the body is not in chunks.
        let mut request = format!("GET {target} HTTP/1.0\r\nHost: {address}\r\n");
        for header in headers {
            request = request + header + "\r\n";
        }
        let sent = connection.write_all((request + "\r\n").as_bytes()).await;
        sent.unwrap();
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            let read = connection.read_line(&mut head).await.unwrap();
            assert_ne!(read, 0, "an answer");
        }
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Self {
            connection,
            status,
            head: head.to_lowercase(),
        }
    }

    /// The next line; `None` at the end.
    pub(crate) async fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = self.connection.read_line(&mut line).await.unwrap();
        (read > 0).then(|| line.trim_end_matches('\n').to_owned())
    }

    /// The next event; `None` at the end. Comments are passed over.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        let mut event = Event::default();
        loop {
            let line = self.line().await?;
            match line.split_once(':') {
                None if event == Event::default() => {}
                None => return Some(event),
                Some(("", _)) => {}
                Some((field, value)) => {
                    let value = value.strip_prefix(' ').unwrap_or(value);
                    match field {
                        "id" => event.id = value.into(),
                        "event" => event.kind = value.into(),
                        "retry" => event.retry = value.parse().ok(),
                        "data" => event.data = serde_json::from_str(value).unwrap(),
                        other => panic!("the field {other}"),
                    }
                }
            }
        }
    }

    /// Everything up to the end.
    pub(crate) async fn rest(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        while let Some(event) = self.next().await {
            events.push(event);
        }
        events
    }
}

/// Waiting for an instance.
pub(crate) trait Shows {
    /// Waits until it is in this state.
    async fn status_is(&self, runtime_status: RuntimeStatus);
}

impl Shows for InstanceHandle {
    async fn status_is(&self, runtime_status: RuntimeStatus) {
        let mut changes = self.watch_custom_status();
        while let Some(change) = changes.next().await.unwrap() {
            if change.runtime_status == runtime_status {
                return;
            }
        }
        panic!("{} ended without being {runtime_status}", self.id());
    }
}

impl Server {
    /// Waits until this many streams are open. What happens in between gets its turn each time.
    pub(crate) async fn has_streams(&self, count: usize) {
        while self.client().open_watches() != count {
            tokio::task::yield_now().await;
        }
    }
}
