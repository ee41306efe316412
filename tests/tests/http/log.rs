//! What the log is told of requests.

use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use steadfast::http::{Key, SignedUrls};
use tracing::field::{Field, Visit};
use tracing::{Event, Metadata, Subscriber, span, subscriber};

use super::support::{Server, WEBHOOK};

const SECRET: &str = "0123456789abcdef";
const SIGNING: &str = "a-secret-to-sign-with-that-nobody-can-guess";

/// Collects everything that is logged, at every level: each span with all that is recorded in it, and each event.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Lines>>);

#[derive(Default)]
struct Lines {
    spans: Vec<Line>,
    events: Vec<Line>,
}

#[derive(Clone)]
struct Line {
    name: &'static str,
    text: String,
}

struct Text<'a>(&'a mut String);

impl Visit for Text<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        // How long it took is another one each time.
        let value = match field.name() {
            "milliseconds" => "..".to_owned(),
            _ => format!("{value:?}"),
        };
        *self.0 += &format!(" {field}={value}");
    }
}

impl Subscriber for Log {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, attributes: &span::Attributes<'_>) -> span::Id {
        let mut text = String::new();
        attributes.record(&mut Text(&mut text));
        let spans = &mut self.0.lock().unwrap().spans;
        let name = attributes.metadata().name();
        spans.push(Line { name, text });
        span::Id::from_u64(spans.len() as u64)
    }

    fn record(&self, span: &span::Id, values: &span::Record<'_>) {
        let index = usize::try_from(span.into_u64()).unwrap() - 1;
        values.record(&mut Text(&mut self.0.lock().unwrap().spans[index].text));
    }

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut text = String::new();
        event.record(&mut Text(&mut text));
        let name = event.metadata().target();
        self.0.lock().unwrap().events.push(Line { name, text });
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

impl Log {
    /// The spans of requests.
    fn requests(&self) -> Vec<String> {
        let lines = self.0.lock().unwrap();
        let requests = lines.spans.iter().filter(|line| line.name == "request");
        requests.map(|line| line.text.clone()).collect()
    }

    fn all(&self) -> Vec<String> {
        let lines = self.0.lock().unwrap();
        let all = lines.spans.iter().chain(&lines.events);
        all.map(|line| format!("{}:{}", line.name, line.text))
            .collect()
    }
}

#[tokio::test]
async fn a_request_is_one_span_without_what_is_secret() {
    let log = Log::default();
    // The server runs in this thread.
    let _default = subscriber::set_default(log.clone());
    let server = Server::with(|api| api.key(Key::new("k", SECRET).unwrap())).await;
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let invocation = "d2719cb2-7ad1-4c29-9a6f-3f5f0d3a3a4e";
    let answer = server
        .send(
            &format!("GET /runtime/webhooks/durabletask/instances/a?code={SECRET}"),
            &[
                &format!("traceparent: {parent}"),
                &format!("X-Azure-Functions-InvocationId: {invocation}"),
            ],
            b"",
        )
        .await;
    answer.is_empty(404);
    server.get("instances/a?code=wrong").await.is_empty(401);
    let other = ["X-Azure-Functions-InvocationId: not one"];
    let unknown = "PUT /runtime/webhooks/durabletask/nothing";
    server.send(unknown, &other, b"").await.is_empty(404);
    assert_eq!(
        log.requests(),
        [
            format!(
                " method=GET traceparent={parent} invocation={invocation} route=\"/instances/{{instanceId}}\" status=404 \
                 milliseconds=.."
            ),
            " method=GET route=\"/instances/{instanceId}\" status=401 milliseconds=..".to_owned(),
            " method=PUT status=404 milliseconds=..".to_owned(),
        ]
    );
}

#[tokio::test]
async fn nothing_that_is_logged_has_a_key_or_a_signature_in_it() {
    let log = Log::default();
    let _default = subscriber::set_default(log.clone());
    let server = Server::with(|api| {
        let api = api.key(Key::new("k", SECRET).unwrap());
        let urls = SignedUrls::new(SIGNING).unwrap();
        let api = api.signed_urls(urls);
        tracing::trace!(?api);
        api
    })
    .await;
    let started = server
        .post(&format!("orchestrators/Booking/a?code={SECRET}"), "")
        .await;
    let urls = started.json();
    let signed = |link: &str| {
        let url = urls[link].as_str().unwrap();
        url[url.find(WEBHOOK).unwrap()..].to_owned()
    };
    let mut secrets = vec![
        SECRET.to_owned(),
        SIGNING.to_owned(),
        "not-the-key-at-all".to_owned(),
    ];
    for link in ["statusQueryGetUri", "sendEventPostUri", "terminatePostUri"] {
        let url = signed(link);
        let (_, signature) = url.split_once("signature=").unwrap();
        secrets.push(signature.split(['&', '#']).next().unwrap().to_owned());
    }
    let status = signed("statusQueryGetUri");
    let statuses = [
        (format!("GET {status}"), 202),
        (format!("HEAD {status}"), 202),
        // Nothing is wrong with the signature; it is of something else, or has expired.
        (
            format!("GET {}", status.replace("instances/a", "instances/b")),
            401,
        ),
        (
            format!("GET {WEBHOOK}/instances/a?code=not-the-key-at-all"),
            401,
        ),
        (
            format!("GET {WEBHOOK}/instances?code={SECRET}&taskHub=x"),
            200,
        ),
        (format!("POST {WEBHOOK}/batch?code={SECRET}"), 400),
        (format!("POST {WEBHOOK}/nothing?code={SECRET}"), 404),
        (format!("POST {}", signed("terminatePostUri")), 202),
        (format!("POST {}", signed("sendEventPostUri")), 410),
    ];
    for (request, status) in statuses {
        let json = ["Content-Type: application/json"];
        let answer = server.send(&request, &json, b"").await;
        assert_eq!(answer.status, status, "{request}: {answer:?}");
    }
    let by_header = [&*format!("x-functions-key: {SECRET}")];
    let answer = server
        .send(&format!("GET {WEBHOOK}/instances/a"), &by_header, b"")
        .await;
    assert_eq!(answer.status, 200);
    server.clock.set("2026-03-04T00:00:00Z".parse().unwrap());
    let expired = server.send(&format!("GET {status}"), &[], b"").await;
    expired.is_error(403, "The address has expired");

    let lines = log.all();
    for logged in [
        "request: method=HEAD",
        "message=answered",
        "closed_by=\"keys, signed addresses\"",
        "api=Api",
    ] {
        let is_there = lines.iter().any(|line| line.contains(logged));
        assert!(is_there, "{logged} is in none of {} lines", lines.len());
    }
    for secret in &secrets {
        for line in &lines {
            assert!(!line.contains(secret), "{line}");
        }
    }
}
