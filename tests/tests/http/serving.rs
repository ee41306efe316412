//! Clients that take their time, and what is under way when serving ends.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::FutureExt as _;
use steadfast::http::Api;
use steadfast::limits::DEFAULT_MAX_PAYLOAD_BYTES;
use steadfast::prelude::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use crate::stream::{Events, Shows as _};
use crate::support::{Server, WEBHOOK, send, worker};

/// A time that no test takes.
const NEVER: Duration = Duration::from_secs(3600);
const AT_ONCE: Duration = Duration::from_millis(20);

async fn connect(address: SocketAddr, text: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    stream
}

/// All that is answered until the server closes the connection.
async fn until_closed(mut stream: TcpStream) -> String {
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer).await {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
    }
    String::from_utf8(answer).unwrap()
}

/// The head of the next answer on a connection that stays open.
async fn head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

/// The head of a start whose body has as many bytes as it says.
fn start(id: &str, length: usize) -> String {
    format!(
        "POST {WEBHOOK}/orchestrators/Echo/{id} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n"
    )
}

#[tokio::test]
async fn a_client_that_does_not_finish_its_head_is_cut_off() {
    let server = Server::with(|api| api.read_timeout(AT_ONCE)).await;
    for text in ["", "GET", "GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: "] {
        let stream = connect(server.address, text).await;
        assert_eq!(until_closed(stream).await, "", "{text:?}");
    }
}

#[tokio::test]
async fn a_limit_may_be_none() {
    let options = |api: Api| {
        api.read_timeout(Duration::MAX)
            .write_timeout(Duration::MAX)
            .drain_timeout(Duration::MAX)
            .max_connections(usize::MAX)
    };
    let server = Server::with(options).await;
    let answer = server.post("orchestrators/Echo/a", "1").await;
    assert_eq!(answer.status, 202);
    server.stop().await;
}

#[tokio::test]
async fn a_connection_without_another_request_is_closed() {
    let server = Server::with(|api| api.read_timeout(AT_ONCE)).await;
    let request = format!("GET {WEBHOOK}/instances/a HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let answer = until_closed(connect(server.address, &request).await).await;
    assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
}

#[tokio::test]
async fn a_client_that_takes_nothing_of_a_stream_is_cut_off() {
    let server = Server::with(|api| api.write_timeout(AT_ONCE)).await;
    server.post("orchestrators/Churn/a", "[1000,5000]").await;
    let mut events = Events::open(&server, "instances/a/watch", &[]).await;
    let instance = server.instance("a");
    instance.raise_event_named("go", &()).await.unwrap();
    server.has_streams(0).await;
    server.ended("a").await;
    let mut rest = Vec::new();
    // It is reset when the last of it was lost with the connection.
    let _ = events.connection.read_to_end(&mut rest).await;
    let rest = String::from_utf8_lossy(&rest);
    assert!(rest.contains("\"Running\"") && !rest.contains("\"Completed\""));
}

#[tokio::test]
async fn a_client_that_takes_nothing_of_an_answer_is_cut_off() {
    let options = |api: Api| {
        api.write_timeout(AT_ONCE)
            .read_timeout(NEVER)
            .max_connections(1)
    };
    let server = Server::with(options).await;
    let input = format!("\"{}\"", "x".repeat(DEFAULT_MAX_PAYLOAD_BYTES - 2));
    for id in 0..16 {
        let start = format!("orchestrators/Nothing/{id}");
        assert_eq!(server.post(&start, &input).await.status, 202);
    }
    let request = format!("GET {WEBHOOK}/instances HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let never_reads = connect(server.address, &request).await;
    // There is no room for another one until it is closed.
    assert_eq!(server.get("instances/0").await.status, 200);
    assert!(until_closed(never_reads).await.len() < 16 * DEFAULT_MAX_PAYLOAD_BYTES);
}

#[tokio::test]
async fn connections_beyond_the_greatest_number_wait_for_their_turn() {
    let options = |api: Api| api.read_timeout(NEVER).max_connections(1);
    let server = Server::with(options).await;
    let request = format!("GET {WEBHOOK}/instances/a HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let mut first = connect(server.address, &request).await;
    assert!(head(&mut first).await.starts_with("HTTP/1.1 404 "));
    let mut second = connect(server.address, &request).await;
    first.write_all(request.as_bytes()).await.unwrap();
    assert!(head(&mut first).await.starts_with("HTTP/1.1 404 "));
    let nothing = second.try_read(&mut [0]).map_err(|error| error.kind());
    assert_eq!(nothing, Err(ErrorKind::WouldBlock));
    drop(first);
    assert!(head(&mut second).await.starts_with("HTTP/1.1 404 "));
}

#[tokio::test]
async fn a_stream_outlives_the_limit_on_requests_and_ends_when_serving_does() {
    let server = Server::with(|api| api.read_timeout(AT_ONCE).drain_timeout(NEVER)).await;
    server.post("orchestrators/Churn/a", "[1,0]").await;
    server.instance("a").status_is(RuntimeStatus::Running).await;
    let mut events = Events::open(&server, "instances/a/watch", &[]).await;
    assert!(events.next().await.is_some());
    // Two connections that came later have had their time.
    for _ in 0..2 {
        assert_eq!(until_closed(connect(server.address, "").await).await, "");
    }
    let instance = server.instance("a");
    instance.raise_event_named("go", &()).await.unwrap();
    assert!(events.next().await.is_some());
    server.post("orchestrators/Booking/b", "").await;
    server.shows("b", "\"waiting\"").await;
    let mut waiting = Events::open(&server, "instances/b/watch", &[]).await;
    assert!(waiting.next().await.is_some());
    server.stop().await;
    assert_eq!(waiting.rest().await, []);
}

#[tokio::test]
async fn a_body_that_does_not_arrive_is_answered() {
    let server = Server::with(|api| api.read_timeout(AT_ONCE)).await;
    let stream = connect(server.address, &(start("a", 3) + "1")).await;
    let answer = until_closed(stream).await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let error: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(error["ExceptionType"], "BodyTimeout");
    assert!(server.instance("a").status().await.is_err());
}

#[tokio::test]
async fn connections_without_a_request_do_not_keep_a_server_up() {
    let server = Server::with(|api| api.drain_timeout(NEVER)).await;
    let silent = connect(server.address, "").await;
    let request = format!("GET {WEBHOOK}/instances/a HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let mut idle = connect(server.address, &request).await;
    assert!(head(&mut idle).await.starts_with("HTTP/1.1 404 "));
    server.stop().await;
    assert_eq!(until_closed(silent).await, "");
    assert_eq!(until_closed(idle).await, "");
}

#[tokio::test]
async fn a_request_under_way_is_finished_before_serving_ends() {
    let server = Server::with(|api| api.drain_timeout(NEVER)).await;
    let address = server.address;
    let expecting = start("a", 3).replace("\r\n\r\n", "\r\nExpect: 100-continue\r\n\r\n");
    let mut stream = connect(address, &expecting).await;
    // The server asks for the body: the request is under way.
    assert!(head(&mut stream).await.starts_with("HTTP/1.1 100 "));
    let stopped = tokio::spawn(server.stop());
    // It accepts no more: so it has been told.
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert!(!stopped.is_finished());
    stream.write_all(b"123").await.unwrap();
    let answer = until_closed(stream).await;
    assert!(answer.starts_with("HTTP/1.1 202 "), "{answer}");
    let steadfast = stopped.await.unwrap();
    let instance = steadfast.client().instance("a").unwrap();
    assert!(instance.wait_for_completion().await.unwrap().is_terminal());
}

#[tokio::test]
async fn who_waits_for_an_end_is_told_where_to_ask_when_serving_ends() {
    let server = Server::with(|api| api.drain_timeout(NEVER)).await;
    let request = format!(
        "POST {WEBHOOK}/orchestrators/Booking/a?timeout=3600&pollingInterval=1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"
    );
    let stream = connect(server.address, &request).await;
    while server.instance("a").status().await.is_err() {
        tokio::task::yield_now().await;
    }
    server.stop().await;
    let answer = until_closed(stream).await;
    assert!(answer.starts_with("HTTP/1.1 202 "), "{answer}");
    assert!(answer.contains("statusQueryGetUri"), "{answer}");
}

#[tokio::test]
async fn a_request_that_never_ends_is_cut_off_when_serving_ends() {
    let options = |api: Api| api.drain_timeout(AT_ONCE).read_timeout(NEVER);
    let server = Server::with(options).await;
    let expecting = start("a", 3).replace("\r\n\r\n", "\r\nExpect: 100-continue\r\n\r\n");
    let mut stream = connect(server.address, &expecting).await;
    assert!(head(&mut stream).await.starts_with("HTTP/1.1 100 "));
    server.stop().await;
    assert_eq!(until_closed(stream).await, "");
}

/// Opens a stream, and reads what it begins with.
async fn watched(address: SocketAddr, id: &str) -> Events {
    let target = format!("{WEBHOOK}/instances/{id}/watch");
    let mut events = Events::connect(address, &target, &[]).await;
    assert!(events.next().await.is_some());
    events
}

#[tokio::test]
async fn streams_and_waits_end_with_a_server_of_the_programs_own() {
    let steadfast = worker().await;
    let (stop, stopped) = oneshot::channel::<()>();
    let stopped = async { drop(stopped.await) }.shared();
    let api = Api::new(steadfast.client().clone()).ends_with(stopped.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = axum::serve(listener, api.router()).with_graceful_shutdown(stopped);
    let served = tokio::spawn(server.into_future());

    let target = format!("POST {WEBHOOK}/orchestrators/Booking");
    let waiting = format!(
        "{target}/b?timeout=3600&pollingInterval=1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"
    );
    let answer = send(address, &format!("{target}/a"), &[], b"").await;
    assert_eq!(answer.status, 202);
    let mut events = watched(address, "a").await;
    let waiting = connect(address, &waiting).await;
    let instance = steadfast.client().instance("b").unwrap();
    while instance.status().await.is_err() {
        tokio::task::yield_now().await;
    }
    drop(stop);
    served.await.unwrap().unwrap();
    events.rest().await;
    let answer = until_closed(waiting).await;
    assert!(answer.starts_with("HTTP/1.1 202 "), "{answer}");
}

#[tokio::test]
async fn one_server_of_an_api_ends_and_the_other_goes_on() {
    let steadfast = worker().await;
    let api = Api::new(steadfast.client().clone());
    let mut servers = Vec::new();
    for api in [api.clone(), api] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let served = tokio::spawn(api.serve(listener, async { drop(stopped.await) }));
        servers.push((address, stop, served));
    }
    let (other, stop_other, other_served) = servers.pop().unwrap();
    let (first, stop_first, first_served) = servers.pop().unwrap();
    let start = format!("POST {WEBHOOK}/orchestrators/Booking/a");
    assert_eq!(send(first, &start, &[], b"").await.status, 202);
    let mut ending = watched(first, "a").await;
    drop(stop_first);
    first_served.await.unwrap().unwrap();
    ending.rest().await;

    let mut lasting = watched(other, "a").await;
    let instance = steadfast.client().instance("a").unwrap();
    instance.terminate(None).await.unwrap();
    let last = lasting.rest().await.pop().unwrap();
    assert_eq!(last.runtime_status(), "Terminated");
    drop(stop_other);
    other_served.await.unwrap().unwrap();
}
