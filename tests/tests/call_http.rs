//! HTTP requests of orchestrators, over real sockets.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on shall panic")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use steadfast::clock::Clock;
use steadfast::model::history::HistoryEventKind;
use steadfast::prelude::*;
use steadfast::store::memory::MemoryStore;
use steadfast::testing::ManualClock;
use steadfast::{
    CallHttpError, HttpRequest, HttpResponse, InstanceHandle, OrchestrationHandle, OutputError,
    RetryPolicy, Timestamp, definitions,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// A server that gives these answers, one to each connection in the order in which they come, and keeps what was asked.
struct Server {
    uri: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    async fn start(answers: impl IntoIterator<Item = Vec<u8>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let uri = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let (seen, answers) = (Arc::clone(&asked), Vec::from_iter(answers));
        tokio::spawn(async move {
            for answer in answers {
                let mut connection = listener.accept().await.unwrap().0;
                let asked = request(&mut connection).await;
                seen.lock().unwrap().push(asked);
                // A client that has read enough hangs up.
                connection.write_all(&answer).await.ok();
            }
        });
        Self { uri, asked }
    }

    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.uri)
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    /// The first lines of what was asked.
    fn lines(&self) -> Vec<String> {
        let first = |text: &String| text.lines().next().unwrap().replace(" HTTP/1.1", "");
        self.asked().iter().map(first).collect()
    }
}

/// Reads one request with its body.
async fn request(connection: &mut TcpStream) -> String {
    let mut text = String::new();
    loop {
        let mut bytes = [0; 4096];
        let read = connection.read(&mut bytes).await.unwrap();
        assert!(read > 0, "the request ends early: {text}");
        text.push_str(std::str::from_utf8(&bytes[..read]).unwrap());
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
            return text;
        }
    }
}

fn answer(status: &str, headers: &[&str], body: &[u8]) -> Vec<u8> {
    let mut head = format!(
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n",
        body.len()
    );
    for header in headers {
        head += &format!("{header}\r\n");
    }
    [head.as_bytes(), b"\r\n", body].concat()
}

async fn start() -> Steadfast {
    // A list need not name what `ctx.call_http(..)` needs.
    let listed = definitions![create_order, fetch, fetch_with_patience, fetch_in_time];
    Steadfast::builder()
        .store(MemoryStore::new())
        .definitions(listed)
        .start()
        .await
        .unwrap()
}

/// Fetches, and gives the answer.
#[orchestrator]
async fn fetch(ctx: OrchestrationContext, uri: String) -> Result<HttpResponse, CallHttpError> {
    Ok(ctx.call_http(HttpRequest::get(uri)).await?)
}

/// Fetches as often as three times, without waiting for outcomes.
#[orchestrator]
async fn fetch_with_patience(
    ctx: OrchestrationContext,
    uri: String,
) -> Result<HttpResponse, CallHttpError> {
    let request = HttpRequest::get(uri)
        .retry(RetryPolicy::new(3, Duration::from_millis(1)))
        .no_polling();
    Ok(ctx.call_http(request).await?)
}

async fn fetched(steadfast: &Steadfast, uri: String) -> HttpResponse {
    let fetch = steadfast.client().start(fetch(uri)).await.unwrap();
    fetch.output().await.unwrap()
}

async fn error_of<D>(orchestration: &OrchestrationHandle<D>) -> CallHttpError
where
    D: steadfast::OrchestratorDefinition<Error = CallHttpError>,
    D::Output: serde::de::DeserializeOwned + std::fmt::Debug,
{
    match orchestration.output().await.unwrap_err() {
        OutputError::Returned { error, .. } => error,
        other => panic!("{other}"),
    }
}

async fn failure(steadfast: &Steadfast, uri: String) -> CallHttpError {
    error_of(&steadfast.client().start(fetch(uri)).await.unwrap()).await
}

/// How many requests history has.
async fn scheduled(instance: &InstanceHandle) -> usize {
    let history = instance.history().await.unwrap();
    let is_task = |kind: &HistoryEventKind| matches!(kind, HistoryEventKind::TaskScheduled(_));
    history.iter().filter(|event| is_task(&event.kind)).count()
}

#[derive(Serialize, Deserialize)]
struct Order {
    item: String,
    count: u32,
}

#[orchestrator]
async fn create_order(ctx: OrchestrationContext, uri: String) -> Result<Order, String> {
    let order = Order {
        item: "tea".into(),
        count: 1,
    };
    let request = HttpRequest::post(uri)
        .header("X-Tenant", "7")
        .header("Accept", "application/json")
        .json(&order);
    let answer = ctx.call_http(request).await?;
    assert!(answer.is_success() && answer.header("X-Id") == Some("a"));
    Ok(answer.json()?)
}

#[tokio::test]
async fn an_orchestrator_sends_and_gets_json_and_headers() {
    let server = Server::start([answer(
        "201 Created",
        &["X-Id: a", "X-Id: b"],
        br#"{"item":"tea","count":2}"#,
    )])
    .await;
    let steadfast = start().await;
    let orders = server.at("/orders?day=1");
    let created = steadfast.client().start(create_order(orders)).await;
    let created = created.unwrap();
    assert_eq!(created.output().await.unwrap().count, 2);
    let [asked] = &server.asked()[..] else {
        panic!("{:?}", server.asked());
    };
    assert!(
        asked.starts_with("POST /orders?day=1 HTTP/1.1\r\n"),
        "{asked}"
    );
    for header in [
        "x-tenant: 7",
        "accept: application/json",
        "content-type: application/json",
        concat!("user-agent: steadfast/", env!("CARGO_PKG_VERSION")),
    ] {
        assert!(asked.contains(&format!("\r\n{header}\r\n")), "{asked}");
    }
    assert!(asked.ends_with(r#"{"item":"tea","count":1}"#), "{asked}");

    let history = created.history().await.unwrap();
    let (input, result) = (
        history.iter().find_map(|event| match &event.kind {
            HistoryEventKind::TaskScheduled(task) => {
                assert_eq!(task.name, "steadfast.http");
                task.input.clone()
            }
            _ => None,
        }),
        history.iter().find_map(|event| match &event.kind {
            HistoryEventKind::TaskCompleted(task) => task.result.clone(),
            _ => None,
        }),
    );
    assert!(input.unwrap().contains(r#""x-tenant":["7"]"#));
    assert!(result.unwrap().contains(r#""x-id":["a","b"]"#));
}

#[tokio::test]
async fn an_answer_is_a_result_whatever_its_status() {
    let server = Server::start([
        answer("404 Not Found", &[], b"no such page"),
        answer("503 Service Unavailable", &["Retry-After: 0"], b""),
        // A 202 without a place to ask at.
        answer("202 Accepted", &[], b""),
        answer("302 Found", &["Location: /moved"], b""),
        answer("200 OK", &[], "größer".as_bytes()),
    ])
    .await;
    let steadfast = start().await;
    let missing = fetched(&steadfast, server.at("/")).await;
    assert_eq!(
        (missing.status, &*missing.body, missing.is_success()),
        (404, "no such page", false)
    );
    assert_eq!(fetched(&steadfast, server.at("/")).await.status, 503);
    assert_eq!(fetched(&steadfast, server.at("/")).await.status, 202);
    let moved = fetched(&steadfast, server.at("/")).await;
    assert_eq!((moved.uri, &*moved.body), (server.at("/moved"), "größer"));
}

#[tokio::test]
async fn a_202_is_asked_for_its_outcome() {
    let relative = ["Location: ../jobs/7", "Retry-After: 0"];
    let server = Server::start([
        answer("202 Accepted", &relative, b""),
        // The place stays when an answer does not name it, and changes when one does.
        answer("202 Accepted", &["Retry-After: 0"], b""),
        answer("202 Accepted", &["Location: 8", "Retry-After: 0"], b""),
        answer("500 Internal Server Error", &[], b"broken"),
        answer("202 Accepted", &relative, b""),
    ])
    .await;
    let steadfast = start().await;
    let outcome = fetched(&steadfast, server.at("/a/b")).await;
    assert_eq!((outcome.status, &*outcome.body), (500, "broken"));
    let expected = ["GET /a/b", "GET /jobs/7", "GET /jobs/7", "GET /jobs/8"];
    assert_eq!(server.lines(), expected);

    let call = fetch_with_patience(server.at("/a/b"));
    let accepted = steadfast.client().start(call).await.unwrap();
    assert_eq!(accepted.output().await.unwrap().status, 202);
}

/// A clock that the test moves while the worker has it.
#[derive(Clone, Debug)]
struct SharedClock(Arc<ManualClock>);

impl Clock for SharedClock {
    fn now(&self) -> Timestamp {
        self.0.now()
    }
}

#[orchestrator]
async fn print(ctx: OrchestrationContext, uri: String) -> Result<String, String> {
    let request = HttpRequest::post(uri)
        .header("Authorization", "secret")
        .body("page");
    Ok(ctx.call_http(request).await?.body)
}

#[tokio::test]
async fn a_restart_between_polls_sends_nothing_again() {
    let server = Server::start([
        answer("202 Accepted", &["Location: /job", "Retry-After: 1"], b""),
        answer("202 Accepted", &[], b""),
        answer("200 OK", &[], b"printed"),
    ])
    .await;
    let second = |second: i64| Timestamp::from_second(1_700_000_000 + second).unwrap();
    let clock = SharedClock(Arc::new(ManualClock::new(second(0))));
    let store = MemoryStore::new();
    let start = || {
        let builder = Steadfast::builder().store(store.clone());
        builder.clock(clock.clone()).start()
    };
    // After one second, and after the thirty of a server that does not say.
    for (timers, due) in [(1, 1), (2, 31)] {
        let steadfast = start().await.unwrap();
        let client = steadfast.client();
        if timers == 1 {
            let call = print(server.at("/print")).id("a");
            client.start(call).await.unwrap();
        }
        let instance = client.instance("a").unwrap();
        let created = loop {
            let history = instance.history().await.unwrap();
            let created = history.iter().filter_map(|event| match &event.kind {
                HistoryEventKind::TimerCreated(timer) => Some(timer.fire_at),
                _ => None,
            });
            let created: Vec<_> = created.collect();
            if created.len() == timers {
                break created;
            }
            tokio::task::yield_now().await;
        };
        assert_eq!(created.last(), Some(&second(due)));
        assert_eq!(server.lines().len(), timers);
        steadfast.shut_down(Duration::from_secs(60)).await;
        clock.0.set(second(due));
    }
    let steadfast = start().await.unwrap();
    let printed = steadfast.client().orchestration::<print>("a").unwrap();
    assert_eq!(printed.output().await.unwrap(), "printed");
    assert_eq!(server.lines(), ["POST /print", "GET /job", "GET /job"]);
    let poll = &server.asked()[1];
    assert!(poll.contains("authorization: secret"), "{poll}");
}

/// An address where nobody listens.
async fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}/?key=secret", listener.local_addr().unwrap())
}

#[tokio::test]
async fn a_refused_connection_is_tried_again_and_then_fails_as_data() {
    let steadfast = start().await;
    let call = fetch_with_patience(nobody().await);
    let refused = steadfast.client().start(call).await.unwrap();
    let error = error_of(&refused).await;
    assert!(matches!(error, CallHttpError::Connect { .. }), "{error}");
    assert!(!error.to_string().contains("secret"), "{error}");
    assert_eq!(scheduled(&refused).await, 3);

    let once = steadfast.client().start(fetch(nobody().await)).await;
    let once = once.unwrap();
    error_of(&once).await;
    assert_eq!(scheduled(&once).await, 1);
}

#[tokio::test]
async fn a_request_that_breaks_the_rules_is_not_scheduled() {
    let steadfast = start().await;
    let call = fetch_with_patience("example.com".into());
    let wrong = steadfast.client().start(call).await.unwrap();
    assert_eq!(
        error_of(&wrong).await.to_string(),
        "the request cannot be sent: the URI `example.com`: relative URL without a base"
    );
    assert_eq!(scheduled(&wrong).await, 0);
}

#[tokio::test]
async fn an_answer_that_history_cannot_keep_is_an_error_and_final() {
    let large = "x".repeat(1024 * 1024 + 1);
    let untold = format!("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{large}");
    let server = Server::start([
        answer("200 OK", &[], large.as_bytes()),
        untold.into_bytes(),
        answer("200 OK", &[], b"gr\xf6\xdfer"),
        answer("202 Accepted", &["Location: mailto:me"], b""),
        answer("200 OK", &[], b"\xff"),
    ])
    .await;
    let steadfast = start().await;
    let name = format!("the answer to GET {}", server.at("/"));
    let told = failure(&steadfast, server.at("/")).await;
    assert_eq!(
        told.to_string(),
        format!("the body of {name} has 1048577 bytes or more; at most 1048576 are allowed")
    );
    let untold = failure(&steadfast, server.at("/")).await;
    assert_eq!(untold, told);
    let latin = failure(&steadfast, server.at("/")).await;
    assert_eq!(
        latin.to_string(),
        format!("the body of {name} is not UTF-8: byte 2 of 6 is the first that does not fit")
    );
    let elsewhere = failure(&steadfast, server.at("/")).await;
    assert!(
        matches!(elsewhere, CallHttpError::Location(_)),
        "{elsewhere}"
    );
    let call = fetch_with_patience(server.at("/"));
    let refused = steadfast.client().start(call).await.unwrap();
    error_of(&refused).await;
    assert_eq!(scheduled(&refused).await, 1);
}

#[orchestrator]
async fn fetch_in_time(
    ctx: OrchestrationContext,
    uri: String,
    limit_ms: Option<u64>,
) -> Result<Option<HttpResponse>, CallHttpError> {
    let Some(limit_ms) = limit_ms else {
        // The server is there when this ends.
        let answer = ctx.call_http(HttpRequest::get(uri));
        let goes_on = ctx.wait_for_external_event_named::<bool>("GiveUp");
        return match ctx.race((answer, goes_on)).await {
            steadfast::OneOf2::First(answer) => Ok(Some(answer?)),
            steadfast::OneOf2::Second(_) => Ok(None),
        };
    };
    let request = HttpRequest::get(uri).timeout(Duration::from_millis(limit_ms));
    Ok(Some(ctx.call_http(request).await?))
}

#[tokio::test]
async fn a_request_ends_when_its_time_is_up_or_nobody_waits() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("http://{}/slow", listener.local_addr().unwrap());
    let (asked, hung_up) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (tell_asked, tell_hung_up) = (Arc::clone(&asked), Arc::clone(&hung_up));
    tokio::spawn(async move {
        loop {
            let mut connection = listener.accept().await.unwrap().0;
            request(&mut connection).await;
            tell_asked.notify_one();
            assert_eq!(connection.read(&mut [0]).await.unwrap(), 0);
            tell_hung_up.notify_one();
        }
    });
    let steadfast = start().await;
    let client = steadfast.client();
    let call = fetch_in_time(uri.clone(), None);
    let withdrawn = client.start(call).await.unwrap();
    asked.notified().await;
    withdrawn.raise_event_named("GiveUp", &true).await.unwrap();
    assert_eq!(withdrawn.output().await.unwrap(), None);
    hung_up.notified().await;

    let call = fetch_in_time(uri.clone(), Some(200));
    let late = client.start(call).await.unwrap();
    let expected = CallHttpError::Timeout {
        request: format!("GET {uri}"),
        limit_ms: 200,
    };
    assert_eq!(error_of(&late).await, expected);
}
