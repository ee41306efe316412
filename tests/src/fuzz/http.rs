//! Requests of every shape, through the routes: each is answered, none with an error of the program's own, and the worker is none the
//! worse for it.

use std::sync::Arc;

use arbitrary::{Result, Unstructured};
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Method, Request, Uri};
use serde_json::{Value, json};
use steadfast::Client;
use steadfast::http::{Api, RpcBase};
use steadfast::store::memory::MemoryStore;
use steadfast::testing::SingleThreaded;
use tower::ServiceExt as _;

use super::programs::steps;
use super::worker::{drive, goes_on_or_says_why, start, works};

pub(super) fn run(data: &[u8]) {
    // Input that is too short is no input.
    let _ = try_run(&mut Unstructured::new(data));
}

fn try_run(u: &mut Unstructured<'_>) -> Result<()> {
    let mut worker = start(Arc::new(MemoryStore::new()));
    let client = worker.client().clone();
    // One waits for an event, one has completed, one has failed.
    for (id, program) in [("a", vec![8, 5]), ("b", vec![8]), ("c", vec![239])] {
        worker
            .block_on(client.start(steps(program).id(id)).into_future())
            .unwrap();
    }
    worker.run_until_idle();
    let api = Api::new(client.clone())
        .rpc_base(RpcBase::Open)
        .body_limit(4096);
    let routes = api.router();
    for _ in 0..u.int_in_range(1..=4)? {
        if let Some(request) = request(u)? {
            answered(&mut worker, &routes, request);
        }
        worker.run_until_idle();
    }
    works(&mut worker);
    all_go_on(&mut worker, &client);
    Ok(())
}

fn all_go_on(worker: &mut SingleThreaded, client: &Client) {
    for id in ["a", "b", "c"] {
        let instance = client.instance(id).unwrap();
        if worker.block_on(instance.try_status()).unwrap().is_some() {
            goes_on_or_says_why(worker, &instance);
        }
    }
}

fn answered(worker: &mut SingleThreaded, routes: &Router, request: Request<Body>) {
    let told = format!(
        "{} {} {:?}",
        request.method(),
        request.uri(),
        request.headers()
    );
    let asks_for_500 = told
        .to_ascii_lowercase()
        .contains("returninternalservererroronfailure");
    let is_head = request.method() == Method::HEAD;
    let routes = routes.clone();
    let (answer, body) = drive(worker, async move {
        let (answer, body) = routes.oneshot(request).await.unwrap().into_parts();
        let kind = answer.headers.get("content-type");
        if kind.is_some_and(|kind| kind == "text/event-stream") {
            return (answer, Vec::new());
        }
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        (answer, body.into())
    });
    let status = answer.status.as_u16();
    let is_expected = status < 500 || status == 501 || status == 500 && asks_for_500;
    assert!(
        is_expected,
        "{told}: {status} {}",
        String::from_utf8_lossy(&body)
    );
    let kind = answer
        .headers
        .get("content-type")
        .map(HeaderValue::as_bytes);
    if !is_head && kind.is_some_and(|kind| kind.starts_with(b"application/json")) {
        let json = serde_json::from_slice::<serde::de::IgnoredAny>(&body);
        assert!(json.is_ok(), "{told}: {}", String::from_utf8_lossy(&body));
    }
    if let Some(location) = answer.headers.get("location") {
        let location = location.to_str();
        let location = location.unwrap_or_else(|error| panic!("{told}: {error}"));
        assert!(location.parse::<Uri>().is_ok(), "{told}: {location}");
    }
}

fn request(u: &mut Unstructured<'_>) -> Result<Option<Request<Body>>> {
    let methods = [
        "GET", "POST", "POST", "POST", "DELETE", "HEAD", "PUT", "OPTIONS",
    ];
    let method = Method::from_bytes(u.choose(&methods)?.as_bytes()).unwrap();
    let target = format!("{}{}", path(u)?, query(u)?);
    let Ok(uri) = target.parse::<Uri>() else {
        return Ok(None);
    };
    let mut request = Request::new(Body::from(body(u)?));
    (*request.method_mut(), *request.uri_mut()) = (method, uri);
    for _ in 0..u.int_in_range(0..=2)? {
        let names = [
            "content-type",
            "accept",
            "traceparent",
            "tracestate",
            "last-event-id",
            "host",
            "origin",
            "if-none-match",
        ];
        let name = HeaderName::from_static(u.choose(&names)?);
        let value = match u.arbitrary()? {
            true => *u.choose(&[
                "application/json",
                "text/event-stream",
                "1.2",
                "h:80",
                "*/*",
            ])?,
            false => u.arbitrary()?,
        };
        if let Ok(value) = HeaderValue::from_str(value) {
            request.headers_mut().append(name, value);
        }
    }
    Ok(Some(request))
}

fn path(u: &mut Unstructured<'_>) -> Result<String> {
    let bases = ["/runtime/webhooks/durabletask", "/durabletask"];
    let mut path = (*u.choose(&bases)?).to_owned();
    // Mostly an operation that there is.
    let forms: [&[&str]; 16] = [
        &["orchestrators", "Steps"],
        &["orchestrators", "Steps", "d"],
        &["orchestrators", "Hello", "a"],
        &["instances"],
        &["instances", "a"],
        &["instances", "a", "raiseEvent", "a"],
        &["instances", "a", "terminate"],
        &["instances", "a", "suspend"],
        &["instances", "a", "resume"],
        &["instances", "c", "rewind"],
        &["instances", "b", "restart"],
        &["instances", "a", "watch"],
        &["batch"],
        &["watch"],
        &["entities", "x", "y"],
        &["openapi.json"],
    ];
    for segment in *u.choose(&forms)? {
        path.push('/');
        match u.int_in_range(0..=15)? {
            0 => path.push_str(&encoded(u.arbitrary()?)),
            1 => path.push_str(u.arbitrary()?),
            2 => path.push_str(u.choose(&["b", "c", "%2F", "%00", "%ff", "@x", ".", "nobody"])?),
            _ => path.push_str(segment),
        }
    }
    Ok(path)
}

fn query(u: &mut Unstructured<'_>) -> Result<String> {
    const NAMES: &[&str] = &[
        "showHistory",
        "showHistoryOutput",
        "showInput",
        "returnInternalServerErrorOnFailure",
        "createdTimeFrom",
        "createdTimeTo",
        "runtimeStatus",
        "instanceIdPrefix",
        "top",
        "taskHub",
        "connection",
        "code",
        "reason",
        "timeout",
        "pollingInterval",
        "waitForCompletion",
        "wait",
        "version",
        "restartWithNewInstanceId",
        "recursive",
        "expires",
        "signature",
    ];
    const VALUES: &[&str] = &[
        "true",
        "false",
        "1",
        "0",
        "-1",
        "1e300",
        "99999999999999999999",
        "0.001",
        "1.5",
        "2023-11-14T22:13:20Z",
        "0001-01-01",
        "9999-12-31T23:59:59.9999999-14:00",
        "Running,Failed",
        "steadfast",
        "",
        "%00",
        "%ff",
        "%F0%9F%98%80",
    ];
    let mut query = String::new();
    for number in 0..u.int_in_range(0..=3)? {
        query.push(if number == 0 { '?' } else { '&' });
        query.push_str(u.choose(NAMES)?);
        query.push('=');
        match u.int_in_range(0..=4)? {
            0 => query.push_str(&encoded(u.arbitrary()?)),
            1 => query.push_str(u.arbitrary()?),
            _ => query.push_str(u.choose(VALUES)?),
        }
    }
    Ok(query)
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02x}")).collect()
}

fn body(u: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    Ok(match u.int_in_range(0..=5)? {
        0 => Vec::new(),
        1 => u.arbitrary::<&[u8]>()?.into(),
        2 => vec![b'['; u.int_in_range(0..=5000)?],
        3 => {
            let count = u.int_in_range(0..=4)?;
            let entries: Vec<Value> = (0..count).map(|_| entry(u)).collect::<Result<_>>()?;
            Value::from(entries).to_string().into()
        }
        _ => {
            let bodies = [
                "[8,5]",
                "\"a\"",
                "null",
                "1",
                "{}",
                "[4,4]",
                "\"[5]\"",
                "\u{feff}1",
            ];
            (*u.choose(&bodies)?).into()
        }
    })
}

/// One of a batch.
fn entry(u: &mut Unstructured<'_>) -> Result<Value> {
    let operations = [
        "start",
        "raiseEvent",
        "terminate",
        "suspend",
        "resume",
        "rewind",
        "purge",
        "other",
    ];
    let operation = *u.choose(&operations)?;
    let mut entry = json!({ "operation": operation });
    let fields = [
        "instanceId",
        "orchestratorName",
        "eventName",
        "payload",
        "reason",
        "input",
        "version",
        "tags",
    ];
    for field in fields {
        let is_usual = match field {
            "instanceId" => true,
            "orchestratorName" => operation == "start",
            "eventName" => operation == "raiseEvent",
            _ => false,
        };
        if is_usual != u.ratio(1, 8)? {
            entry[field] = match u.int_in_range(0..=9)? {
                0 => Value::Null,
                1 => u.arbitrary::<&str>()?.into(),
                2 => json!([8, 5]),
                3 => json!({"a": "b"}),
                4 => json!({"steadfast.x": "b"}),
                _ if field == "orchestratorName" => "Steps".into(),
                _ => (*u.choose(&["a", "b", "c", "d"])?).into(),
            };
        }
    }
    Ok(entry)
}
