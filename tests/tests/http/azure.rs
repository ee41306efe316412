//! The samples of Azure's documentation of the HTTP API, line by line, with its header lines and its query strings; and what it says
//! that is answered.

use serde_json::{Value, json};
use steadfast::Steadfast;
use steadfast::http::{Api, Key};
use steadfast::store::memory::MemoryStore;
use steadfast::testing::ManualClock;

use crate::support::{Answer, send, serve_plainly};

const KEY: &str = "system-key-system-key";
const JSON: &[&str] = &["Content-Type: application/json"];

/// A function application with the task hub and the key of the samples.
struct Application {
    steadfast: Steadfast,
    address: std::net::SocketAddr,
}

impl Application {
    async fn start() -> Self {
        let clock = ManualClock::new("2018-02-28T05:18:49.345237Z".parse().unwrap());
        let builder = Steadfast::builder().store(MemoryStore::new()).clock(clock);
        let steadfast = builder
            .task_hub("DurableFunctionsHub")
            .start()
            .await
            .unwrap();
        let api = Api::new(steadfast.client().clone()).key(Key::new("system", KEY).unwrap());
        let address = serve_plainly(api.router()).await;
        Self { steadfast, address }
    }

    /// Sends a sample, with its placeholders filled in.
    async fn send(&self, request: &str, headers: &[&str], body: &str) -> Answer {
        let request = request
            .replace("{taskHub}", "DurableFunctionsHub")
            .replace("{connection}", "Storage")
            .replace("{systemKey}", KEY);
        send(self.address, &request, headers, body.as_bytes()).await
    }

    async fn ended(&self, id: &str) {
        let instance = self.steadfast.client().instance(id).unwrap();
        instance.wait_for_completion().await.unwrap();
    }

    /// Waits for a custom status, as JSON text.
    async fn shows(&self, id: &str, json: &str) {
        let instance = self.steadfast.client().instance(id).unwrap();
        let shown = instance.wait_custom_status(|s| s.as_json() == json);
        assert!(shown.await.unwrap().is_some(), "{id} ended without {json}");
    }
}

/// An object without what tells of times.
fn timeless(mut event: Value) -> Value {
    let object = event.as_object_mut().unwrap();
    for key in ["Timestamp", "ScheduledTime"] {
        if let Some(time) = object.remove(key) {
            assert_eq!(time, "2018-02-28T05:18:49.345237Z");
        }
    }
    event
}

#[tokio::test]
async fn start_orchestration() {
    let app = Application::start().await;
    let body = r#"{
    "resourceGroup": "myRG",
    "subscriptionId": "aaaa0a0a-bb1b-cc2c-dd3d-eeeeee4e4e4e"
}"#;
    let answer = app
        .send(
            "POST /runtime/webhooks/durabletask/orchestrators/RestartVMs?code={systemKey}",
            JSON,
            body,
        )
        .await;
    assert_eq!(answer.status, 202);
    assert_eq!(answer.header("retry-after"), Some("10"));
    answer.is_json();
    let links = answer.json();
    let id = links["id"].as_str().unwrap();
    let base = format!(
        "http://{}/runtime/webhooks/durabletask/instances/{id}",
        app.address
    );
    let query = format!("taskHub=DurableFunctionsHub&connection=Storage&code={KEY}");
    let location = format!("{base}?{query}");
    assert_eq!(answer.header("location"), Some(location.as_str()));
    assert_eq!(
        links,
        json!({
            "id": id,
            "purgeHistoryDeleteUri": format!("{base}?{query}"),
            "sendEventPostUri": format!("{base}/raiseEvent/{{eventName}}?{query}"),
            "statusQueryGetUri": format!("{base}?{query}"),
            "terminatePostUri": format!("{base}/terminate?reason={{text}}&{query}"),
            "suspendPostUri": format!("{base}/suspend?reason={{text}}&{query}"),
            "resumePostUri": format!("{base}/resume?reason={{text}}&{query}"),
            "restartPostUri": format!("{base}/restart?{query}"),
        })
    );
    app.ended(id).await;
    let origin = format!("http://{}", app.address);
    let request = format!("GET {}", location.strip_prefix(&origin).unwrap());
    let status = app.send(&request, &[], "").await.json();
    assert_eq!(status["input"]["resourceGroup"], "myRG");
}

#[tokio::test]
async fn get_instance_status() {
    let app = Application::start().await;
    let id = "7af46ff000564c65aafbfe99d07c32a5";
    let start = format!(
        "POST /runtime/webhooks/durabletask/orchestrators/E1_HelloSequence/{id}?code={{systemKey}}"
    );
    app.send(&start, JSON, r#"["Tokyo","Seattle","London"]"#)
        .await;
    app.ended(id).await;
    let answer = app
        .send(
            &format!(
                "GET /runtime/webhooks/durabletask/instances/{id}?taskHub={{taskHub}}&connection={{connection}}&code={{systemKey}}\
                 &showHistory=true&showHistoryOutput=true&showInput=false&returnInternalServerErrorOnFailure=false"
            ),
            &[],
            "",
        )
        .await;
    assert_eq!(answer.status, 200);
    answer.is_json();
    let mut status = answer.json();
    let events = status.as_object_mut().unwrap().remove("historyEvents");
    let Some(Value::Array(events)) = events else {
        panic!("{answer:?}");
    };
    let events: Vec<_> = events.into_iter().map(timeless).collect();
    let completed = |greeting: &str| json!({"EventType": "TaskCompleted", "FunctionName": "E1_SayHello", "Result": greeting});
    let greetings = json!(["Hello Tokyo!", "Hello Seattle!", "Hello London!"]);
    assert_eq!(
        events,
        [
            json!({"EventType": "ExecutionStarted", "FunctionName": "E1_HelloSequence"}),
            completed("Hello Tokyo!"),
            completed("Hello Seattle!"),
            completed("Hello London!"),
            json!({"EventType": "ExecutionCompleted", "OrchestrationStatus": "Completed", "Result": greetings}),
        ]
    );
    assert_eq!(
        status,
        json!({
            "name": "E1_HelloSequence",
            "instanceId": id,
            "createdTime": "2018-02-28T05:18:49Z",
            "lastUpdatedTime": "2018-02-28T05:18:49Z",
            "input": null,
            "customStatus": "London",
            "output": greetings,
            "runtimeStatus": "Completed",
        })
    );

    let answer = app
        .send(
            "GET /runtime/webhooks/durabletask/instances/unknown?taskHub={taskHub}&connection={connection}&code={systemKey}",
            &[],
            "",
        )
        .await;
    answer.is_empty(404);
}

#[tokio::test]
async fn the_custom_status_of_the_sample_is_shown_while_it_runs() {
    let app = Application::start().await;
    app.send(
        "POST /runtime/webhooks/durabletask/orchestrators/Shows/instance123?code={systemKey}",
        JSON,
        r#"{"nextActions":["A","B","C"],"foo":2}"#,
    )
    .await;
    app.shows("instance123", r#"{"nextActions":["A","B","C"],"foo":2}"#)
        .await;
    let answer = app
        .send(
            "GET /runtime/webhooks/durabletask/instances/instance123?code={systemKey}&showInput=false",
            &[],
            "",
        )
        .await;
    assert_eq!(answer.status, 202);
    assert_eq!(
        answer.body,
        r#"{"name":"Shows","instanceId":"instance123","runtimeStatus":"Running","input":null,"customStatus":{"nextActions":["A","B","C"],"foo":2},"output":null,"createdTime":"2018-02-28T05:18:49Z","lastUpdatedTime":"2018-02-28T05:18:49Z"}"#
    );
}

#[tokio::test]
async fn get_all_instances_status_and_its_pages() {
    let app = Application::start().await;
    for (id, input) in [
        ("7af46ff000564c65aafbfe99d07c32a5", "\"Tokyo\""),
        ("second", "1"),
    ] {
        let start = format!(
            "POST /runtime/webhooks/durabletask/orchestrators/Echo/{id}?code={{systemKey}}"
        );
        app.send(&start, JSON, input).await;
        app.ended(id).await;
    }
    let request = "GET /runtime/webhooks/durabletask/instances?taskHub={taskHub}&connection={connection}&code={systemKey}\
                   &createdTimeFrom=2018-02-28T00:00:00Z&createdTimeTo=2018-03-01T00:00:00Z\
                   &runtimeStatus=Running,Pending,Completed&showInput=true&top=1";
    let first = app.send(request, &[], "").await;
    assert_eq!(first.status, 200);
    first.is_json();
    let object = |id: &str, value: Value| {
        json!({
            "name": "Echo", "instanceId": id, "runtimeStatus": "Completed", "input": value, "customStatus": value,
            "output": value, "createdTime": "2018-02-28T05:18:49Z", "lastUpdatedTime": "2018-02-28T05:18:49Z",
        })
    };
    let id = "7af46ff000564c65aafbfe99d07c32a5";
    assert_eq!(first.json(), json!([object(id, json!("Tokyo"))]));
    let token = first.header("x-ms-continuation-token").unwrap();
    let header = format!("x-ms-continuation-token: {token}");
    let second = app.send(request, &[&header], "").await;
    assert_eq!(second.json(), json!([object("second", json!(1))]));
    assert_eq!(second.header("x-ms-continuation-token"), Some(""));
}

#[tokio::test]
async fn purge_a_single_instance_and_several() {
    let app = Application::start().await;
    for id in ["7af46ff000564c65aafbfe99d07c32a5", "a", "b"] {
        let start = format!(
            "POST /runtime/webhooks/durabletask/orchestrators/Nothing/{id}?code={{systemKey}}"
        );
        app.send(&start, JSON, "").await;
        app.ended(id).await;
    }
    let one = "DELETE /runtime/webhooks/durabletask/instances/7af46ff000564c65aafbfe99d07c32a5\
               ?taskHub={taskHub}&connection={connection}&code={systemKey}";
    let answer = app.send(one, &[], "").await;
    assert_eq!(answer.status, 200);
    answer.is_json();
    assert_eq!(answer.body, r#"{"instancesDeleted":1}"#);
    app.send(one, &[], "").await.is_empty(404);

    let several = "DELETE /runtime/webhooks/durabletask/instances\
                   ?taskHub={taskHub}&connection={connection}&code={systemKey}\
                   &createdTimeFrom=2018-02-28T05:18:49Z&createdTimeTo=2018-02-28T05:18:50Z&runtimeStatus=Completed";
    let answer = app.send(several, &[], "").await;
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (200, r#"{"instancesDeleted":2}"#)
    );
    app.send(several, &[], "").await.is_empty(404);
}

#[tokio::test]
async fn raise_event() {
    let app = Application::start().await;
    let id = "bcf6fb5067b046fbb021b52ba7deae5a";
    let start =
        format!("POST /runtime/webhooks/durabletask/orchestrators/Counts/{id}?code={{systemKey}}");
    app.send(&start, JSON, "").await;
    let request = format!(
        "POST /runtime/webhooks/durabletask/instances/{id}/raiseEvent/operation\
         ?taskHub=DurableFunctionsHub&connection={{connection}}&code={{systemKey}}"
    );
    app.send(&request, JSON, "\"incr\"").await.is_empty(202);
    app.ended(id).await;
    let status = format!("GET /runtime/webhooks/durabletask/instances/{id}?code={{systemKey}}");
    assert_eq!(app.send(&status, &[], "").await.json()["output"], "incr");
    app.send(&request, JSON, "\"incr\"").await.is_empty(410);
    let text = "Content-Type: text/plain";
    app.send(&request, &[text], "incr").await.is_empty(410);
    let unknown = request.replace(id, "unknown");
    app.send(&unknown, JSON, "\"incr\"").await.is_empty(404);
}

#[tokio::test]
async fn terminate_suspend_resume_and_rewind() {
    let app = Application::start().await;
    let id = "bcf6fb5067b046fbb021b52ba7deae5a";
    let start =
        format!("POST /runtime/webhooks/durabletask/orchestrators/Booking/{id}?code={{systemKey}}");
    app.send(&start, JSON, "").await;
    let sample = |operation: &str| {
        format!(
            "POST /runtime/webhooks/durabletask/instances/{id}/{operation}&taskHub=DurableFunctionsHub&connection={{connection}}\
             &code={{systemKey}}"
        )
    };
    let status = format!("GET /runtime/webhooks/durabletask/instances/{id}?code={{systemKey}}");
    for (operation, runtime_status, output) in [
        ("suspend?reason=buggy", "Suspended", Value::Null),
        ("resume?reason=fixed", "Running", Value::Null),
        ("terminate?reason=buggy", "Terminated", json!("buggy")),
    ] {
        app.send(&sample(operation), &[], "").await.is_empty(202);
        let shown = app.send(&status, &[], "").await.json();
        assert_eq!(
            (&shown["runtimeStatus"], &shown["output"]),
            (&json!(runtime_status), &output)
        );
    }
    app.send(&sample("terminate?reason=buggy"), &[], "")
        .await
        .is_empty(410);
    let answer = app.send(&sample("rewind?reason=fixed"), &[], "").await;
    assert!(answer.is_text(412).contains("Terminated"));

    let start = "POST /runtime/webhooks/durabletask/orchestrators/Repairs/failed?code={systemKey}";
    app.send(start, JSON, "\"the sample\"").await;
    app.ended("failed").await;
    let rewind = sample("rewind?reason=fixed").replace(id, "failed");
    app.send(&rewind, &[], "").await.is_empty(202);
    app.ended("failed").await;
    let status = status.replace(id, "failed");
    let shown = app.send(&status, &[], "").await.json();
    assert_eq!(
        (&shown["runtimeStatus"], &shown["output"]),
        (&json!("Completed"), &json!("the sample is done"))
    );
}
