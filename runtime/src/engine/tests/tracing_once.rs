//! The orchestrator's own tracing: once, and in a span that says whose it is.

use std::sync::Mutex;

use tracing::field::{Field, Visit};
use tracing::span;

use super::*;

/// Collects the messages, each with the spans that it is in.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Collected>>);

#[derive(Default)]
struct Collected {
    spans: Vec<String>,
    entered: Vec<usize>,
    messages: Vec<String>,
}

impl Collector {
    fn collect(&self, run: impl FnOnce()) {
        // With only one subscriber in the process, a place that another test's thread comes to first would not be traced.
        crate::engine::silence::silently(|| {});
        tracing::subscriber::with_default(self.clone(), run);
    }
}

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.0 += &format!(" {field}={value:?}");
    }
}

impl tracing::Subscriber for Collector {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, attributes: &span::Attributes<'_>) -> span::Id {
        let mut text = Text(attributes.metadata().name().into());
        attributes.record(&mut text);
        let mut collected = self.0.lock().unwrap();
        collected.spans.push(text.0);
        span::Id::from_u64(collected.spans.len() as u64)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        let mut text = Text(String::new());
        event.record(&mut text);
        let mut collected = self.0.lock().unwrap();
        let spans = collected.entered.iter();
        let spans: Vec<_> = spans.map(|id| collected.spans[*id].clone()).collect();
        let message = format!("[{}]{}", spans.join(" > "), text.0);
        collected.messages.push(message);
    }

    fn enter(&self, span: &span::Id) {
        let id = usize::try_from(span.into_u64()).unwrap();
        self.0.lock().unwrap().entered.push(id - 1);
    }

    fn exit(&self, _: &span::Id) {
        self.0.lock().unwrap().entered.pop();
    }
}

#[test]
fn a_place_that_a_replay_comes_to_first_is_traced_later() {
    let program = orchestrator(|ctx| async move {
        tracing::info!("a first place");
        let _ = ctx.wait_for_external_event_named::<i32>("go").await;
    });
    let collector = Collector::default();
    collector.collect(|| {
        let past = history().episode(at(1)).started("E", None);
        let execution = replay(&program, past).unwrap();
        assert!(execution.ended().is_none());
        assert!(collector.0.lock().unwrap().messages.is_empty());
        let mut run = run(&program).without_replays();
        run.episode(at(1), started().build());
    });
    let messages = &collector.0.lock().unwrap().messages;
    let expected = "[orchestrator name=E instance=demo] message=a first place";
    assert_eq!(*messages, [expected]);
}

#[test]
fn what_an_orchestrator_traces_is_traced_once_and_says_whose_it_is() {
    let program = orchestrator(|ctx| async move {
        tracing::info!("begins");
        let _ = ctx.wait_for_external_event_named::<i32>("go").await;
        tracing::info!("goes on");
    });
    let collector = Collector::default();
    collector.collect(|| {
        let setup = Setup::new(&program);
        let mut run = setup.clone().run().without_replays();
        run.episode(at(1), started().build());
        run.check_replay();
        let mut replayed = setup.replay(&run.history).unwrap();
        let mut new = history().raised("go", "1").build();
        let episode = replayed.deliver(at(2), &mut new).unwrap();
        run.history.extend(episode.events);
        drop(setup.replay(&run.history).unwrap());
        let rewound = setup.execution().rewind(run.history, at(3), None);
        assert!(rewound.unwrap().ended.is_some());
    });
    let messages = &collector.0.lock().unwrap().messages;
    let span = "[orchestrator name=E instance=demo]";
    assert_eq!(
        *messages,
        [
            format!("{span} message=begins"),
            format!("{span} message=goes on")
        ]
    );
}

#[test]
fn what_a_rewound_orchestrator_does_for_the_first_time_is_traced() {
    let program = orchestrator(|ctx| async move {
        let failed = ctx.call_activity::<i32>("a", ()).await.is_err();
        tracing::info!("failed {failed}");
        let _ = ctx.wait_for_external_event_named::<i32>("go").await;
        tracing::info!("goes on {} {failed}", ctx.is_replaying());
        let _ = ctx.call_activity::<i32>("b", ()).await;
    });
    let collector = Collector::default();
    collector.collect(|| {
        let mut run = run(&program).without_replays();
        run.episode(at(1), started().build());
        let gone = history().failed(0, &lost()).raised("go", "1");
        run.episode(at(2), gone.build());
        let late = history().completed(0, "1").build();
        run.episode(at(3), late);
        run.rewind(at(9));
        let again = run.setup.replay(&run.history).unwrap();
        assert!(again.ended().is_none());
    });
    let messages = &collector.0.lock().unwrap().messages;
    let span = "[orchestrator name=E instance=demo]";
    let expected = [
        "failed true",
        "goes on false true",
        "failed false",
        "goes on false false",
    ];
    assert_eq!(
        *messages,
        expected.map(|message| format!("{span} message={message}"))
    );
}

/// Traces its end.
struct Guard;

impl Drop for Guard {
    fn drop(&mut self) {
        tracing::info!("dropped");
    }
}

#[test]
fn a_destructor_is_traced_once_where_every_episode_is_replayed() {
    let program = orchestrator(|ctx| async move {
        let _guard = Guard;
        tracing::info!("begins");
        let _ = ctx.wait_for_external_event_named::<i32>("go").await;
    });
    let collector = Collector::default();
    collector.collect(|| {
        let mut run = run(&program);
        run.replays = false;
        run.episode(at(1), started().build());
        run.episode(at(2), history().raised("go", "1").build());
    });
    let messages = &collector.0.lock().unwrap().messages;
    let span = "[orchestrator name=E instance=demo]";
    assert_eq!(
        *messages,
        [
            format!("{span} message=begins"),
            format!("{span} message=dropped")
        ]
    );
}
