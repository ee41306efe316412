//! What the log is told of requests.

use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use steadfast::http::Key;
use tracing::field::{Field, Visit};
use tracing::{Event, Metadata, Subscriber, span, subscriber};

use super::support::Server;

const SECRET: &str = "0123456789abcdef";

/// Collects the spans of requests, each with all that is recorded in it.
#[derive(Clone, Default)]
struct Spans(Arc<Mutex<Vec<String>>>);

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

impl Subscriber for Spans {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_span() && metadata.name() == "request"
    }

    fn new_span(&self, attributes: &span::Attributes<'_>) -> span::Id {
        let mut text = String::new();
        attributes.record(&mut Text(&mut text));
        let mut spans = self.0.lock().unwrap();
        spans.push(text);
        span::Id::from_u64(spans.len() as u64)
    }

    fn record(&self, span: &span::Id, values: &span::Record<'_>) {
        let index = usize::try_from(span.into_u64()).unwrap() - 1;
        values.record(&mut Text(&mut self.0.lock().unwrap()[index]));
    }

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, _: &Event<'_>) {}

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

#[tokio::test]
async fn a_request_is_one_span_without_what_is_secret() {
    let spans = Spans::default();
    // The server runs in this thread.
    let _default = subscriber::set_default(spans.clone());
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
        *spans.0.lock().unwrap(),
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
