//! The API within an application of one's own: nested below a path, and handlers that answer as it does.

use std::net::SocketAddr;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use steadfast::http::{
    Api, Key, SignedUrls, create_check_status_response, wait_for_completion_or_check_status,
};
use steadfast::{ClientError, Steadfast};

use crate::support::{Answer, TIMES, WEBHOOK, send, serve_plainly, worker};

const SECRET: &str = "0123456789abcdef";

async fn check(State(api): State<Api>, Path(id): Path<String>, request: Parts) -> Response {
    let instance = api.client().instance(id).unwrap();
    create_check_status_response(&api, &request, &instance)
}

async fn wait(
    State(api): State<Api>,
    Path((seconds, id)): Path<(u64, String)>,
    request: Parts,
) -> Result<Response, StatusCode> {
    let instance = api.client().instance(id).unwrap();
    let timeout = Duration::from_secs(seconds);
    let answer = wait_for_completion_or_check_status(&api, &request, &instance, timeout).await;
    answer.map_err(|error| match error {
        ClientError::NotFound { .. } => StatusCode::NOT_FOUND,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    })
}

async fn own(State(api): State<Api>, Path(id): Path<String>, request: Parts) -> Response {
    let instance = api.client().instance(id).unwrap();
    let urls = api.management_urls(&request, instance.id());
    Json(serde_json::json!({ "order": 7, "terminate": urls.terminate_post_uri })).into_response()
}

/// An application with the API below `/jobs`, and handlers of its own elsewhere.
async fn application(options: impl FnOnce(Api) -> Api) -> (Steadfast, SocketAddr) {
    let steadfast = worker().await;
    let api = options(Api::new(steadfast.client().clone()).mounted_at("/jobs/"));
    let routes = Router::new()
        .route("/check/{id}", post(check))
        .route("/wait/{seconds}/{id}", post(wait))
        .route("/own/{id}", get(own))
        .with_state(api.clone())
        .nest("/jobs", api.router());
    let address = serve_plainly(routes).await;
    (steadfast, address)
}

/// There are keys in it, or what an orchestration has given.
#[track_caller]
fn is_protected(answer: &Answer) {
    for (header, value) in [
        ("cache-control", "no-store"),
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
    ] {
        assert_eq!(answer.header(header), Some(value), "{header}");
    }
}

async fn start(address: SocketAddr, path: &str) -> Answer {
    send(
        address,
        &format!("POST /jobs{WEBHOOK}/orchestrators/{path}"),
        &[],
        b"",
    )
    .await
}

async fn follow(url: &serde_json::Value, method: &str, address: SocketAddr) -> Answer {
    let url = url.as_str().unwrap();
    let target = url.strip_prefix(&format!("http://{address}")).unwrap();
    send(address, &format!("{method} {target}"), &[], b"").await
}

#[tokio::test]
async fn links_show_what_the_routes_are_nested_below_and_work() {
    let (_steadfast, address) = application(|api| api).await;
    let links = start(address, "Booking/a").await.json();
    let location =
        format!("http://{address}/jobs{WEBHOOK}/instances/a?taskHub=default&connection=Storage");
    assert_eq!(links["statusQueryGetUri"], location.as_str());
    for key in links.as_object().unwrap().keys().filter(|key| *key != "id") {
        let url = links[key].as_str().unwrap();
        let begin = format!("http://{address}/jobs{WEBHOOK}/instances/a");
        assert!(url.starts_with(&begin), "{key}: {url}");
    }
    let status = follow(&links["statusQueryGetUri"], "GET", address).await;
    assert_eq!(status.status, 202);
    assert_eq!(status.header("location"), Some(location.as_str()));
    follow(&links["terminatePostUri"], "POST", address)
        .await
        .is_empty(202);
    let status = follow(&links["statusQueryGetUri"], "GET", address).await;
    assert_eq!(status.json()["output"], "{text}");
    let again = follow(&links["restartPostUri"], "POST", address).await;
    let url = again.json()["statusQueryGetUri"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(url.starts_with(&format!("http://{address}/jobs{WEBHOOK}/")));
    let purged = follow(&links["purgeHistoryDeleteUri"], "DELETE", address).await;
    assert_eq!(purged.body, "{\"instancesDeleted\":1}");
}

#[tokio::test]
async fn routes_may_be_nested_twice_and_below_a_parameter() {
    let steadfast = worker().await;
    let api = Api::new(steadfast.client().clone()).public_origin("https://example.org/outside/");
    let tenant = Router::new().nest("/jobs", api.router());
    let address = serve_plainly(Router::new().nest("/tenants/{tenant}", tenant)).await;
    let request = format!("POST /tenants/a%20b/jobs{WEBHOOK}/orchestrators/Nothing/x");
    let answer = send(address, &request, &[], b"").await;
    let location = format!(
        "https://example.org/outside/tenants/a%20b/jobs{WEBHOOK}/instances/x?taskHub=default&connection=Storage"
    );
    assert_eq!(answer.header("location"), Some(location.as_str()));
}

#[tokio::test]
async fn a_handler_of_ones_own_answers_with_all_links() {
    let (_steadfast, address) = application(|api| api).await;
    start(address, "Booking/a").await;
    let answer = send(address, "POST /check/a?code=none", &[], b"").await;
    let instance = format!("http://{address}/jobs{WEBHOOK}/instances/a");
    let query = "taskHub=default&connection=Storage";
    assert_eq!(answer.status, 202);
    answer.is_json();
    assert_eq!(
        answer.body,
        format!(
            "{{\"id\":\"a\",\
             \"statusQueryGetUri\":\"{instance}?{query}\",\
             \"sendEventPostUri\":\"{instance}/raiseEvent/{{eventName}}?{query}\",\
             \"terminatePostUri\":\"{instance}/terminate?reason={{text}}&{query}\",\
             \"rewindPostUri\":\"{instance}/rewind?reason={{text}}&{query}\",\
             \"purgeHistoryDeleteUri\":\"{instance}?{query}\",\
             \"restartPostUri\":\"{instance}/restart?{query}\",\
             \"suspendPostUri\":\"{instance}/suspend?reason={{text}}&{query}\",\
             \"resumePostUri\":\"{instance}/resume?reason={{text}}&{query}\"}}"
        )
    );
    let location = format!("{instance}?{query}");
    assert_eq!(answer.header("location"), Some(location.as_str()));
    assert_eq!(answer.header("retry-after"), Some("10"));
    is_protected(&answer);

    let answer = send(address, "GET /own/a", &[], b"").await;
    let terminate = format!("{instance}/terminate?reason={{text}}&{query}");
    assert_eq!(
        answer.json(),
        serde_json::json!({"order": 7, "terminate": terminate})
    );
}

#[tokio::test]
async fn a_handler_of_ones_own_waits_for_the_end() {
    let (_steadfast, address) = application(|api| api).await;
    let wait = async |path: &str| send(address, &format!("POST /wait/{path}"), &[], b"").await;
    start(address, "Nothing/completes").await;
    let answer = wait("3600/completes").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "null"));
    answer.is_json();
    is_protected(&answer);

    start(address, "Fails/fails").await;
    let answer = wait("3600/fails").await;
    assert_eq!(answer.status, 500);
    assert!(
        answer.body.ends_with(&format!(
            "\"output\":\"Orchestrator function 'Fails' failed: 한 \\\"boom\\\"\",{TIMES}}}"
        )),
        "{answer:?}"
    );

    start(address, "Booking/waits").await;
    let answer = wait("0/waits").await;
    assert_eq!(
        (answer.status, answer.header("retry-after")),
        (202, Some("10"))
    );
    assert!(answer.json()["rewindPostUri"].is_string());
    let end = format!("POST /jobs{WEBHOOK}/instances/waits/terminate?reason=enough");
    send(address, &end, &[], b"").await.is_empty(202);
    let answer = wait("3600/waits").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json()["runtimeStatus"], "Terminated");

    assert_eq!(wait("3600/unknown").await.status, 404);
}

#[tokio::test]
async fn the_links_of_a_handler_carry_a_key_for_those_only_who_have_it() {
    let key = Key::new("k", SECRET).unwrap();
    let (_steadfast, address) =
        application(|api| api.key(key).public_origin("https://example.org")).await;
    let instance = format!("https://example.org/jobs{WEBHOOK}/instances/a");
    let query = "taskHub=default&connection=Storage";
    let with_key = format!("{instance}?{query}&code={SECRET}");
    let without = format!("{instance}?{query}");
    for (request, headers, location) in [
        ("POST /check/a", &[][..], &without),
        ("POST /check/a?code=0123456789abcdeX", &[], &without),
        (&format!("POST /check/a?code={SECRET}"), &[], &with_key),
        (
            "POST /check/a",
            &[&*format!("x-functions-key: {SECRET}")],
            &with_key,
        ),
    ] {
        let answer = send(address, request, headers, b"").await;
        assert_eq!(
            answer.header("location"),
            Some(location.as_str()),
            "{request}"
        );
    }
}

#[tokio::test]
async fn the_links_of_a_handler_are_signed_for_those_only_who_have_a_key() {
    let reader = "reader-reader-reader";
    let (_steadfast, address) = application(|api| {
        api.key(Key::new("k", SECRET).unwrap())
            .key(Key::new("reader", reader).unwrap().read_only())
            .signed_urls(SignedUrls::new([7; 32]).unwrap())
    })
    .await;
    start(address, &format!("Booking/a?code={SECRET}")).await;
    for key in ["", "wrong-wrong-wrong", reader, SECRET] {
        let key = format!("x-functions-key: {key}");
        for request in ["POST /check/a", "POST /wait/0/a", "GET /own/a"] {
            let answer = send(address, request, &[&key], b"").await;
            assert!(answer.body.contains("/terminate?"), "{answer:?}");
            let signed = answer.body.contains("&signature=");
            assert_eq!(signed, key.ends_with(SECRET), "{key} {request}");
            let code = answer.body.contains("&code=");
            assert_eq!(code, key.ends_with(reader), "{key} {request}");
        }
    }
}
