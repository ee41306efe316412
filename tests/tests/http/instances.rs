//! The status object, and termination.

use steadfast::http::status_response;

use crate::support::{Server, TIMES};

#[tokio::test]
async fn an_instance_that_has_ended_is_shown_whole() {
    let server = Server::start().await;
    let start = server.post(
        "orchestrators/E1_HelloSequence/demo",
        "[\"Tokyo\",\"서울\"]",
    );
    assert_eq!(start.await.status, 202);
    server.ended("demo").await;
    let answer = server.get("instances/demo").await;
    let end = format!(r#""customStatus":"서울","output":["Hello Tokyo!","Hello 서울!"],{TIMES}}}"#);
    let begin = r#"{"name":"E1_HelloSequence","instanceId":"demo","runtimeStatus":"Completed","#;
    assert_eq!(
        answer.body,
        format!(r#"{begin}"input":["Tokyo","서울"],{end}"#)
    );
    assert_eq!(answer.status, 200);
    answer.is_json();
    assert_eq!(
        (answer.header("location"), answer.header("retry-after")),
        (None, None)
    );

    for query in [
        "showInput=false",
        "SHOWINPUT=False&showHistory=false&showHistoryOutput=true",
    ] {
        let answer = server.get(&format!("instances/demo?{query}")).await;
        assert_eq!(answer.body, format!(r#"{begin}"input":null,{end}"#));
    }
    let answer = server.get("instances/demo?showInput=yes").await;
    assert!(answer.body.contains("Tokyo\","));
}

#[tokio::test]
async fn an_instance_that_lives_is_shown_with_where_and_when_to_ask_again() {
    let server = Server::start().await;
    server.post("orchestrators/Booking/a%20b", "").await;
    server.shows("a b", "\"waiting\"").await;
    let answer = server.get("instances/a%20b?showInput=true&code=x").await;
    assert_eq!(
        answer.body,
        format!(
            r#"{{"name":"Booking","instanceId":"a b","runtimeStatus":"Running","input":null,"customStatus":"waiting","output":null,{TIMES}}}"#
        )
    );
    assert_eq!(answer.status, 202);
    let location = format!(
        "http://{}/runtime/webhooks/durabletask/instances/a%20b?showInput=true&code=x",
        server.address
    );
    assert_eq!(answer.header("location"), Some(location.as_str()));
    assert_eq!(answer.header("retry-after"), Some("5"));
}

#[tokio::test]
async fn a_failure_is_shown_as_text_and_as_500_on_request() {
    let server = Server::start().await;
    server.post("orchestrators/Fails/a", "").await;
    server.ended("a").await;
    let body = format!(
        r#"{{"name":"Fails","instanceId":"a","runtimeStatus":"Failed","input":null,"customStatus":null,"output":"Orchestrator function 'Fails' failed: 한 \"boom\"",{TIMES}}}"#
    );
    for (query, status) in [
        ("", 200),
        ("?returnInternalServerErrorOnFailure=false", 200),
        ("?returnInternalServerErrorOnFailure=true", 500),
    ] {
        let answer = server.get(&format!("instances/a{query}")).await;
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (status, body.as_str())
        );
        assert_eq!(
            (answer.header("location"), answer.header("retry-after")),
            (None, None)
        );
    }
}

#[tokio::test]
async fn a_custom_status_of_the_greatest_size_is_shown_and_a_greater_one_refused() {
    let server = Server::start().await;
    let most = 8_190; // and two quotes: 8,192 code units
    server
        .post("orchestrators/Publish/a", &format!("[{most},{}]", most + 1))
        .await;
    server
        .shows("a", &format!("\"{}\"", "x".repeat(most)))
        .await;
    let shown = server.get("instances/a").await;
    assert_eq!(shown.status, 202);
    assert_eq!(
        shown.json()["customStatus"].as_str().map(str::len),
        Some(most)
    );
    server
        .post("instances/a/raiseEvent/go", "")
        .await
        .is_empty(202);
    let refused = server.ended("a").await.output.unwrap();
    assert!(
        refused.contains("16386") && refused.contains("16384"),
        "{refused}"
    );
    let shown = server.get("instances/a").await;
    assert_eq!(
        shown.json()["customStatus"].as_str().map(str::len),
        Some(most)
    );
    assert_eq!(shown.json()["runtimeStatus"], "Completed");
}

#[tokio::test]
async fn a_stalled_instance_says_why() {
    let server = Server::start().await;
    server.post("orchestrators/Stalls/a", "").await;
    // Answered once it is durable, and what is written before is then durable too.
    server
        .post("instances/a/raiseEvent/go", "1")
        .await
        .is_empty(202);
    let answer = server.get("instances/a").await;
    assert_eq!(answer.status, 202);
    assert!(
        answer.body.contains(&format!(
            "\"output\":null,{TIMES},\"stalled\":\"orchestrator `Stalls` at tests/tests/http/definitions.rs:"
        )),
        "{answer:?}"
    );
    server
        .post("instances/a/terminate?reason=enough", "")
        .await
        .is_empty(202);
    let answer = server.get("instances/a").await;
    assert!(
        answer
            .body
            .ends_with(&format!("\"output\":\"enough\",{TIMES}}}")),
        "{answer:?}"
    );
}

#[tokio::test]
async fn the_history_is_shown_on_request() {
    let server = Server::start().await;
    server.post("orchestrators/Echo/a", "7").await;
    server.ended("a").await;
    let history = async |query: &str| {
        let answer = server.get(&format!("instances/a?{query}")).await;
        answer.json().get("historyEvents").cloned()
    };
    assert_eq!(history("showHistory=false").await, None);
    let plain = history("showHistory=True").await.unwrap();
    let kinds: Vec<_> = plain
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["EventType"].clone())
        .collect();
    assert_eq!(kinds, ["ExecutionStarted", "ExecutionCompleted"]);
    assert_eq!(
        (&plain[0]["Input"], plain[1].get("Result")),
        (&"7".into(), None)
    );
    let full = history("showHistory=true&showHistoryOutput=true&showInput=false")
        .await
        .unwrap();
    assert_eq!(
        (full[0].get("Input"), &full[1]["Result"]),
        (None, &7.into())
    );
}

#[tokio::test]
async fn an_instance_that_does_not_exist_is_not_found() {
    let server = Server::start().await;
    for id in ["a", "@counter@a", "a%23b", "a%5Cb"] {
        server.get(&format!("instances/{id}")).await.is_empty(404);
        server
            .post(&format!("instances/{id}/terminate"), "")
            .await
            .is_empty(404);
        server
            .post(&format!("instances/{id}/raiseEvent/x"), "1")
            .await
            .is_empty(404);
    }
    let answer = server.get("instances/a%2Fb").await;
    answer.is_error(400, "One or more of the arguments submitted is incorrect");
    server.post("orchestrators/Nothing/a", "").await;
    server.get("instances/A").await.is_empty(404);
}

#[tokio::test]
async fn a_termination_ends_an_instance_for_its_reason() {
    let server = Server::start().await;
    for (n, (query, output)) in [
        ("", "null"),
        ("?reason=", "\"\""),
        ("?reason=no%20longer", "\"no longer\""),
        ("?Reason=no+longer", "\"no longer\""),
        ("?reason=%ED%95%9C%20%22a%22", "\"한 \\\"a\\\"\""),
        ("?reason=true", "true"),
        ("?reason=42%20is%20the%20answer", "\"42 is the answer\""),
    ]
    .into_iter()
    .enumerate()
    {
        let id = n.to_string();
        server
            .post(&format!("orchestrators/Booking/{id}"), "")
            .await;
        let answer = server
            .post(&format!("instances/{id}/Terminate{query}"), "no json")
            .await;
        answer.is_empty(202);
        let answer = server.get(&format!("instances/{id}")).await;
        assert_eq!(
            (answer.status, answer.json()["runtimeStatus"].as_str()),
            (200, Some("Terminated"))
        );
        assert!(
            answer
                .body
                .contains(&format!("\"output\":{output},\"created")),
            "{answer:?}"
        );
        server
            .post(&format!("instances/{id}/terminate"), "")
            .await
            .is_empty(410);
    }
}

#[tokio::test]
async fn a_handler_of_your_own_shows_the_same_object() {
    let server = Server::start().await;
    server.post("orchestrators/Booking/a", "").await;
    server.shows("a", "\"waiting\"").await;
    for ended in [false, true] {
        if ended {
            server.instance("a").terminate(None).await.unwrap();
        }
        let shown = server.get("instances/a").await;
        let status = server.instance("a").status().await.unwrap();
        let response = status_response(&status);
        assert_eq!(response.status(), if ended { 200 } else { 202 });
        assert_eq!(response.headers().contains_key("retry-after"), !ended);
        let body = axum::body::to_bytes(response.into_body(), usize::MAX)
            .await
            .unwrap();
        assert_eq!(body, shown.body);
    }
}
