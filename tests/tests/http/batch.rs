//! Many operations in one request.

use serde_json::{Value, json};

use crate::support::Server;

async fn batch(server: &Server, operations: &Value) -> Vec<Value> {
    let answer = server.post("batch", &operations.to_string()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.is_json();
    serde_json::from_str(&answer.body).unwrap()
}

#[tokio::test]
async fn one_instance_is_told_many_things_in_their_order() {
    let server = Server::start().await;
    let mut operations = vec![
        json!({"operation": "start", "orchestratorName": "booking", "instanceId": "a", "tags": {"customer": "7"}}),
        json!({"operation": "suspend", "instanceId": "a", "reason": "wait"}),
        json!({"operation": "raiseEvent", "instanceId": "a", "eventName": "BookingConfirmed", "payload": [1, 2]}),
        json!({"operation": "resume", "instanceId": "a"}),
    ];
    // More than one would poll in one go.
    operations.extend((0..100).map(
        |number| json!({"operation": "start", "orchestratorName": "Double", "input": number}),
    ));
    let results = batch(&server, &json!(operations)).await;
    let accepted = json!({"status": 202, "instanceId": "a"});
    assert_eq!(
        results[..4],
        [&accepted, &accepted, &accepted, &accepted].map(Value::clone)
    );
    let ended = server.ended("a").await;
    assert_eq!(ended.output.as_deref(), Some("[1,2]"));
    assert_eq!(ended.tags["customer"], "7");
    for (number, result) in results[4..].iter().enumerate() {
        let id = result["instanceId"].as_str().unwrap();
        let output = server.ended(id).await.output;
        assert_eq!(output, Some((2 * number).to_string()));
    }
    let purge = json!([{"operation": "purge", "instanceId": "a"}]);
    assert_eq!(
        batch(&server, &purge).await,
        [json!({"status": 200, "instanceId": "a"})]
    );
    server.get("instances/a").await.is_empty(404);
}

#[tokio::test]
async fn an_entry_that_fails_is_answered_in_its_place_and_spares_the_others() {
    let server = Server::start().await;
    server.post("orchestrators/Nothing/ended", "").await;
    server.ended("ended").await;
    let entries = [
        (
            json!({"operation": "start", "orchestratorName": "Double", "instanceId": "first", "input": 1}),
            202,
            "",
        ),
        (
            json!({"operation": "start", "orchestratorName": "Nobody", "instanceId": "x"}),
            400,
            "UnknownOrchestrator",
        ),
        (
            json!({"operation": "start", "orchestratorName": "Double", "input": "one"}),
            400,
            "InvalidInput",
        ),
        (
            json!({"operation": "start", "orchestratorName": "Double", "instanceId": "a/b"}),
            400,
            "InvalidInstanceId",
        ),
        (
            json!({"operation": "terminate", "instanceId": "nobody"}),
            404,
            "",
        ),
        (
            json!({"operation": "resume", "instanceId": "@entity"}),
            404,
            "",
        ),
        (
            json!({"operation": "terminate", "instanceId": "ended"}),
            410,
            "",
        ),
        (
            json!({"operation": "rewind", "instanceId": "ended"}),
            412,
            "NotFailed",
        ),
        (
            json!({"operation": "purge", "instanceId": "nobody"}),
            404,
            "",
        ),
        (
            json!({"operation": "raiseEvent", "instanceId": "ended", "eventName": "e"}),
            410,
            "",
        ),
        // What cannot be read, and what would be ignored.
        (
            json!({"operation": "restart", "instanceId": "ended"}),
            400,
            "InvalidOperation",
        ),
        (json!({"operation": "terminate"}), 400, "InvalidOperation"),
        (
            json!({"operation": "purge", "instanceId": "ended", "reason": "old"}),
            400,
            "InvalidOperation",
        ),
        (json!({"instanceId": "ended"}), 400, "InvalidOperation"),
        (json!(7), 400, "InvalidOperation"),
        (
            json!({"operation": "rewind", "instanceId": "nobody"}),
            404,
            "NothingToRewind",
        ),
        (
            json!({"operation": "start", "orchestratorName": "Double", "version": " ", "input": 3}),
            202,
            "",
        ),
        (
            json!({"operation": "start", "orchestratorName": "Echo", "instanceId": "last", "input": null}),
            202,
            "",
        ),
    ];
    let operations: Vec<_> = entries.iter().map(|(entry, ..)| entry).collect();
    let results = batch(&server, &json!(operations)).await;
    assert_eq!(results.len(), entries.len());
    for ((entry, status, kind), result) in entries.iter().zip(&results) {
        assert_eq!(result["status"], *status, "{entry} {result}");
        let kind = Some(*kind).filter(|kind| !kind.is_empty());
        match &result["error"] {
            // Answers to rewinds are bare texts.
            Value::String(_) => {
                assert!(
                    matches!(kind, Some("NotFailed" | "NothingToRewind")),
                    "{entry}"
                );
            }
            error => assert_eq!(error["ExceptionType"].as_str(), kind, "{entry} {result}"),
        }
    }
    assert_eq!(server.ended("first").await.output.as_deref(), Some("2"));
    assert_eq!(server.ended("last").await.output.as_deref(), Some("null"));
    assert!(server.instance("ended").status().await.is_ok());
}

#[tokio::test]
async fn what_is_no_list_of_operations_or_too_long_a_one_is_refused() {
    let server = Server::start().await;
    for body in ["", "[", "[7"] {
        let answer = server.post("batch", body).await;
        answer.is_error(400, "Invalid JSON content");
    }
    for body in ["{}", "7", "null"] {
        let answer = server.post("batch", body).await;
        let text = answer.is_error(400, "One or more of the arguments submitted is incorrect");
        assert!(text.contains("expected a list of operations"), "{text}");
    }
    assert_eq!(batch(&server, &json!([])).await, Vec::<Value>::new());
    let purge = json!({"operation": "purge", "instanceId": "nobody"});
    let results = batch(&server, &json!(vec![&purge; 1000])).await;
    assert_eq!(results.len(), 1000);
    let answer = server
        .post("batch", &json!(vec![&purge; 1001]).to_string())
        .await;
    answer.is_error(413, "The batch is too large");
    server.get("batch").await.is_empty(404);
}

/// What an operation is answered alone: its code, and what is in its body.
async fn alone(server: &Server, method: &str, path: &str) -> (u16, Value) {
    let request = format!("{method} {}/{path}", crate::support::WEBHOOK);
    let headers = ["Content-Type: application/json"];
    let answer = server.send(&request, &headers, b"").await;
    let body = serde_json::from_str(&answer.body).unwrap_or(Value::Null);
    (answer.status, body)
}

#[tokio::test]
async fn an_operation_is_answered_as_it_is_alone_also_in_another_hub() {
    let server = Server::start().await;
    server.book("lives").await;
    let long = "x".repeat(257);
    for hub in ["", "?taskHub=other"] {
        for (operation, id) in [
            ("terminate", "nobody"),
            ("suspend", "nobody"),
            ("resume", "@nobody"),
            ("rewind", "nobody"),
            ("rewind", "@nobody"),
            ("rewind", "lives"),
            ("rewind", long.as_str()),
            ("terminate", long.as_str()),
            ("purge", "nobody"),
            ("purge", "lives"),
            ("start", "lives"),
            ("start", "@nobody"),
            ("terminate", "a/b"),
        ] {
            let mut entry = json!({"operation": operation, "instanceId": id});
            let segment = id.replace('/', "%2F");
            let (method, path) = match operation {
                "start" => {
                    entry["orchestratorName"] = "Booking".into();
                    ("POST", format!("orchestrators/Booking/{segment}{hub}"))
                }
                "purge" => ("DELETE", format!("instances/{segment}{hub}")),
                _ => ("POST", format!("instances/{segment}/{operation}{hub}")),
            };
            let (status, body) = alone(&server, method, &path).await;
            let answer = server
                .post(&format!("batch{hub}"), &json!([entry]).to_string())
                .await;
            let results = answer.json();
            assert_eq!(results[0]["status"], status, "{entry} {hub}");
            assert_eq!(results[0]["error"], body, "{entry} {hub}");
        }
    }
}
