//! Starting.

use crate::support::{Server, WEBHOOK};

const BAD_ARGUMENT: &str = "One or more of the arguments submitted is incorrect";

#[tokio::test]
async fn a_start_answers_with_the_links_of_its_instance() {
    let server = Server::start().await;
    let answer = server
        .post("orchestrators/E1_HelloSequence/demo", "[\"Tokyo\"]")
        .await;
    let instance = format!("http://{}{WEBHOOK}/instances/demo", server.address);
    let query = "taskHub=default&connection=Storage";
    assert_eq!(answer.status, 202);
    answer.is_json();
    assert_eq!(
        answer.body,
        format!(
            "{{\"id\":\"demo\",\
             \"statusQueryGetUri\":\"{instance}?{query}\",\
             \"sendEventPostUri\":\"{instance}/raiseEvent/{{eventName}}?{query}\",\
             \"terminatePostUri\":\"{instance}/terminate?reason={{text}}&{query}\",\
             \"purgeHistoryDeleteUri\":\"{instance}?{query}\",\
             \"restartPostUri\":\"{instance}/restart?{query}\",\
             \"suspendPostUri\":\"{instance}/suspend?reason={{text}}&{query}\",\
             \"resumePostUri\":\"{instance}/resume?reason={{text}}&{query}\"}}"
        )
    );
    let location = format!("{instance}?{query}");
    assert_eq!(answer.header("location"), Some(location.as_str()));
    assert_eq!(answer.header("retry-after"), Some("10"));
    let output = server.ended("demo").await.output;
    assert_eq!(output.as_deref(), Some("[\"Hello Tokyo!\"]"));
}

#[tokio::test]
async fn an_id_is_generated_when_none_is_given() {
    let server = Server::start().await;
    for path in ["orchestrators/nothing", "orchestrators/NOTHING/"] {
        let answer = server.post(path, "").await;
        let id = answer.json()["id"].as_str().unwrap().to_owned();
        assert!(id.len() == 32 && id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')));
        assert_eq!(server.ended(&id).await.name, "Nothing");
    }
}

#[tokio::test]
async fn ids_of_any_alphabet_work_and_are_encoded_in_links() {
    let server = Server::start().await;
    let answer = server
        .post(
            "orchestrators/Nothing/%ED%95%9C%EA%B5%AD%EC%96%B4%20a+b",
            "",
        )
        .await;
    assert_eq!(answer.json()["id"], "한국어 a+b");
    assert!(answer.body.starts_with("{\"id\":\"한국어 a+b\","));
    let location = answer.header("location").unwrap().to_owned();
    assert!(
        location.contains("/instances/%ED%95%9C%EA%B5%AD%EC%96%B4%20a%2Bb?"),
        "{location}"
    );
    server.ended("한국어 a+b").await;
    let target = location
        .strip_prefix(&format!("http://{}", server.address))
        .unwrap();
    let status = server.send(&format!("GET {target}"), &[], b"").await;
    assert_eq!(status.status, 200);
    assert_eq!(status.json()["instanceId"], "한국어 a+b");
}

#[tokio::test]
async fn inputs_are_kept_byte_for_byte_whatever_the_content_type() {
    let server = Server::start().await;
    let target = format!("POST {WEBHOOK}/orchestrators/Echo");
    let deep = "[".repeat(1_000) + &"]".repeat(1_000);
    for (n, input) in [
        "\"\"",
        "null",
        "0",
        "\"\\\"1\\\"\"",
        "\"{\\\"a\\\": 1}\"",
        "{\"b\" : 1,\"a\":2, \"b\":3}",
        "123456789012345678901234567890.1234567890",
        "1.0",
        "\"\\ud55c한😀\"",
        &deep,
    ]
    .into_iter()
    .enumerate()
    {
        let id = n.to_string();
        let headers: &[&str] = match n % 3 {
            0 => &[],
            1 => &["Content-Type: application/octet-stream"],
            _ => &["Content-Type: application/json"],
        };
        let answer = server
            .send(&format!("{target}/{id}"), headers, input.as_bytes())
            .await;
        assert_eq!(answer.status, 202, "{input}: {answer:?}");
        let status = server.ended(&id).await;
        assert_eq!(status.input.as_deref(), Some(input));
        let shown = server.get(&format!("instances/{id}")).await.body;
        for key in ["input", "output"] {
            assert!(shown.contains(&format!("\"{key}\":{input},")), "{shown}");
        }
    }
}

#[tokio::test]
async fn an_empty_body_is_no_input_and_an_empty_string_is_one() {
    let server = Server::start().await;
    server.post("orchestrators/Nothing/none", "").await;
    assert_eq!(server.ended("none").await.input, None);
    server.post("orchestrators/Nothing/empty", "\"\"").await;
    assert_eq!(server.ended("empty").await.input.as_deref(), Some("\"\""));
}

#[tokio::test]
async fn an_input_encoded_twice_reaches_a_typed_parameter() {
    let server = Server::start().await;
    server.post("orchestrators/Double/number", "\"1\"").await;
    server
        .post("orchestrators/Unwrap/object", "\"{\\\"a\\\":1}\"")
        .await;
    server.post("orchestrators/Add/two", "\"[1, 2]\"").await;
    server
        .post("orchestrators/Add/names", "{\"right\":3,\"left\":4}")
        .await;
    assert_eq!(server.ended("number").await.output.as_deref(), Some("2"));
    assert_eq!(server.ended("object").await.output.as_deref(), Some("1"));
    assert_eq!(server.ended("two").await.output.as_deref(), Some("3"));
    assert_eq!(server.ended("names").await.output.as_deref(), Some("7"));
    let shown = server.get("instances/object").await.body;
    assert!(shown.contains(r#""input":"{\"a\":1}","#), "{shown}");
}

#[tokio::test]
async fn a_body_that_is_not_json_is_refused() {
    let server = Server::start().await;
    let target = format!("POST {WEBHOOK}/orchestrators/Nothing/a");
    for body in [
        &b"{"[..],
        b"hello",
        b"1 2",
        b" ",
        b"'a'",
        b"\"\xff\"",
        b"NaN",
    ] {
        let answer = server.send(&target, &[], body).await;
        answer.is_error(400, "Invalid JSON content");
    }
    server.get("instances/a").await.is_empty(404);
}

#[tokio::test]
async fn an_input_that_does_not_fit_names_the_parameter_and_the_path() {
    let server = Server::start().await;
    let fits_not = |path: &'static str, body: &'static str| {
        let server = &server;
        async move { server.post(path, body).await.is_error(400, BAD_ARGUMENT) }
    };
    let text = fits_not("orchestrators/E1_HelloSequence/a", "[\"Tokyo\",5]").await;
    assert!(
        text.contains("parameter `cities` at `[1]`: invalid type: integer `5`"),
        "{text}"
    );
    let text = fits_not("orchestrators/Add/a", "{\"left\":1,\"right\":\"x\"}").await;
    assert!(text.contains("parameter `right`: invalid type"), "{text}");
    let text = fits_not("orchestrators/Add/a", "[1]").await;
    assert!(text.contains("missing parameter `right`"), "{text}");
    let text = fits_not("orchestrators/Double/a", "").await;
    assert!(text.contains("`number`"), "{text}");
    server.get("instances/a").await.is_empty(404);
}

#[tokio::test]
async fn an_unknown_orchestrator_is_refused_by_name() {
    let server = Server::start().await;
    let answer = server.post("orchestrators/Missing/a", "1").await;
    let text = answer.is_error(400, BAD_ARGUMENT);
    assert!(text.contains("no orchestrator `Missing`"), "{text}");
    assert!(text.contains("`E1_HelloSequence`"), "{text}");
}

#[tokio::test]
async fn an_invalid_id_is_refused() {
    let server = Server::start().await;
    let long = "a".repeat(257);
    for (id, says) in [
        ("@entity@key", "`@`"),
        ("a%2Fb", "'/'"),
        ("a%5Cb", "'\\\\'"),
        ("a%23b", "'#'"),
        ("a%3Fb", "'?'"),
        ("a%01b", "'\\u{1}'"),
        ("a%C2%85b", "'\\u{85}'"),
        (long.as_str(), "257"),
    ] {
        let answer = server
            .post(&format!("orchestrators/Nothing/{id}"), "")
            .await;
        let text = answer.is_error(400, BAD_ARGUMENT);
        assert!(text.contains(says), "{id}: {text}");
    }
    let longest = "%F0%9F%98%80".repeat(128);
    let answer = server
        .post(&format!("orchestrators/Nothing/{longest}"), "")
        .await;
    assert_eq!(answer.status, 202);
}

#[tokio::test]
async fn a_live_instance_is_not_replaced_and_one_that_has_ended_is() {
    let server = Server::start().await;
    server.post("orchestrators/Booking/a", "").await;
    server.shows("a", "\"waiting\"").await;
    let text = server.post("orchestrators/Nothing/a", "").await;
    assert_eq!(text.status, 409);
    let message = text.json()["Message"].as_str().unwrap().to_owned();
    assert!(message.contains("`Booking`, Running"), "{message}");
    text.is_error(409, &message);

    server.instance("a").terminate(Some("old")).await.unwrap();
    assert_eq!(
        server.post("orchestrators/Double/a", "21").await.status,
        202
    );
    let status = server.ended("a").await;
    assert_eq!(
        (status.name.as_str(), status.output.as_deref()),
        ("Double", Some("42"))
    );
    assert_eq!(status.custom_status, None);
}

#[tokio::test]
async fn links_echo_the_connection_and_the_wish_for_500() {
    let server = Server::with(|api| {
        api.connection_name("Mine")
            .public_origin("https://example.org/base/")
    })
    .await;
    let instance = format!("https://example.org/base{WEBHOOK}/instances/a");
    for (query, expected) in [
        ("", "taskHub=default&connection=Mine"),
        (
            "?connection=My%20C&TASKHUB=Default",
            "taskHub=default&connection=My%20C",
        ),
        (
            "?connectionName=C2&connection=",
            "taskHub=default&connection=C2",
        ),
        (
            "?ReturnInternalServerErrorOnFailure=True",
            "taskHub=default&connection=Mine&returnInternalServerErrorOnFailure=true",
        ),
    ] {
        let answer = server
            .post(&format!("orchestrators/Nothing/a{query}"), "")
            .await;
        let uri = format!("{instance}?{expected}");
        assert_eq!(answer.header("location"), Some(uri.as_str()), "{answer:?}");
        assert_eq!(answer.json()["statusQueryGetUri"], uri.as_str());
        server.ended("a").await;
    }
}

#[tokio::test]
async fn a_version_that_there_is_not_is_refused_and_a_blank_one_is_none() {
    let server = Server::start().await;
    let answer = server.post("orchestrators/Nothing/a?version=2", "").await;
    let text = answer.is_error(400, BAD_ARGUMENT);
    assert!(text.contains("`Nothing` version `2`"), "{text}");
    // Its versions, and not everything that there is.
    assert!(text.contains("this program has `Nothing` ("), "{text}");
    server.get("instances/a").await.is_empty(404);
    let answer = server.post("orchestrators/Nothing/a?version=", "").await;
    assert_eq!(answer.status, 202);
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused() {
    let server = Server::with(|api| api.body_limit(10)).await;
    let answer = server.post("orchestrators/Echo/a", "\"12345678\"").await;
    assert_eq!(answer.status, 202);
    let answer = server.post("orchestrators/Echo/b", "\"123456789\"").await;
    let text = answer.is_error(413, "The request body is too large");
    assert!(text.contains("10 bytes"), "{text}");
}
