//! `ctx.call_http(..)`: requests made of anything and answers that say anything. What is scheduled can be sent, and credentials stay at
//! the server that they are for.

use std::rc::Rc;
use std::sync::Arc;

use arbitrary::{Result, Unstructured};
use axum::http::{HeaderName, HeaderValue, Method};
use reqwest::Url;
use serde_json::{Value, json};
use steadfast::engine::{Execution, ExecutionInfo, Settings, Start};
use steadfast::model::action::OrchestratorActionKind as Action;
use steadfast::model::history::{HistoryEvent, TaskCompleted, TimerFired};
use steadfast::{ExecutionId, FailureDetails, HttpRequest, InstanceId, OrchestrationContext};

use super::events::{at, started};

pub(super) fn run(data: &[u8]) {
    // Input that is too short is no input.
    let _ = try_run(&mut Unstructured::new(data));
}

fn try_run(u: &mut Unstructured<'_>) -> Result<()> {
    let request = request(u)?;
    let mut live = execution(request);
    let mut history = Vec::new();
    let mut batch = vec![started(&[], ExecutionId::from_u128(1))];
    let mut now = at(0);
    let mut first = None;
    for _ in 0..8 {
        let Ok(episode) = live.deliver(now, &mut batch) else {
            break;
        };
        history.extend(episode.events);
        let Some(action) = episode.actions.into_iter().next() else {
            break;
        };
        let event = match action.kind {
            Action::ScheduleTask { name, input, .. } => {
                assert_eq!(name, "steadfast.http");
                let server = sendable(&input.unwrap(), first.as_deref());
                first.get_or_insert(server);
                let answer = TaskCompleted {
                    task_scheduled_id: action.id,
                    result: Some(answer(u)?),
                };
                HistoryEvent::new(now, answer)
            }
            Action::CreateTimer { fire_at } => {
                now = now.max(fire_at);
                let timer_id = action.id;
                HistoryEvent::new(now, TimerFired { timer_id, fire_at })
            }
            _ => break,
        };
        batch = vec![event];
    }
    let Some(ended) = live.ended() else {
        return Ok(());
    };
    let mut replayed = execution(HttpRequest::get("http://other/"));
    // Another request is the same call: what was recorded counts.
    if first.is_some() && replayed.replay(history).is_ok() {
        assert_eq!(
            replayed.ended().map(|ended| ended.status),
            Some(ended.status)
        );
    }
    Ok(())
}

/// Checks a recorded request, and gives the server that it goes to.
fn sendable(input: &str, first: Option<&str>) -> String {
    let request: Value = serde_json::from_str(input).unwrap();
    let uri: Url = request["uri"].as_str().unwrap().parse().unwrap();
    assert!(["http", "https"].contains(&uri.scheme()), "{uri}");
    assert!(
        uri.username().is_empty() && uri.password().is_none(),
        "{uri}"
    );
    let server = uri.origin().ascii_serialization();
    let method = request["method"].as_str().unwrap();
    assert!(method.parse::<Method>().is_ok(), "{method:?}");
    for (name, values) in request["headers"].as_object().into_iter().flatten() {
        assert!(HeaderName::from_bytes(name.as_bytes()).is_ok(), "{name:?}");
        for value in values.as_array().unwrap() {
            let value = HeaderValue::from_str(value.as_str().unwrap());
            assert!(value.is_ok() || !name.is_ascii(), "{name}: {value:?}");
        }
        if first.is_some_and(|first| first != server) {
            let secret = ["authorization", "cookie", "proxy-authorization", "host"];
            assert!(!secret.contains(&name.as_str()), "{name} goes to {server}");
        }
    }
    if first.is_some() {
        assert_eq!((method, request.get("body")), ("GET", None));
    }
    server
}

fn request(u: &mut Unstructured<'_>) -> Result<HttpRequest> {
    let method = match u.ratio(7, 8)? {
        true => "POST",
        false => u.arbitrary()?,
    };
    let mut request = HttpRequest::new(method, uri(u)?);
    for _ in 0..u.int_in_range(0..=3)? {
        let name = match u.ratio(7, 8)? {
            true => *u.choose(&["Authorization", "Cookie", "X-Key", "Host", "Content-Type"])?,
            false => u.arbitrary()?,
        };
        let value = match u.ratio(3, 4)? {
            true => "v",
            false => u.arbitrary::<&str>()?,
        };
        request = request.header(name, value);
    }
    if u.arbitrary()? {
        request = request.body(u.arbitrary::<&str>()?);
    }
    if u.ratio(1, 8)? {
        request = request.timeout(std::time::Duration::from_nanos(u.arbitrary()?));
    }
    Ok(request)
}

fn uri(u: &mut Unstructured<'_>) -> Result<String> {
    if u.ratio(1, 4)? {
        return Ok(u.arbitrary::<&str>()?.to_owned());
    }
    let uris = [
        "http://a/",
        "http://a:80/x?y#z",
        "https://a/",
        "http://b/",
        "//b/x",
        "../x",
        "?q",
        "",
        "http://a@b/",
        "http://\u{ed}\u{1f600}/",
        "http://[::1]:8080/",
        "HTTP://A/",
    ];
    Ok((*u.choose(&uris)?).to_owned())
}

/// What the activity may have answered.
fn answer(u: &mut Unstructured<'_>) -> Result<String> {
    if u.ratio(1, 8)? {
        return Ok(u.arbitrary::<&str>()?.to_owned());
    }
    let status = match u.ratio(3, 4)? {
        true => 202,
        false => u.arbitrary::<u16>()?,
    };
    let mut headers = serde_json::Map::new();
    if u.ratio(7, 8)? {
        headers.insert("location".into(), json!([uri(u)?]));
    }
    if u.arbitrary()? {
        let said = match u.ratio(3, 4)? {
            true => *u.choose(&[
                "0",
                " 5 ",
                "18446744073709551615",
                "99999999999999999999",
                "Sun, 06 Nov 1994 08:49:37 GMT",
                "Fri, 31 Dec 9999 23:59:59 GMT",
                "Thu, 01 Jan 1970 00:00:00 GMT",
            ])?,
            false => u.arbitrary()?,
        };
        headers.insert("retry-after".into(), json!([said]));
    }
    if u.ratio(1, 4)? {
        let date = *u.choose(&[
            "Fri, 31 Dec 9999 23:59:59 GMT",
            "Sun Nov  6 08:49:37 1994",
            "",
        ])?;
        headers.insert("date".into(), json!([date]));
    }
    let uri = uri(u)?;
    Ok(json!({"status": status, "uri": uri, "headers": headers, "body": ""}).to_string())
}

fn execution(request: HttpRequest) -> Execution {
    let info = ExecutionInfo {
        name: "Steps".into(),
        instance_id: InstanceId::parse("a").unwrap(),
        execution_id: ExecutionId::from_u128(1),
        parent: None,
        version: None,
        trace: None,
    };
    let start: Start = Rc::new(move |execution, _| {
        let request = request.clone();
        Ok(Box::pin(async move {
            let ctx: OrchestrationContext = OrchestrationContext::from_execution(execution);
            match ctx.call_http(request).await {
                Ok(answer) => Ok(answer.status.to_string()),
                Err(error) => Err(FailureDetails::new("E", error.to_string())),
            }
        }))
    });
    Execution::new(info, None, start, Settings::default(), Arc::new(|| ()))
}
