//! The trace that a request belongs to.

use super::support::Server;

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

#[tokio::test]
async fn a_start_belongs_to_the_trace_of_its_request() {
    let server = Server::start().await;
    let parent = format!("traceparent: {PARENT}");
    for (id, headers, told) in [
        ("none", vec![], "null".to_owned()),
        (
            "parent",
            vec![parent.as_str()],
            format!("[\"{PARENT}\",null]"),
        ),
        (
            "states",
            vec![&parent, "tracestate: a=1", "TraceState: b=2"],
            format!("[\"{PARENT}\",\"a=1,b=2\"]"),
        ),
        (
            "malformed-state",
            vec![&parent, "tracestate: A"],
            format!("[\"{PARENT}\",null]"),
        ),
        (
            "malformed",
            vec!["traceparent: 00-1-2-3"],
            "null".to_owned(),
        ),
        ("twice", vec![&parent, &parent], "null".to_owned()),
        ("state-alone", vec!["tracestate: a=1"], "null".to_owned()),
    ] {
        let request = format!("POST /durabletask/orchestrators/Traced/{id}");
        let answer = server.send(&request, &headers, b"").await;
        assert_eq!(answer.status, 202, "{id}");
        assert_eq!(server.ended(id).await.output, Some(told), "{id}");
    }
}
