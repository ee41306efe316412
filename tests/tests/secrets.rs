//! That no key, no signature, nothing they are made of and no payload is in the log, however much of it is asked for; but what failed is.
//!
//! A test of its own process: what is logged on every thread, of whichever crate, is collected.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::http::StatusCode;
use steadfast::http::{Api, Grant, Key, SignedUrls};
use steadfast::prelude::*;
use steadfast::store::codec::{CodecStore, Encryption, EncryptionKey};
use steadfast::store::memory::MemoryStore;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;

const WEBHOOK: &str = "/runtime/webhooks/durabletask";
const KEY: &str = "full-key-0123456789";
const READER: &str = "reader-key-0123456789";
const GUESS: &str = "guess-key-0123456789";
const SECRET: &str = "signing-secret-0123456789-0123456789";
const TOKEN: &str = "bearer-token-0123456789";
const STORE_KEY: &str = "c3RvcmUta2V5LXN0b3JlLWtleS1zdG9yZS1rZXktMDE=";
const PAYLOAD: &str = "payload-0123456789";
const FAILURE: &str = "failure-0123456789";

#[orchestrator(name = "Secretive")]
async fn secretive(ctx: OrchestrationContext) {
    let event: Result<bool, _> = ctx.wait_for_external_event_named("Go").await;
    assert!(event.is_ok());
}

#[orchestrator(name = "Failing")]
async fn failing(_ctx: OrchestrationContext) -> Result<(), String> {
    Err(FAILURE.to_owned())
}

/// Everything that is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

async fn send(address: SocketAddr, request: &str, headers: &[&str], body: &str) -> String {
    let length = body.len();
    let mut head = format!(
        "{request} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {length}\r\n"
    );
    for header in headers {
        head = head + header + "\r\n";
    }
    let mut stream = TcpStream::connect(address).await.unwrap();
    let sent = stream.write_all((head + "\r\n" + body).as_bytes()).await;
    sent.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_in_the_log() {
    let log = Log::default();
    tracing_subscriber::fmt()
        .with_max_level(LevelFilter::TRACE)
        .with_span_events(tracing_subscriber::fmt::format::FmtSpan::FULL)
        .with_ansi(false)
        .with_writer(log.clone())
        .init();

    let store_key = EncryptionKey::from_base64("store", STORE_KEY).unwrap();
    let store = CodecStore::new(MemoryStore::new(), Encryption::new(store_key.clone()));
    let steadfast = Steadfast::builder().store(store);
    let steadfast = steadfast.start().await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let keyed = |client: Client| {
        Api::new(client)
            .public_origin("http://public.example")
            .key(Key::new("full", KEY).unwrap())
            .key(Key::new("reader", READER).unwrap().read_only())
            .authorize(|_| async { Err::<(), _>(StatusCode::UNAUTHORIZED) })
    };
    let api = keyed(steadfast.client().clone());
    let signed = api.clone().signed_urls(SignedUrls::new(SECRET).unwrap());
    // What a program may log by itself.
    tracing::info!(?api, ?signed, ?store_key, client = ?steadfast.client(), "probe: it is collected");

    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(
        signed
            .clone()
            .serve(listener, async { drop(stopped.await) }),
    );
    let keyed_listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let keyed_address = keyed_listener.local_addr().unwrap();
    let (stop_keyed, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving_keyed = tokio::spawn(api.serve(keyed_listener, async { drop(stopped.await) }));

    let full = format!("x-functions-key: {KEY}");
    let token = format!("Authorization: Bearer {TOKEN}");
    let start =
        |id: &str, code: &str| format!("POST {WEBHOOK}/orchestrators/Secretive/{id}?code={code}");
    let json = "Content-Type: application/json";
    let payload = format!("\"{PAYLOAD}\"");
    for (request, headers, body, status) in [
        (start("a", KEY), vec![json], payload.as_str(), 202),
        (start("a", KEY), vec![json], "", 409),
        (start("b", READER), vec![json], "", 401),
        (start("b", GUESS), vec![json, &token], "", 401),
        (start("b", KEY), vec![json], "{", 400),
        (
            format!("POST {WEBHOOK}/orchestrators/Nobody?code={KEY}"),
            vec![],
            "",
            400,
        ),
        (
            format!("GET {WEBHOOK}/instances/a?code={READER}"),
            vec![],
            "",
            202,
        ),
        (
            format!("GET {WEBHOOK}/instances/a?code={READER}&taskHub=other"),
            vec![],
            "",
            404,
        ),
        (
            format!("GET {WEBHOOK}/instances"),
            vec![full.as_str(), &token],
            "",
            200,
        ),
        (
            format!("GET {WEBHOOK}/metrics?code={READER}"),
            vec![],
            "",
            200,
        ),
        (format!("GET {WEBHOOK}/nothing?code={KEY}"), vec![], "", 404),
        (
            format!("GET {WEBHOOK}/instances/a?code={KEY}&signature={GUESS}&expires=1"),
            vec![],
            "",
            202,
        ),
    ] {
        for address in [address, keyed_address] {
            let answer = send(address, &request, &headers, body).await;
            // The second server finds what the first one has started.
            let expected =
                if address == keyed_address && status == 202 && request.starts_with("POST") {
                    409
                } else {
                    status
                };
            let line = format!("HTTP/1.1 {expected} ");
            assert!(answer.starts_with(&line), "{request}: {answer}");
            let shown = request.contains("/instances");
            assert!(shown || !answer.contains(PAYLOAD), "{request}: {answer}");
        }
    }

    let id = steadfast::InstanceId::parse("a").unwrap();
    let go = signed.signed_url(&id, &Grant::raise_event("Go")).unwrap();
    let target = go.strip_prefix("http://public.example").unwrap();
    let signature = go.split_once("&signature=").unwrap().1.to_owned();
    for (target, status) in [
        (target.to_owned(), 202),
        (target.replace("/Go?", "/Stop?"), 401),
        (target.to_owned() + "x", 401),
    ] {
        let answer = send(address, &format!("POST {target}"), &[json], "true").await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{answer}"
        );
    }
    let instance = steadfast.client().instance("a").unwrap();
    instance.wait_for_completion().await.unwrap();
    let failed = steadfast.client().start(failing().id("failed")).await;
    assert!(failed.unwrap().output().await.is_err());
    drop((stop, stop_keyed));
    serving.await.unwrap().unwrap();
    serving_keyed.await.unwrap().unwrap();

    let log = log.text();
    for collected in [
        "probe: it is collected",
        "SignedUrls",
        "Secretive",
        "status=409",
        "EncryptionKey { id: \"store\", .. }",
        FAILURE,
    ] {
        assert!(log.contains(collected), "{collected}: {log}");
    }
    let store_secret = "store-key-store-key-store-key-01";
    for secret in [
        KEY,
        READER,
        GUESS,
        SECRET,
        TOKEN,
        &signature,
        STORE_KEY,
        store_secret,
        PAYLOAD,
    ] {
        assert!(!log.contains(secret), "{secret} is in the log: {log}");
        // As bytes, in the way of `Debug`.
        let bytes = format!("{:?}", secret.as_bytes());
        let bytes = bytes.trim_matches(['[', ']']);
        assert!(!log.contains(bytes), "{secret} is in the log: {log}");
    }
}
