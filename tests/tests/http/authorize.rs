//! The program's own authentication.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Router};
use steadfast::http::{AccessRequest, Api, Key, SignedUrls};

use crate::support::{Server, WEBHOOK, send_unchecked, serve_plainly, worker};

const KEY: &str = "a-key-of-sixteen-characters";

/// Who says so may read and start `ours`; nobody else anything.
async fn authorize(request: AccessRequest) -> Result<(), Box<Response>> {
    let user = request.headers.get("x-user");
    match user.and_then(|user| user.to_str().ok()) {
        Some("operator") => Ok(()),
        Some("reader") if request.operation.is_read() => Ok(()),
        Some(_) if request.instance_id.as_deref() == Some("ours") => Ok(()),
        Some(_) => Err(Box::new(StatusCode::FORBIDDEN.into_response())),
        None => {
            let answer = (
                StatusCode::UNAUTHORIZED,
                [("www-authenticate", "Own")],
                "{}",
            );
            Err(Box::new(answer.into_response()))
        }
    }
}

fn own(api: Api) -> Api {
    api.authorize(|request| async {
        let verdict = authorize(request).await;
        verdict.map_err(|answer| *answer)
    })
}

#[tokio::test]
async fn the_program_decides_by_what_it_sees_of_a_request() {
    let server = Server::with(own).await;
    let start = |id: &str| format!("POST {WEBHOOK}/orchestrators/Booking/{id}");
    let status = format!("GET {WEBHOOK}/instances/ours");
    let reader = ["X-User: reader"];
    assert_eq!(server.send(&start("ours"), &reader, b"").await.status, 202);
    assert_eq!(server.send(&status, &reader, b"").await.status, 202);
    let terminate = format!("POST {WEBHOOK}/instances/ours/terminate");
    assert_eq!(server.send(&terminate, &reader, b"").await.status, 202);
    server.send(&start("x"), &reader, b"").await.is_empty(403);
    let operator = ["X-User: operator"];
    let answer = server.send(&start("x"), &operator, b"").await;
    assert_eq!(answer.status, 202);

    let answer = server.send(&status, &[], b"").await;
    assert_eq!((answer.status, answer.body.as_str()), (401, "{}"));
    assert_eq!(answer.header("www-authenticate"), Some("Own"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

#[tokio::test]
async fn it_is_told_what_is_asked_for_and_by_whom() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let steadfast = worker().await;
    let record = Arc::clone(&seen);
    let api = Api::new(steadfast.client().clone()).authorize(move |request| {
        let user = request.extensions.get::<&str>().copied();
        let shown = format!("{request:?}");
        let AccessRequest {
            method,
            operation,
            instance_id,
            orchestrator,
            event,
            ..
        } = request;
        assert!(!shown.contains("hidden"), "{shown}");
        let asked = format!("{method} {operation:?} {instance_id:?} {orchestrator:?}");
        let line = format!("{asked} {event:?} {user:?}");
        record.lock().unwrap().push(line);
        async { Err::<(), _>(StatusCode::IM_A_TEAPOT) }
    });
    let own = Router::new().merge(api.router()).layer(Extension("a user"));
    let address = serve_plainly(own).await;
    for request in [
        "POST /orchestrators/Echo",
        "POST /orchestrators/eCHO/a",
        "POST /orchestrators/nobody/a",
        "GET /instances/a",
        "GET /instances",
        "DELETE /instances/a",
        "DELETE /instances",
        "POST /instances/a/raiseEvent/Go",
        "GET /nothing",
    ] {
        let request = request.replacen('/', &format!("{WEBHOOK}/"), 1);
        send_unchecked(address, &request, &["Authorization: hidden"], b"").await;
    }
    let user = r#"Some("a user")"#;
    let expected = [
        format!(r#"POST Start None Some("Echo") None {user}"#),
        format!(r#"POST Start Some("a") Some("Echo") None {user}"#),
        format!(r#"POST Start Some("a") Some("nobody") None {user}"#),
        format!(r#"GET Read Some("a") None None {user}"#),
        format!("GET List None None None {user}"),
        format!(r#"DELETE Purge Some("a") None None {user}"#),
        format!("DELETE Purge None None None {user}"),
        format!(r#"POST RaiseEvent Some("a") None Some("Go") {user}"#),
    ];
    assert_eq!(*seen.lock().unwrap(), expected);
}

#[tokio::test]
async fn a_key_or_a_signature_suffices_and_the_program_is_asked_about_the_rest() {
    let secret = b"0123456789abcdef0123456789abcdef";
    let server = Server::with(|api| {
        own(api)
            .key(Key::new("key", KEY).unwrap())
            .key(
                Key::new("reader", "reader-reader-reader")
                    .unwrap()
                    .read_only(),
            )
            .signed_urls(SignedUrls::new(secret).unwrap())
    })
    .await;
    let start = format!("POST {WEBHOOK}/orchestrators/Booking/a");
    let key = format!("x-functions-key: {KEY}");
    let answer = server.send(&start, &[&key], b"").await.json();
    let status = answer["statusQueryGetUri"].as_str().unwrap();
    let target = &status[status.find(WEBHOOK).unwrap()..];
    let status = format!("GET {target}");
    assert_eq!(server.send(&status, &[], b"").await.status, 202);

    let day = Duration::from_secs(24 * 60 * 60);
    let now: steadfast::Timestamp = "2026-03-01T00:00:00Z".parse().unwrap();
    server.clock.set(now.checked_add(day).unwrap());
    assert_eq!(server.send(&status, &[], b"").await.status, 401);
    let operator = ["X-User: operator"];
    assert_eq!(server.send(&status, &operator, b"").await.status, 202);

    let start = format!("POST {WEBHOOK}/orchestrators/Booking/b");
    let reader = "x-functions-key: reader-reader-reader";
    assert_eq!(server.send(&start, &[reader], b"").await.status, 401);
    let answer = server.send(&start, &[reader, operator[0]], b"").await;
    assert_eq!(answer.status, 202);
    assert!(!answer.body.contains("signature="), "{}", answer.body);
}

#[tokio::test]
async fn an_orchestrator_is_told_by_the_name_that_it_is_registered_by() {
    let server = Server::with(|api| {
        api.authorize(|request| async move {
            match request.orchestrator.as_deref() {
                Some("Booking") => Err(StatusCode::FORBIDDEN),
                _ => Ok(()),
            }
        })
    })
    .await;
    // The last has a letter that is `k` in lower case only.
    for name in ["Booking", "BOOKING", "%42ooking", "boo%E2%84%AAing"] {
        let answer = server.post(&format!("orchestrators/{name}"), "").await;
        answer.is_empty(403);
    }
    let answer = server.post("orchestrators/Nothing", "").await;
    assert_eq!(answer.status, 202);
}
