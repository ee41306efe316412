//! The history of an instance, as events and as the JSON of the HTTP API.

use std::collections::HashMap;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{Client, ClientError, InstanceHandle};
use crate::model::failure::FailureDetails;
use crate::model::history::{
    HistoryEvent, HistoryEventKind as Event, NO_ACTION, decode_events, is_pause,
};
use crate::model::instance::InstanceId;
use crate::model::tags::is_reserved;
use crate::store::StoredInstance;

/// What [`InstanceHandle::history_json`] shows of payloads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HistoryOptions {
    /// Inputs, as JSON texts. Shown by default.
    pub inputs: bool,
    /// Results, as JSON. Left out by default.
    pub results: bool,
}

impl Default for HistoryOptions {
    fn default() -> Self {
        Self {
            inputs: true,
            results: false,
        }
    }
}

impl HistoryOptions {
    /// With inputs and without results.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether inputs are shown.
    #[must_use]
    pub const fn inputs(mut self, shown: bool) -> Self {
        self.inputs = shown;
        self
    }

    /// Whether results are shown.
    #[must_use]
    pub const fn results(mut self, shown: bool) -> Self {
        self.results = shown;
        self
    }
}

impl InstanceHandle {
    /// The history of the current execution, in order: what every replay goes by. An instance that continues as new begins an empty
    /// one.
    ///
    /// ```
    /// # use steadfast::prelude::*;
    /// # async fn example(client: &Client) -> Result<(), steadfast::ClientError> {
    /// for event in client.instance("order-7")?.history().await? {
    ///     println!("{} {}", event.timestamp, event.kind.name());
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`ClientError::NotFound`] when there is no such instance.
    pub async fn history(&self) -> Result<Vec<HistoryEvent>, ClientError> {
        let stored = self.client().load(self.id()).await?;
        let mut rows = stored.history.into_iter();
        let decode = |text: &str| {
            decode_events(text).map_err(|error| ClientError::Undecodable {
                id: self.id().clone(),
                message: format!("the history: {error}"),
            })
        };
        // What begins the execution is in a row of its own; it happened within the first episode that ran code.
        let mut begin = match rows.next() {
            Some(first) => decode(&first.events)?,
            None => Vec::new(),
        };
        let mut history = Vec::new();
        for row in rows {
            let events = decode(&row.events)?;
            let pause = events.iter().any(is_pause);
            let mut events = events.into_iter();
            history.extend(events.next());
            if !pause {
                history.append(&mut begin);
            }
            history.extend(events);
        }
        history.append(&mut begin);
        Ok(history)
    }

    /// The history as the array `historyEvents` of the Durable Functions HTTP API: a call and its result are one event, times are in
    /// UTC.
    ///
    /// # Errors
    ///
    /// As [`history`](Self::history).
    pub async fn history_json(&self, options: HistoryOptions) -> Result<Vec<Value>, ClientError> {
        Ok(to_json(&self.history().await?, options))
    }
}

impl Client {
    /// The rows of an instance.
    pub(super) async fn load(&self, id: &InstanceId) -> Result<StoredInstance, ClientError> {
        let wanted = id.clone();
        let stored =
            self.read_at_length(|store| Box::pin(async move { store.load(&wanted).await }));
        stored
            .await?
            .ok_or_else(|| ClientError::NotFound { id: id.clone() })
    }
}

/// What a call's result is merged with.
struct Scheduled<'a> {
    name: &'a str,
    input: Option<&'a String>,
    instance_id: Option<&'a InstanceId>,
    at: Timestamp,
}

fn to_json(history: &[HistoryEvent], options: HistoryOptions) -> Vec<Value> {
    let mut writer = Writer {
        options,
        calls: HashMap::new(),
        events: Vec::with_capacity(history.len()),
    };
    for event in history {
        writer.event(event);
    }
    writer
        .events
        .into_iter()
        .flatten()
        .map(Value::Object)
        .collect()
}

struct Writer<'a> {
    options: HistoryOptions,
    /// Calls, each with the place of its event while that stands. A call that failed may be made again by a rewind, without being
    /// scheduled anew.
    calls: HashMap<i32, (Scheduled<'a>, Option<usize>)>,
    /// A call that has ended leaves its place empty.
    events: Vec<Option<Map<String, Value>>>,
}

impl<'a> Writer<'a> {
    fn event(&mut self, event: &'a HistoryEvent) {
        let mut json = Map::new();
        json.insert("EventType".into(), event.kind.name().into());
        json.insert("Timestamp".into(), time(event.timestamp));
        match &event.kind {
            Event::OrchestratorStarted(_) => return,
            Event::ExecutionStarted(started) => {
                json.insert("FunctionName".into(), started.name.clone().into());
                self.input(&mut json, started.input.as_ref());
                if let Some(at) = started.scheduled_start {
                    json.insert("ScheduledStartTime".into(), time(at));
                }
                if let Some(trace) = &started.parent_trace {
                    let mut context = Map::new();
                    context.insert("TraceParent".into(), trace.to_string().into());
                    context.insert("TraceState".into(), trace.state().into());
                    json.insert("ParentTraceContext".into(), context.into());
                }
            }
            Event::TaskScheduled(task) => {
                json.insert("Name".into(), task.name.clone().into());
                self.input(&mut json, task.input.as_ref());
                let scheduled = Scheduled {
                    name: &task.name,
                    input: task.input.as_ref(),
                    instance_id: None,
                    at: event.timestamp,
                };
                self.open(event, scheduled);
            }
            Event::SubOrchestrationInstanceCreated(child) => {
                json.insert("Name".into(), child.name.clone().into());
                json.insert("InstanceId".into(), child.instance_id.as_str().into());
                self.input(&mut json, child.input.as_ref());
                let scheduled = Scheduled {
                    name: &child.name,
                    input: child.input.as_ref(),
                    instance_id: Some(&child.instance_id),
                    at: event.timestamp,
                };
                self.open(event, scheduled);
            }
            Event::TaskCompleted(task) => {
                self.close(&mut json, task.task_scheduled_id);
                self.result(&mut json, task.result.as_deref());
            }
            Event::SubOrchestrationInstanceCompleted(child) => {
                self.close(&mut json, child.task_scheduled_id);
                self.result(&mut json, child.result.as_deref());
            }
            Event::TaskFailed(task) => {
                self.close(&mut json, task.task_scheduled_id);
                failure(&mut json, &task.failure);
            }
            Event::SubOrchestrationInstanceFailed(child) => {
                self.close(&mut json, child.task_scheduled_id);
                failure(&mut json, &child.failure);
            }
            Event::TimerCreated(timer) => {
                json.insert("FireAt".into(), time(timer.fire_at));
            }
            Event::TimerFired(timer) => {
                json.insert("FireAt".into(), time(timer.fire_at));
            }
            Event::EventRaised(raised) => {
                json.insert("Name".into(), raised.name.clone().into());
                self.input(&mut json, raised.input.as_ref());
            }
            Event::EventSent(sent) => {
                json.insert("InstanceId".into(), sent.instance_id.as_str().into());
                json.insert("Name".into(), sent.name.clone().into());
                // A side value or patch marker is no message, and its value is no input of anyone.
                if !is_reserved(&sent.name) || self.options.results {
                    self.input(&mut json, sent.input.as_ref());
                }
            }
            Event::ExecutionSuspended(suspended) => {
                json.insert("Reason".into(), text(suspended.input.as_deref()));
            }
            Event::ExecutionResumed(resumed) => {
                json.insert("Reason".into(), text(resumed.input.as_deref()));
            }
            Event::ExecutionRewound(rewound) => {
                json.insert("Reason".into(), text(rewound.reason.as_deref()));
            }
            Event::ExecutionTerminated(terminated) => {
                json.insert("Input".into(), text(terminated.input.as_deref()));
            }
            Event::ExecutionCompleted(ended) => {
                let status = ended.status.as_str();
                json.insert("OrchestrationStatus".into(), status.into());
                self.result(&mut json, ended.result.as_deref());
                if let Some(failure) = &ended.failure {
                    json.insert("FailureDetails".into(), details(failure));
                }
            }
        }
        self.events.push(Some(json));
    }

    /// Notes a call, whose event is the next one.
    fn open(&mut self, event: &HistoryEvent, scheduled: Scheduled<'a>) {
        if event.event_id != NO_ACTION {
            let place = self.events.len();
            self.calls.insert(event.event_id, (scheduled, Some(place)));
        }
    }

    /// Merges a call into the event of its result.
    fn close(&mut self, json: &mut Map<String, Value>, id: i32) {
        let Some((scheduled, place)) = self.calls.get_mut(&id) else {
            return;
        };
        if let Some(place) = place.take() {
            self.events[place] = None;
        }
        json.insert("FunctionName".into(), scheduled.name.into());
        json.insert("ScheduledTime".into(), time(scheduled.at));
        if let Some(id) = scheduled.instance_id {
            json.insert("InstanceId".into(), id.as_str().into());
        }
        let input = scheduled.input;
        self.input(json, input);
    }

    /// Inputs stay JSON text within a string.
    fn input(&self, json: &mut Map<String, Value>, input: Option<&String>) {
        if self.options.inputs {
            json.insert("Input".into(), input.cloned().into());
        }
    }

    fn result(&self, json: &mut Map<String, Value>, result: Option<&str>) {
        if self.options.results {
            json.insert("Result".into(), text(result));
        }
    }
}

/// The value of a JSON text; the text itself when it is none.
fn text(json: Option<&str>) -> Value {
    json.map_or(Value::Null, |json| {
        serde_json::from_str(json).unwrap_or_else(|_| match json.trim() {
            "" => "".into(),
            _ => json.into(),
        })
    })
}

fn time(time: Timestamp) -> Value {
    format!("{time}").into()
}

fn failure(json: &mut Map<String, Value>, failure: &FailureDetails) {
    json.insert("Reason".into(), failure.error_message.clone().into());
    json.insert("Details".into(), failure.stack_trace.clone().into());
    json.insert("FailureDetails".into(), details(failure));
}

/// With the protocol's names.
fn details(failure: &FailureDetails) -> Value {
    let mut json = Map::new();
    json.insert("ErrorType".into(), failure.error_type.clone().into());
    json.insert("ErrorMessage".into(), failure.error_message.clone().into());
    json.insert("StackTrace".into(), failure.stack_trace.clone().into());
    let inner = failure.inner_failure.as_deref();
    json.insert("InnerFailure".into(), inner.map_or(Value::Null, details));
    json.insert("IsNonRetriable".into(), failure.is_non_retriable.into());
    json.insert("Properties".into(), failure.properties.clone().into());
    Value::Object(json)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::history::{
        ExecutionCompleted, ExecutionStarted, OrchestratorStarted, TaskCompleted, TaskFailed,
        TaskScheduled,
    };
    use crate::model::instance::ExecutionId;
    use crate::model::status::RuntimeStatus;
    use crate::model::tags::Tags;

    fn at(second: i64, kind: impl Into<Event>) -> HistoryEvent {
        HistoryEvent::new(Timestamp::from_second(second).unwrap(), kind)
    }

    fn scheduled(id: i32, name: &str) -> HistoryEvent {
        let task = TaskScheduled {
            name: name.into(),
            input: Some("\"Tokyo\"".into()),
            tags: Tags::new(),
        };
        HistoryEvent {
            event_id: id,
            ..at(1, task)
        }
    }

    fn history() -> Vec<HistoryEvent> {
        let started = ExecutionStarted {
            name: "Hello".into(),
            version: None,
            input: None,
            execution_id: ExecutionId::from_u128(1),
            parent: None,
            tags: Tags::new(),
            scheduled_start: None,
            parent_trace: None,
        };
        let completed = TaskCompleted {
            task_scheduled_id: 0,
            result: Some("\"Hello Tokyo!\"".into()),
        };
        let failed = TaskFailed {
            task_scheduled_id: 1,
            failure: FailureDetails::new("E", "no"),
        };
        let ended = ExecutionCompleted {
            status: RuntimeStatus::Completed,
            result: Some("[1]".into()),
            failure: None,
        };
        vec![
            at(1, OrchestratorStarted {}),
            at(1, started),
            scheduled(0, "SayHello"),
            scheduled(1, "Fail"),
            scheduled(2, "Wait"),
            at(2, OrchestratorStarted {}),
            at(2, completed),
            at(3, failed),
            at(3, ended),
        ]
    }

    #[test]
    fn a_call_is_merged_into_its_result_and_stays_while_it_is_outstanding() {
        let json = to_json(&history(), HistoryOptions::new());
        assert_eq!(
            json,
            [
                json!({"EventType": "ExecutionStarted", "Timestamp": "1970-01-01T00:00:01Z", "FunctionName": "Hello",
                       "Input": null}),
                json!({"EventType": "TaskScheduled", "Timestamp": "1970-01-01T00:00:01Z", "Name": "Wait",
                       "Input": "\"Tokyo\""}),
                json!({"EventType": "TaskCompleted", "Timestamp": "1970-01-01T00:00:02Z", "FunctionName": "SayHello",
                       "ScheduledTime": "1970-01-01T00:00:01Z", "Input": "\"Tokyo\""}),
                json!({"EventType": "TaskFailed", "Timestamp": "1970-01-01T00:00:03Z", "FunctionName": "Fail",
                       "ScheduledTime": "1970-01-01T00:00:01Z", "Input": "\"Tokyo\"", "Reason": "no", "Details": null,
                       "FailureDetails": {"ErrorType": "E", "ErrorMessage": "no", "StackTrace": null, "InnerFailure": null,
                                          "IsNonRetriable": false, "Properties": {}}}),
                json!({"EventType": "ExecutionCompleted", "Timestamp": "1970-01-01T00:00:03Z",
                       "OrchestrationStatus": "Completed"}),
            ]
        );
    }

    #[test]
    fn results_are_shown_and_inputs_hidden_on_request() {
        let json = to_json(
            &history(),
            HistoryOptions::new().inputs(false).results(true),
        );
        assert!(json.iter().all(|event| event.get("Input").is_none()));
        assert_eq!(json[2]["Result"], "Hello Tokyo!");
        assert_eq!(json[4]["Result"], json!([1]));
    }
}
