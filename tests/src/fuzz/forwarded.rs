//! What a proxy says of a request: links begin with an origin and no more, whatever the headers are.

use std::cell::RefCell;
use std::sync::Arc;

use axum::http::{HeaderName, HeaderValue, Request, Uri};
use steadfast::InstanceId;
use steadfast::http::{Api, ForwardedHeaders};
use steadfast::store::memory::MemoryStore;
use steadfast::testing::SingleThreaded;

use super::worker;

/// One header for each line; a line without a name is one of those that are asked for.
pub(super) fn run(data: &[u8]) {
    thread_local! {
        static WORKER: RefCell<SingleThreaded> = RefCell::new(worker::start(Arc::new(MemoryStore::new())));
    }
    WORKER.with_borrow(|worker| {
        for headers in [ForwardedHeaders::Standard, ForwardedHeaders::XForwarded] {
            let api = Api::new(worker.client().clone()).trust_forwarded(headers);
            check(&api, data);
        }
        check(&Api::new(worker.client().clone()), data);
    });
}

fn check(api: &Api, data: &[u8]) {
    let mut request = Request::new(());
    for (number, line) in data.split(|byte| *byte == b'\n').take(8).enumerate() {
        let names = [
            "forwarded",
            "x-forwarded-host",
            "x-forwarded-proto",
            "x-forwarded-prefix",
        ];
        let (name, value) = match line.iter().position(|byte| *byte == b':') {
            Some(at) if at > 0 && HeaderName::from_bytes(&line[..at]).is_ok() => line.split_at(at),
            _ => (names[number % names.len()].as_bytes(), line),
        };
        let value = value.strip_prefix(b":").unwrap_or(value);
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(name), HeaderValue::from_bytes(value))
        {
            request.headers_mut().append(name, value);
        }
    }
    let (parts, ()) = request.into_parts();
    let id = InstanceId::parse("a").unwrap();
    let urls = api.management_urls(&parts, &id);
    let (origin, rest) = urls
        .status_query_get_uri
        .split_once("/runtime/webhooks/durabletask/")
        .unwrap();
    assert!(rest.starts_with("instances/a?"), "{origin} {rest}");
    let uri: Uri = origin.parse().unwrap();
    let scheme = uri.scheme_str().unwrap();
    assert!(["http", "https"].contains(&scheme), "{origin}");
    let after = &origin[scheme.len() + 3..];
    assert!(
        !after.contains(['?', '#', '\\', '"', '<', '>', ' ', ',']),
        "{origin}"
    );
    let authority = uri.authority().unwrap().as_str();
    assert!(!authority.contains('@'), "{origin}");
    let path = after.strip_prefix(authority).unwrap();
    assert!(
        path.is_empty() || path.starts_with('/') && !path.ends_with('/'),
        "{origin}"
    );
    assert!(
        !path
            .split('/')
            .any(|segment| [".", ".."].contains(&segment)),
        "{origin}"
    );
    // A peer that is named nowhere in what came in has not been made up.
    let host = uri.host().unwrap().as_bytes();
    let came_in = parts.headers.values().any(|value| {
        let value: Vec<u8> = value
            .as_bytes()
            .iter()
            .copied()
            .filter(|b| *b != b'\\')
            .collect();
        value.windows(host.len()).any(|window| window == host)
    });
    assert!(came_in || host == b"localhost", "{origin}");
}
