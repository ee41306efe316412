//! Signed addresses: whatever is changed in one, it lets do what it is for, to the instance that it is for, or nothing.

use std::sync::Arc;

use arbitrary::{Result, Unstructured};
use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, Uri};
use steadfast::http::{Api, Grant, SignedUrls};
use steadfast::store::memory::MemoryStore;
use steadfast::testing::SingleThreaded;
use steadfast::{InstanceFilter, InstanceId, InstanceStatus};
use tower::ServiceExt as _;

use super::programs::steps;
use super::worker::{drive, start};

/// Waits for an event; the other one says what is not for the reader of the first.
const PROGRAM: [u8; 2] = [8, 5];
const SECRET: u8 = 199;

pub(super) fn run(data: &[u8]) {
    // Input that is too short is no input.
    let _ = try_run(&mut Unstructured::new(data));
}

fn try_run(u: &mut Unstructured<'_>) -> Result<()> {
    let mut worker = start(Arc::new(MemoryStore::new()));
    let client = worker.client().clone();
    for (id, program) in [("a", PROGRAM.to_vec()), ("other", vec![8, 5, SECRET])] {
        worker
            .block_on(client.start(steps(program).id(id)).into_future())
            .unwrap();
    }
    worker.run_until_idle();
    let urls = SignedUrls::new("0123456789abcdef0123456789abcdef").unwrap();
    let api = Api::new(client).signed_urls(urls).public_origin("http://h");
    let (grant, method) = grant(u)?;
    let url = api
        .signed_url(&InstanceId::parse("a").unwrap(), &grant)
        .unwrap();
    let url = url.strip_prefix("http://h").unwrap().to_owned();
    let routes = api.router();
    let before = Seen::of(&mut worker);

    let mut sent = (url.clone(), method.clone());
    for _ in 0..u.int_in_range(0..=3)? {
        change(u, &mut sent)?;
    }
    let Ok(uri) = sent.0.parse::<Uri>() else {
        return Ok(());
    };
    let is_as_signed = sent == (url, method.clone());
    let (status, body) = send(&mut worker, &routes, sent.1, &uri);
    worker.run_until_idle();
    let after = Seen::of(&mut worker);
    assert_eq!(after.other, before.other, "{uri}");
    assert!(!body.contains(&SECRET.to_string()), "{uri}: {body}");
    if is_as_signed {
        assert!(![401, 403, 404].contains(&status), "{uri}: {status}");
    }
    if method == Method::GET {
        assert_eq!(after, before, "{uri}");
    }
    Ok(())
}

#[derive(Debug, PartialEq)]
struct Seen {
    all: u64,
    signed: Option<InstanceStatus>,
    other: Option<InstanceStatus>,
}

impl Seen {
    fn of(worker: &mut SingleThreaded) -> Self {
        let client = worker.client().clone();
        let mut status = |id| {
            let instance = client.instance(id).unwrap();
            worker.block_on(instance.try_status()).unwrap()
        };
        let (signed, other) = (status("a"), status("other"));
        let counts = worker
            .block_on(client.count(&InstanceFilter::new()))
            .unwrap();
        Self {
            all: counts.values().sum(),
            signed,
            other,
        }
    }
}

fn send(worker: &mut SingleThreaded, routes: &Router, method: Method, uri: &Uri) -> (u16, String) {
    let mut request = Request::new(Body::from("1"));
    (*request.method_mut(), *request.uri_mut()) = (method, uri.clone());
    let json = axum::http::HeaderValue::from_static("application/json");
    request.headers_mut().insert("content-type", json);
    let routes = routes.clone();
    drive(worker, async move {
        let (answer, body) = routes.oneshot(request).await.unwrap().into_parts();
        let kind = answer.headers.get("content-type");
        if kind.is_some_and(|kind| kind == "text/event-stream") {
            return (answer.status.as_u16(), String::new());
        }
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        (
            answer.status.as_u16(),
            String::from_utf8(body.into()).unwrap(),
        )
    })
}

fn grant(u: &mut Unstructured<'_>) -> Result<(Grant, Method)> {
    Ok(match u.int_in_range(0..=7)? {
        0 => (Grant::read(), Method::GET),
        1 => (Grant::raise_event("a"), Method::POST),
        2 => (Grant::terminate(), Method::POST),
        3 => (Grant::suspend(), Method::POST),
        4 => (Grant::resume(), Method::POST),
        5 => (Grant::restart(), Method::POST),
        6 => (Grant::purge(), Method::DELETE),
        _ => (
            Grant::read().valid_for(std::time::Duration::MAX),
            Method::GET,
        ),
    })
}

fn change(u: &mut Unstructured<'_>, (url, method): &mut (String, Method)) -> Result<()> {
    let place = u.int_in_range(0..=url.len())?;
    let byte = char::from(u.int_in_range(b' '..=b'~')?);
    let is_there =
        place < url.len() && url.is_char_boundary(place) && url.is_char_boundary(place + 1);
    match u.int_in_range(0..=8)? {
        0 if is_there => url.replace_range(place..=place, byte.encode_utf8(&mut [0; 4])),
        1 if is_there => drop(url.remove(place)),
        2 if url.is_char_boundary(place) => url.insert(place, byte),
        3 => *url = url.replace("instances/a", "instances/other"),
        4 => {
            let operations = [
                "terminate",
                "suspend",
                "restart",
                "raiseEvent/a",
                "watch",
                "",
            ];
            let operation = u.choose(&operations)?;
            let (path, query) = url.split_once('?').unwrap_or((url, ""));
            let instance = path.find("/a").map_or(path, |at| &path[..at + 2]);
            *url = format!("{instance}/{operation}?{query}");
        }
        5 => {
            *method = u
                .choose(&[Method::GET, Method::POST, Method::DELETE])?
                .clone()
        }
        6 => {
            let more = [
                "expires=99999999999",
                "signature=",
                "taskHub=x",
                "code=",
                "SIGNATURE=a",
            ];
            *url = format!("{url}&{}", u.choose(&more)?);
        }
        7 => *url = url.replace("expires=1", "expires=2"),
        _ => *url = url.replace("/runtime/webhooks", ""),
    }
    Ok(())
}
