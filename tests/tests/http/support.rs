//! A server on a port of its own, and a client that sends exactly what it is told to.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use steadfast::clock::Clock;
use steadfast::http::Api;
use steadfast::prelude::*;
use steadfast::store::memory::MemoryStore;
use steadfast::testing::ManualClock;
use steadfast::{InstanceHandle, InstanceStatus, Timestamp};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub(crate) const WEBHOOK: &str = "/runtime/webhooks/durabletask";

/// What every status object says of its times: the server's clock stands still, just before the next second.
pub(crate) const TIMES: &str =
    r#""createdTime":"2026-02-28T23:59:59Z","lastUpdatedTime":"2026-02-28T23:59:59Z""#;

/// A worker with every definition of this test, behind the HTTP API.
pub(crate) struct Server {
    steadfast: Steadfast,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) address: SocketAddr,
    document: serde_json::Value,
    stop: Option<oneshot::Sender<()>>,
    served: JoinHandle<std::io::Result<()>>,
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::with(|api| api).await
    }

    pub(crate) async fn with(options: impl FnOnce(Api) -> Api) -> Self {
        let (steadfast, clock) = worker_and_clock().await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let api = options(Api::new(steadfast.client().clone()));
        let document = api.openapi();
        let served = tokio::spawn(api.serve(listener, async { drop(stopped.await) }));
        Self {
            steadfast,
            clock,
            address,
            document,
            stop: Some(stop),
            served,
        }
    }

    pub(crate) fn client(&self) -> &Client {
        self.steadfast.client()
    }

    pub(crate) fn instance(&self, id: &str) -> InstanceHandle {
        self.client().instance(id).unwrap()
    }

    pub(crate) async fn ended(&self, id: &str) -> InstanceStatus {
        self.instance(id).wait_for_completion().await.unwrap()
    }

    /// Waits for a custom status, as JSON text.
    pub(crate) async fn shows(&self, id: &str, json: &str) {
        let instance = self.instance(id);
        let shown = instance.wait_custom_status(|s| s.as_json() == json);
        assert!(shown.await.unwrap().is_some(), "{id} ended without {json}");
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(&format!("GET {WEBHOOK}/{path}"), &[], b"").await
    }

    pub(crate) async fn post(&self, path: &str, body: &str) -> Answer {
        let headers = ["Content-Type: application/json"];
        let request = format!("POST {WEBHOOK}/{path}");
        self.send(&request, &headers, body.as_bytes()).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(&format!("DELETE {WEBHOOK}/{path}"), &[], b"")
            .await
    }

    /// Starts an orchestration, and waits for its end.
    pub(crate) async fn run(&self, orchestrator: &str, id: &str, input: &str) {
        let path = format!("orchestrators/{orchestrator}/{id}");
        assert_eq!(self.post(&path, input).await.status, 202);
        self.ended(id).await;
    }

    /// Starts an orchestration that waits for an event, and waits until it does.
    pub(crate) async fn book(&self, id: &str) {
        let path = format!("orchestrators/Booking/{id}");
        assert_eq!(self.post(&path, "").await.status, 202);
        self.shows(id, "\"waiting\"").await;
    }

    /// Sends a request, given as its method and target, to the server's own `Host`.
    pub(crate) async fn send(&self, request: &str, headers: &[&str], body: &[u8]) -> Answer {
        let answer = send_unchecked(self.address, request, headers, body).await;
        crate::openapi::check(&self.document, request, &answer);
        answer
    }

    pub(crate) async fn incarnation(&self, id: &str) -> u64 {
        let status = self.instance(id).status().await.unwrap();
        status.cursor.incarnation.0
    }

    /// Ends the worker while it is served.
    pub(crate) async fn shut_down(self) {
        self.steadfast.shut_down(Duration::ZERO).await;
    }

    /// Sends these bytes and no others.
    pub(crate) async fn raw(&self, request: &str) -> Answer {
        raw(self.address, request).await
    }

    /// Stops serving, and waits for what is under way.
    pub(crate) async fn stop(mut self) -> Steadfast {
        drop(self.stop.take());
        self.served.await.unwrap().unwrap();
        self.steadfast
    }
}

pub(crate) async fn worker() -> Steadfast {
    worker_and_clock().await.0
}

async fn worker_and_clock() -> (Steadfast, Arc<ManualClock>) {
    let now = "2026-02-28T23:59:59.999Z".parse().unwrap();
    let clock = Arc::new(ManualClock::new(now));
    let builder = Steadfast::builder().store(MemoryStore::new());
    let builder = builder.clock(SharedClock(Arc::clone(&clock)));
    (builder.start().await.unwrap(), clock)
}

#[derive(Debug)]
struct SharedClock(Arc<ManualClock>);

impl Clock for SharedClock {
    fn now(&self) -> Timestamp {
        self.0.now()
    }
}

/// Serves routes without connect info.
pub(crate) async fn serve_plainly(routes: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async { axum::serve(listener, routes).await });
    address
}

/// Sends these bytes and no others.
pub(crate) async fn raw(address: SocketAddr, request: &str) -> Answer {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    Answer::parse(std::str::from_utf8(&answer).unwrap())
}

/// Sends a request to a server of the API with default options, and holds the answer against what is said of those.
pub(crate) async fn send(
    address: SocketAddr,
    request: &str,
    headers: &[&str],
    body: &[u8],
) -> Answer {
    let answer = send_unchecked(address, request, headers, body).await;
    crate::openapi::check(crate::openapi::document().await, request, &answer);
    answer
}

/// Sends a request to a server of whatever it is.
pub(crate) async fn send_unchecked(
    address: SocketAddr,
    request: &str,
    headers: &[&str],
    body: &[u8],
) -> Answer {
    let mut head = format!(
        "{request} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {}\r\n",
        body.len()
    );
    for header in headers {
        head = head + header + "\r\n";
    }
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all((head + "\r\n").as_bytes()).await.unwrap();
    // A server may answer and close before it has read a body that is too large.
    let _ = stream.write_all(body).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    Answer::parse(std::str::from_utf8(&answer).unwrap())
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    fn parse(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").expect("a whole answer");
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap();
        let headers = lines.filter_map(|line| line.split_once(": "));
        Self {
            status: status.parse().unwrap(),
            headers: headers
                .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
                .collect(),
            body: body.to_owned(),
        }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let header = self.headers.iter().find(|(n, _)| n == name);
        header.map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// An answer that is this code and nothing else.
    #[track_caller]
    pub(crate) fn is_empty(&self, status: u16) {
        assert_eq!((self.status, self.body.as_str()), (status, ""));
        assert_eq!(self.header("content-type"), None);
    }

    /// An error with this code and `Message`, whose keys are all there; gives its `ExceptionMessage`.
    #[track_caller]
    pub(crate) fn is_error(&self, status: u16, message: &str) -> String {
        let error = self.json();
        assert_eq!(
            (self.status, error["Message"].as_str()),
            (status, Some(message))
        );
        self.is_json();
        let kind = error["ExceptionType"].as_str().unwrap();
        let text = error["ExceptionMessage"].as_str().unwrap();
        let keys = format!(
            r#"{{"Message":{},"ExceptionMessage":{},"ExceptionType":"{kind}","StackTrace":null}}"#,
            error["Message"], error["ExceptionMessage"]
        );
        assert_eq!(self.body, keys);
        text.to_owned()
    }

    /// A bare JSON string with this code; gives it.
    #[track_caller]
    pub(crate) fn is_text(&self, status: u16) -> String {
        assert_eq!(self.status, status, "{self:?}");
        self.is_json();
        serde_json::from_str(&self.body).unwrap()
    }

    #[track_caller]
    pub(crate) fn is_json(&self) {
        let expected = Some("application/json; charset=utf-8");
        assert_eq!(self.header("content-type"), expected, "{self:?}");
    }
}
