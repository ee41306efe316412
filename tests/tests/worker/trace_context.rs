//! The trace that a start belongs to, on its way to everything that the start causes.

use std::sync::{Arc, Mutex};

use steadfast::prelude::*;
use steadfast::{TraceContext, definitions};
use tracing::field::{Field, Visit};
use tracing::{Event, Metadata, Subscriber, span, subscriber};

use crate::support::{Worker as _, World, open};

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

fn trace() -> TraceContext {
    TraceContext::parse(PARENT).unwrap().with_state("a=1")
}

fn text(trace: Option<&TraceContext>) -> String {
    trace.map_or("none".into(), |trace| {
        format!("{trace} {}", trace.state().unwrap_or_default())
    })
}

#[activity]
async fn traced_activity(ctx: ActivityContext) -> String {
    text(ctx.trace_context())
}

/// Gives what it is told, and then what its next execution, its activity and its child are.
#[orchestrator]
async fn traced(ctx: OrchestrationContext, round: u32) -> Result<Vec<String>, String> {
    let mut told = vec![text(ctx.trace_context())];
    match round {
        0 => return ctx.continue_as_new(traced(1)).await,
        1 => {
            ctx.call(crate::support::pass("trace".into())).await?;
            told.push(ctx.call(traced_activity()).await?);
            told.extend(ctx.call(traced(2)).await?);
        }
        _ => told.push(ctx.call(traced_activity()).await?),
    }
    Ok(told)
}

#[test]
fn whatever_a_start_causes_is_told_its_trace_also_after_a_restart_of_the_worker() {
    let definitions = definitions![traced, traced_activity, crate::support::pass];
    for max_live_instances in [0, 100] {
        let world = World {
            max_live_instances,
            ..World::new()
        };
        let mut worker = world.worker(definitions.clone());
        let client = worker.client().clone();
        worker.wait(client.start(traced(0).id("a").trace_context(trace())));
        worker.run_until_idle();
        drop(worker);
        let mut worker = world.worker(definitions.clone());
        open("trace");
        let client = worker.client().clone();
        let traced = worker.wait(client.orchestration::<traced>("a").unwrap().output());
        assert_eq!(traced, vec![format!("{PARENT} a=1"); 4]);
    }
}

#[test]
fn a_start_that_belongs_to_no_trace_tells_of_none() {
    let mut worker = World::new().worker(definitions![traced, traced_activity]);
    let client = worker.client().clone();
    let handle = worker.wait(client.start(traced(2).id("a")));
    assert_eq!(worker.wait(handle.output()), ["none", "none"]);
    let history = worker.wait(handle.history_json(Default::default()));
    assert!(
        history[0].get("ParentTraceContext").is_none(),
        "{history:?}"
    );
}

#[test]
fn the_history_shows_the_trace_of_the_start() {
    let mut worker = World::new().worker(definitions![traced, traced_activity]);
    let client = worker.client().clone();
    let handle = worker.wait(client.start(traced(2).trace_context(trace())));
    worker.wait(handle.output());
    let history = worker.wait(handle.history_json(Default::default()));
    let shown = history[0]["ParentTraceContext"].to_string();
    assert_eq!(
        shown,
        format!(r#"{{"TraceParent":"{PARENT}","TraceState":"a=1"}}"#)
    );
}

/// Collects spans as texts.
#[derive(Clone, Default)]
struct Spans(Arc<Mutex<Vec<String>>>);

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.0 += &format!(" {field}={value:?}");
    }
}

impl Subscriber for Spans {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_span()
    }

    fn new_span(&self, attributes: &span::Attributes<'_>) -> span::Id {
        let mut text = Text(attributes.metadata().name().into());
        attributes.record(&mut text);
        let mut spans = self.0.lock().unwrap();
        spans.push(text.0);
        span::Id::from_u64(spans.len() as u64)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, _: &Event<'_>) {}

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

#[test]
fn the_spans_of_orchestrators_and_activities_say_their_trace() {
    let spans = Spans::default();
    subscriber::with_default(spans.clone(), || {
        let mut worker = World::new().worker(definitions![traced, traced_activity]);
        let client = worker.client().clone();
        let traced = worker.wait(client.start(traced(2).id("a").trace_context(trace())));
        worker.wait(traced.output());
    });
    let spans = spans.0.lock().unwrap();
    let orchestrator = format!("orchestrator name=traced instance=a traceparent={PARENT}");
    assert!(spans.contains(&orchestrator), "{spans:?}");
    let activity = format!(
        "activity name=traced_activity instance=a task_id=0 attempt=1 traceparent={PARENT}"
    );
    assert!(spans.contains(&activity), "{spans:?}");
}
