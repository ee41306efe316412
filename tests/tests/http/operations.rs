//! Suspending, resuming, rewinding and restarting; and what there is not.

use crate::support::{Server, TIMES, WEBHOOK};

#[tokio::test]
async fn a_suspended_instance_keeps_its_events_until_it_is_resumed() {
    let server = Server::start().await;
    server.book("a").await;
    server
        .post("instances/a/suspend?reason=for%20lunch", "ignored")
        .await
        .is_empty(202);
    let answer = server.get("instances/a").await;
    assert_eq!(answer.status, 202);
    assert_eq!(
        answer.body,
        format!(
            r#"{{"name":"Booking","instanceId":"a","runtimeStatus":"Suspended","input":null,"customStatus":"waiting","output":null,{TIMES}}}"#
        )
    );
    server
        .post("instances/a/raiseEvent/BookingConfirmed", "1")
        .await
        .is_empty(202);
    assert_eq!(
        server.get("instances/a").await.json()["runtimeStatus"],
        "Suspended"
    );
    server
        .post("instances/a/Resume?reason=again", "")
        .await
        .is_empty(202);
    assert_eq!(server.ended("a").await.output.as_deref(), Some("1"));

    let answer = server.get("instances/a?showHistory=true").await.json();
    let events = answer["historyEvents"].as_array().unwrap();
    let reason = |kind: &str| {
        let event = events.iter().find(|event| event["EventType"] == kind);
        event.unwrap()["Reason"].clone()
    };
    assert_eq!(reason("ExecutionSuspended"), "for lunch");
    assert_eq!(reason("ExecutionResumed"), "again");
}

#[tokio::test]
async fn suspending_and_resuming_twice_does_no_harm() {
    let server = Server::start().await;
    server.book("a").await;
    for operation in ["resume", "suspend", "suspend", "resume", "resume"] {
        let path = format!("instances/a/{operation}");
        server.post(&path, "").await.is_empty(202);
    }
    let answer = server.get("instances/a").await;
    assert_eq!(answer.json()["runtimeStatus"], "Running");
}

#[tokio::test]
async fn operations_need_an_instance_that_lives() {
    let server = Server::start().await;
    server.run("Nothing", "ended", "").await;
    for operation in ["terminate", "suspend", "resume"] {
        for (id, status) in [("ended", 410), ("unknown", 404), ("@counter@a", 404)] {
            let path = format!("instances/{id}/{operation}");
            server.post(&path, "").await.is_empty(status);
        }
        let path = format!("instances/a%2Fb/{operation}");
        let text = "One or more of the arguments submitted is incorrect";
        server.post(&path, "").await.is_error(400, text);
    }
}

#[tokio::test]
async fn a_failed_instance_goes_on_when_it_is_rewound() {
    let server = Server::start().await;
    server.run("Repairs", "a", "\"the engine\"").await;
    let failed = server.get("instances/a").await.json();
    assert_eq!(
        failed["output"],
        "Orchestrator function 'Repairs' failed: the engine is not ready"
    );
    server
        .post("instances/a/rewind?reason=it+is+now", "")
        .await
        .is_empty(202);
    let status = server.ended("a").await;
    assert_eq!(status.output.as_deref(), Some("\"the engine is done\""));
    let answer = server
        .get("instances/a?showHistory=true&showHistoryOutput=true")
        .await
        .json();
    assert_eq!(answer["customStatus"], "the engine");
    let events = answer["historyEvents"].as_array().unwrap();
    let kinds: Vec<_> = events
        .iter()
        .map(|e| e["EventType"].as_str().unwrap())
        .collect();
    assert!(kinds.contains(&"ExecutionRewound"), "{kinds:?}");
    assert_eq!(kinds.last(), Some(&"ExecutionCompleted"));
}

#[tokio::test]
async fn only_what_has_failed_can_be_rewound_and_the_answer_is_a_text() {
    let server = Server::start().await;
    server.run("Nothing", "completed", "").await;
    server.book("running").await;
    server.book("terminated").await;
    server
        .post("instances/terminated/terminate", "")
        .await
        .is_empty(202);
    for (id, status) in [
        ("completed", "Completed"),
        ("running", "Running"),
        ("terminated", "Terminated"),
    ] {
        let answer = server.post(&format!("instances/{id}/rewind"), "").await;
        let text = answer.is_text(412);
        assert!(text.contains(id) && text.contains(status), "{text}");
    }
    for (path, id) in [
        ("instances/unknown/rewind", "unknown"),
        ("instances/%40counter%40a/rewind", "@counter@a"),
        ("instances/running/rewind?taskHub=other", "running"),
    ] {
        let text = server.post(path, "").await.is_text(404);
        assert!(text.contains(id), "{text}");
    }
}

#[tokio::test]
async fn a_restart_begins_anew_under_another_id() {
    let server = Server::start().await;
    server.run("Echo", "a", "{\"b\" : 1}").await;
    let answer = server.post("instances/a/restart", "").await;
    assert_eq!(answer.status, 202);
    assert_eq!(answer.header("retry-after"), Some("10"));
    let links = answer.json();
    let id = links["id"].as_str().unwrap().to_owned();
    assert!(id.len() == 32 && id != "a", "{id}");
    let location = format!(
        "http://{}{WEBHOOK}/instances/{id}?taskHub=default&connection=Storage",
        server.address
    );
    assert_eq!(answer.header("location"), Some(location.as_str()));
    assert_eq!(links["statusQueryGetUri"], location.as_str());
    assert_eq!(links.get("rewindPostUri"), None);
    let status = server.ended(&id).await;
    assert_eq!(
        (status.name.as_str(), status.input.as_deref()),
        ("Echo", Some("{\"b\" : 1}"))
    );

    server.book("lives").await;
    let answer = server
        .post("instances/lives/restart?restartWithNewInstanceId=True", "")
        .await;
    assert_eq!(answer.status, 202);
    let source = server.get("instances/lives").await;
    assert_eq!(source.json()["runtimeStatus"], "Running");
}

#[tokio::test]
async fn a_restart_under_the_same_id_replaces_what_has_ended_and_nothing_else() {
    let server = Server::start().await;
    server.book("a").await;
    let path = "instances/a/restart?restartWithNewInstanceId=false";
    let text = server.post(path, "").await.is_error(
        409,
        "A non-terminal instance with this instance ID already exists.",
    );
    assert!(text.contains("`a`") && text.contains("Running"), "{text}");

    server
        .post("instances/a/terminate?reason=old", "")
        .await
        .is_empty(202);
    let answer = server.post(path, "").await;
    assert_eq!((answer.status, &answer.json()["id"]), (202, &"a".into()));
    server.shows("a", "\"waiting\"").await;
    let status = server.get("instances/a").await.json();
    assert_eq!(
        (&status["runtimeStatus"], &status["output"]),
        (&"Running".into(), &serde_json::Value::Null)
    );
}

#[tokio::test]
async fn a_restart_of_what_there_is_not_is_a_mistake_in_the_request() {
    let server = Server::start().await;
    server.run("Nothing", "a", "").await;
    for path in [
        "instances/unknown/restart",
        "instances/unknown/restart?restartWithNewInstanceId=false",
        "instances/%40counter%40a/restart",
        "instances/a/restart?taskHub=other",
    ] {
        server.post(path, "").await.is_error(
            400,
            "InstanceId does not match a valid orchestration instance.",
        );
    }
}

#[tokio::test]
async fn there_are_no_entities_and_no_other_primary() {
    let server = Server::start().await;
    for target in [
        "GET /durabletask/entities",
        "GET /durabletask/entities/counter",
        "GET /durabletask/entities/counter/a",
        "PUT /durabletask/entities/counter/a",
        "GET /durabletask/makeprimary",
        "POST /durabletask/makeprimary",
    ] {
        server.send(target, &[], b"").await.is_empty(404);
    }
    for target in [
        "POST /durabletask/entities/counter",
        "POST /durabletask/entities/counter/a?op=add",
        "DELETE /durabletask/entities/counter/a",
    ] {
        let answer = server.send(target, &[], b"1").await;
        answer.is_error(501, "signalling an entity is not supported");
    }
}
