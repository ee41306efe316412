//! Blanking the payloads of a history, so that it can be given away.

use serde_json::{Map, Value};

use super::ExportedHistory;
use crate::model::failure::FailureDetails;
use crate::model::history::{HistoryEvent, HistoryEventKind as Event};
use crate::model::tags::{Tags, is_reserved};

/// What stands for every text that is not empty.
const BLANK: &str = "x";

impl ExportedHistory {
    /// The same history with its payloads blanked: inputs, results, events, recorded values, custom statuses, messages of failures, tags.
    ///
    /// What stays is the shape. Every text becomes `"x"`, every number `1`, `true` becomes `false`; what is empty or `null` stays so, and
    /// so do the length of an array and the keys of an object. Names, ids and times stay too: an instance id that is an address of
    /// someone is one afterwards.
    ///
    /// A replay still compares what the code asks for, as long as the code does not look at the values: a loop that runs as often as
    /// its input says runs once, and a type that takes only some texts, such as an enum or a time, does not decode `"x"`. The output and
    /// the custom status are not compared. Such a history cannot be [imported](super::Client::import).
    #[must_use]
    pub fn redact(mut self) -> Self {
        for episode in &mut self.episodes {
            payload(&mut episode.custom_status);
            episode.events.iter_mut().for_each(event);
        }
        self.inbox.iter_mut().for_each(event);
        self.redacted = true;
        self
    }
}

fn event(event: &mut HistoryEvent) {
    match &mut event.kind {
        Event::ExecutionStarted(started) => {
            payload(&mut started.input);
            tags(&mut started.tags);
            started.parent_trace = None;
        }
        Event::ExecutionCompleted(ended) => {
            payload(&mut ended.result);
            ended.failure.iter_mut().for_each(failure);
        }
        Event::ExecutionTerminated(terminated) => payload(&mut terminated.input),
        Event::TaskScheduled(task) => {
            payload(&mut task.input);
            tags(&mut task.tags);
        }
        Event::TaskCompleted(task) => payload(&mut task.result),
        Event::TaskFailed(task) => failure(&mut task.failure),
        Event::EventRaised(raised) => payload(&mut raised.input),
        Event::EventSent(sent) => match sent.input.as_deref().map(serde_json::from_str) {
            // The record of a refusal is a failure itself.
            Some(Ok(refusal)) if is_reserved(&sent.name) && is_failure(&refusal) => {
                sent.input = Some(refused(refusal));
            }
            _ => payload(&mut sent.input),
        },
        Event::SubOrchestrationInstanceCreated(child) => {
            payload(&mut child.input);
            tags(&mut child.tags);
        }
        Event::SubOrchestrationInstanceCompleted(child) => payload(&mut child.result),
        Event::SubOrchestrationInstanceFailed(child) => failure(&mut child.failure),
        Event::ExecutionSuspended(suspended) => payload(&mut suspended.input),
        Event::ExecutionResumed(resumed) => payload(&mut resumed.input),
        Event::ExecutionRewound(rewound) => payload(&mut rewound.reason),
        Event::TimerCreated(_) | Event::TimerFired(_) | Event::OrchestratorStarted(_) => {}
    }
}

fn payload(text: &mut Option<String>) {
    if let Some(text) = text {
        let mut value = serde_json::from_str(text).unwrap_or_else(|_| Value::from(BLANK));
        blank(&mut value);
        *text = value.to_string();
    }
}

fn blank(value: &mut Value) {
    match value {
        Value::Null => {}
        Value::Bool(truth) => *truth = false,
        Value::Number(number) => {
            let one = if number.is_f64() {
                1.0.into()
            } else {
                1.into()
            };
            *value = one;
        }
        Value::String(text) => blank_text(text),
        Value::Array(values) => values.iter_mut().for_each(blank),
        Value::Object(map) => map.values_mut().for_each(blank),
    }
}

fn blank_text(text: &mut String) {
    if !text.is_empty() {
        BLANK.clone_into(text);
    }
}

fn tags(tags: &mut Tags) {
    for (key, value) in tags {
        if !is_reserved(key) {
            blank_text(value);
        }
    }
}

fn failure(failure: &mut FailureDetails) {
    let mut next = Some(failure);
    while let Some(failure) = next {
        blank_text(&mut failure.error_message);
        failure.stack_trace.iter_mut().for_each(blank_text);
        failure.properties.values_mut().for_each(blank);
        next = failure.inner_failure.as_deref_mut();
    }
}

fn is_failure(value: &Map<String, Value>) -> bool {
    value.contains_key("error_type") && value.contains_key("error_message")
}

fn refused(refusal: Map<String, Value>) -> String {
    let mut value = Value::Object(refusal);
    match serde_json::from_value::<FailureDetails>(value.clone()) {
        Ok(mut details) => {
            failure(&mut details);
            serde_json::to_string(&details).unwrap_or_default()
        }
        Err(_) => {
            blank(&mut value);
            value.to_string()
        }
    }
}
