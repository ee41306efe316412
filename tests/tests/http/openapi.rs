//! The OpenAPI document: served, and true of every answer that the other tests get.

use serde_json::value::RawValue;
use serde_json::{Value, json};
use steadfast::http::{Api, Key};

use super::support::{Answer, Server, WEBHOOK, worker};
use tokio::sync::OnceCell;

static DOCUMENT: OnceCell<Value> = OnceCell::const_new();

pub(crate) async fn document() -> &'static Value {
    let built = async || Api::new(worker().await.client().clone()).openapi();
    DOCUMENT.get_or_init(built).await
}

/// Holds an answer against the document: its code, its headers, its media type, and the keys of its body.
#[track_caller]
pub(crate) fn check(document: &Value, request: &str, answer: &Answer) {
    let (method, target) = request.split_once(' ').unwrap();
    let path = target.split(['?', '#']).next().unwrap();
    let below = |base: &str| path.strip_prefix(base).filter(|rest| rest.starts_with('/'));
    let Some(path) = below(WEBHOOK).or_else(|| below("/durabletask")) else {
        return;
    };
    let Some(operation) = operation(document, method, path) else {
        return;
    };
    let responses = &operation["responses"];
    if responses.get("default").is_some() && (400..500).contains(&answer.status) {
        // It may be the program's own.
        return;
    }
    let described = &responses[answer.status.to_string()];
    assert!(
        described.is_object(),
        "{request} is not said to answer {answer:?}"
    );
    for header in [
        "location",
        "retry-after",
        "x-ms-continuation-token",
        "x-steadfast-cursor",
    ] {
        let is_described = described["headers"].get(header).is_some();
        // A failure may be that of the instance, or an error.
        let is_there = answer.header(header).is_some() || (answer.status == 500 && is_described);
        assert_eq!(is_there, is_described, "{header} of {request}: {answer:?}");
    }
    let content = described["content"].as_object();
    let media_type = answer
        .header("content-type")
        .and_then(|text| text.split(';').next());
    let Some((described, content)) = content.and_then(|content| content.iter().next()) else {
        // An empty answer, or one that may have an error.
        let is_error = media_type.is_none() || answer.json().get("Message").is_some();
        return assert!(is_error, "{request}: {answer:?}");
    };
    assert_eq!(
        media_type,
        Some(described.as_str()),
        "{request}: {answer:?}"
    );
    if described == "application/json" {
        // Some are nested deeper than a value can be.
        let _: &RawValue = serde_json::from_str(&answer.body).unwrap();
        if let Ok(value) = serde_json::from_str(&answer.body) {
            fits(document, &content["schema"], &value);
        }
    }
}

/// The operation at a path: words of it match without regard to case.
fn operation<'a>(document: &'a Value, method: &str, path: &str) -> Option<&'a Value> {
    let segments: Vec<_> = path.trim_matches('/').split('/').collect();
    let is_at = |template: &str| {
        let template: Vec<_> = template.trim_matches('/').split('/').collect();
        let matches = |(word, segment): (&&str, &&str)| {
            (word.starts_with('{') && !segment.is_empty()) || word.eq_ignore_ascii_case(segment)
        };
        template.len() == segments.len() && template.iter().zip(&segments).all(matches)
    };
    let paths = document["paths"].as_object().unwrap();
    let found = paths.iter().filter(|(template, _)| is_at(template));
    found
        .filter_map(|(_, methods)| methods.get(method.to_lowercase()))
        .next()
}

/// Whether a value has the type, the required keys and no others than the schema says.
#[track_caller]
fn fits(document: &Value, schema: &Value, value: &Value) {
    let schema = match schema["$ref"].as_str() {
        Some(name) => document.pointer(name.strip_prefix('#').unwrap()).unwrap(),
        None => schema,
    };
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let expected = schema["type"].as_str().unwrap_or(kind);
    assert_eq!(kind, expected, "{value} is not {schema}");
    if let Some(names) = schema["enum"].as_array() {
        assert!(names.contains(value), "{value} is none of {names:?}");
    }
    for item in value.as_array().into_iter().flatten() {
        fits(document, &schema["items"], item);
    }
    for required in schema["required"].as_array().into_iter().flatten() {
        let key = required.as_str().unwrap();
        assert!(value.get(key).is_some(), "{value} has no {key}");
    }
    if let Some(properties) = schema["properties"].as_object() {
        for (key, value) in value.as_object().unwrap() {
            fits(document, &properties[key], value);
        }
    }
}

#[tokio::test]
async fn the_document_is_served_with_what_can_be_started() {
    let server = Server::start().await;
    let answer = server.get("openapi.json").await;
    answer.is_json();
    let document = answer.json();
    assert_eq!(document["openapi"], "3.1.0");
    let base = format!("http://{}{WEBHOOK}", server.address);
    assert_eq!(document["servers"], json!([{ "url": base }]));
    let orchestrators = document["x-orchestrators"].as_array().unwrap();
    let nothing = orchestrators.iter().find(|one| one["name"] == "Nothing");
    let nothing = nothing.unwrap();
    assert_eq!(
        (&nothing["version"], &nothing["events"]),
        (&Value::Null, &Value::Null)
    );
    let start = document.pointer("/paths/~1orchestrators~1{orchestratorName}/post/parameters/0");
    let examples = start.unwrap()["schema"]["examples"].as_array().unwrap();
    assert!(examples.contains(&json!("Nothing")), "{examples:?}");
    let signals = document.pointer("/paths/~1entities~1{entityName}~1{entityKey}");
    let signals: Vec<_> = signals.unwrap().as_object().unwrap().keys().collect();
    assert_eq!(signals, ["delete", "post"]);
    let mut written = super::openapi::document().await.clone();
    written["servers"] = document["servers"].clone();
    assert_eq!(written, document);
    for unknown in ["openapi.json/x", "docs/x", "openapi"] {
        server.get(unknown).await.is_empty(404);
    }
}

#[tokio::test]
async fn the_page_shows_every_operation_and_loads_nothing() {
    let server = Server::start().await;
    let answer = server.get("docs").await;
    assert_eq!(
        answer.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    let policy = answer.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'"), "{policy}");
    let paths = document().await["paths"].as_object().unwrap();
    for (path, methods) in paths {
        for (method, operation) in methods.as_object().unwrap() {
            if operation.get("x-orchestrator").is_some() {
                // It is shown once for all of them.
                continue;
            }
            let heading = format!("<h2>{} {path}</h2>", method.to_uppercase());
            assert!(answer.body.contains(&heading), "{heading}");
        }
    }
    assert!(answer.body.contains("<code>E1_HelloSequence</code>"));
    assert!(!answer.body.contains("<script"));
}

#[tokio::test]
async fn the_document_is_for_those_who_have_a_key() {
    let secret = "0123456789abcdef";
    let key = Key::new("k", secret).unwrap().read_only();
    let server = Server::with(|api| api.key(key)).await;
    server.get("openapi.json").await.is_empty(401);
    server.get("docs").await.is_empty(401);
    let answer = server.get(&format!("openapi.json?code={secret}")).await;
    assert!(!answer.body.contains(secret));
    assert_eq!(answer.status, 200);

    let keys = json!([{ "keyHeader": [] }, { "keyQuery": [] }]);
    let everyone = json!([{}, { "keyHeader": [] }, { "keyQuery": [] }]);
    let list = "/paths/~1instances/get/security";
    assert_eq!(answer.json().pointer(list), Some(&keys));
    assert_eq!(document().await.pointer(list), Some(&everyone));
    let live = "/paths/~1health~1live/get/security";
    assert_eq!(answer.json().pointer(live), Some(&json!([{}])));
}
