//! The history in a status: one event for a call and its result, by the names of the API.

use serde_json::{Value, json};

use crate::support::Server;

const NOW: &str = "2026-02-28T23:59:59.999Z";

/// An event at the time at which the server's clock stands.
fn event(kind: &str, rest: Value) -> Value {
    let mut event = json!({ "EventType": kind, "Timestamp": NOW });
    let Value::Object(rest) = rest else {
        panic!("the rest of an event is an object");
    };
    event.as_object_mut().unwrap().extend(rest);
    event
}

fn failure(kind: &str, message: &str) -> Value {
    json!({
        "ErrorType": kind, "ErrorMessage": message, "StackTrace": null, "InnerFailure": null, "IsNonRetriable": false,
        "Properties": {}
    })
}

async fn history(server: &Server, id: &str, query: &str) -> Vec<Value> {
    let path = format!("instances/{id}?showHistory=true{query}");
    let answer = server.get(&path).await.json();
    answer["historyEvents"].as_array().unwrap().clone()
}

#[tokio::test]
async fn every_kind_of_event_has_its_keys() {
    let server = Server::start().await;
    server.post("orchestrators/Eventful/e", "").await;
    server.shows("e", "\"called\"").await;
    server
        .post("instances/e/raiseEvent/Go", " 7 ")
        .await
        .is_empty(202);
    server.ended("e").await;
    let text = "alloc::string::String";
    let all = vec![
        event(
            "ExecutionStarted",
            json!({"FunctionName": "Eventful", "Input": null}),
        ),
        event(
            "TaskCompleted",
            json!({"FunctionName": "E1_SayHello", "ScheduledTime": NOW, "Input": "\"Tokyo\"", "Result": "Hello Tokyo!"}),
        ),
        event(
            "TaskFailed",
            json!({"FunctionName": "Flaky", "ScheduledTime": NOW, "Input": "\"the eventful one\"",
                   "Reason": "the eventful one is not ready", "Details": null,
                   "FailureDetails": failure(text, "the eventful one is not ready")}),
        ),
        event(
            "SubOrchestrationInstanceCompleted",
            json!({"FunctionName": "Double", "InstanceId": "doubles", "ScheduledTime": NOW, "Input": "21", "Result": 42}),
        ),
        event(
            "SubOrchestrationInstanceFailed",
            json!({"FunctionName": "Fails", "InstanceId": "fails", "ScheduledTime": NOW, "Input": null,
                   "Reason": "한 \"boom\"", "Details": null, "FailureDetails": failure(text, "한 \"boom\"")}),
        ),
        event("TimerCreated", json!({ "FireAt": NOW })),
        event("TimerFired", json!({ "FireAt": NOW })),
        event(
            "EventSent",
            json!({"InstanceId": "doubles", "Name": "hello", "Input": "1"}),
        ),
        event(
            "SubOrchestrationInstanceCreated",
            json!({"Name": "Booking", "InstanceId": "waits", "Input": null}),
        ),
        event("EventRaised", json!({"Name": "Go", "Input": " 7 "})),
        event(
            "ExecutionCompleted",
            json!({"OrchestrationStatus": "Completed", "Result": 7}),
        ),
    ];
    assert_eq!(history(&server, "e", "&showHistoryOutput=true").await, all);

    let without = |hidden: &'static str| {
        let mut events = all.clone();
        for event in &mut events {
            event.as_object_mut().unwrap().remove(hidden);
        }
        events
    };
    assert_eq!(history(&server, "e", "").await, without("Result"));
    let shown = history(&server, "e", "&showHistoryOutput=true&showInput=false").await;
    assert_eq!(shown, without("Input"));
}

#[tokio::test]
async fn an_end_that_is_no_completion_says_what_it_is() {
    let server = Server::start().await;
    server.run("Fails", "f", "").await;
    let ended = history(&server, "f", "&showHistoryOutput=true").await;
    let details = failure("alloc::string::String", "한 \"boom\"");
    let expected = event(
        "ExecutionCompleted",
        json!({"OrchestrationStatus": "Failed", "Result": null, "FailureDetails": details}),
    );
    assert_eq!(ended.last(), Some(&expected));

    server.book("t").await;
    server
        .post("instances/t/terminate?reason=enough", "")
        .await
        .is_empty(202);
    let ended = history(&server, "t", "").await;
    let expected = [
        event("ExecutionTerminated", json!({"Input": "enough"})),
        event(
            "ExecutionCompleted",
            json!({"OrchestrationStatus": "Terminated"}),
        ),
    ];
    assert_eq!(ended[1..], expected);
}
