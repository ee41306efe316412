//! Whether the program is there, and whether it takes requests.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use steadfast::NotReady;
use steadfast::http::{Key, router};
use steadfast::prelude::*;
use steadfast::store::Store as _;
use steadfast::store::memory::MemoryStore;
use steadfast::store::sqlite::SqliteStore;

use super::support::{Server, WEBHOOK, send, serve_plainly};

const HEALTHY: &str = r#"{"status":"healthy","reasons":[]}"#;

async fn unavailable(routes: Router, reason: &str) {
    let address = serve_plainly(routes).await;
    let ask = |probe: &str| format!("GET {WEBHOOK}/health/{probe}");
    let live = send(address, &ask("live"), &[], b"").await;
    assert_eq!((live.status, live.body.as_str()), (200, HEALTHY));
    let ready = send(address, &ask("ready"), &[], b"").await;
    ready.is_json();
    let expected = format!(r#"{{"status":"unavailable","reasons":["{reason}"]}}"#);
    assert_eq!((ready.status, ready.body), (503, expected));
}

#[tokio::test]
async fn a_worker_that_runs_is_live_and_ready_for_everyone() {
    let key = Key::new("k", "0123456789abcdef").unwrap();
    let server = Server::with(|api| api.key(key)).await;
    assert_eq!(server.get("instances/a").await.status, 401);
    for probe in ["live", "ready", "LIVE", "ready/"] {
        let answer = server.get(&format!("health/{probe}")).await;
        answer.is_json();
        assert_eq!((answer.status, answer.body.as_str()), (200, HEALTHY));
    }
    for unknown in ["health", "health/x", "health/live/x"] {
        server.get(unknown).await.is_empty(404);
    }
}

#[tokio::test]
async fn a_worker_that_is_shut_down_is_not_ready() {
    let steadfast = Server::start().await.stop().await;
    let client = steadfast.client().clone();
    assert!(client.ready().await.is_ok());
    steadfast.shut_down(Duration::ZERO).await;
    unavailable(router(client), "the worker is shut down").await;
}

#[tokio::test]
async fn a_worker_that_another_one_has_followed_is_not_ready() {
    let store = Arc::new(MemoryStore::new());
    let steadfast = Steadfast::builder().store(Arc::clone(&store));
    let steadfast = steadfast.start().await.unwrap();
    store.acquire(None).await.unwrap();
    let client = steadfast.client().clone();
    // It learns of it at the next commit.
    let start = steadfast::StartByName::new("Nothing");
    assert!(client.start_by_name(start).await.is_err());
    assert!(matches!(client.ready().await, Err(NotReady::Fenced)));
    unavailable(router(client), "another worker has taken the store over").await;
}

#[tokio::test]
async fn a_worker_whose_store_does_not_answer_is_not_ready() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.db");
    let store = SqliteStore::open(&path).unwrap();
    let steadfast = Steadfast::builder().store(store).start().await.unwrap();
    let client = steadfast.client().clone();
    assert!(client.ready().await.is_ok());
    let other = rusqlite::Connection::open(&path).unwrap();
    other
        .execute_batch("ALTER TABLE instances RENAME TO hidden")
        .unwrap();
    // Until it commits something itself, the worker relies on what it has read.
    let start = steadfast::StartByName::new("Nothing");
    assert!(client.start_by_name(start).await.is_err());
    assert!(matches!(client.ready().await, Err(NotReady::Store(_))));
    unavailable(router(client), "the store does not answer").await;
}
