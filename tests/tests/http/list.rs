//! Listing instances.

use std::collections::BTreeSet;

use steadfast::limits::{DEFAULT_MAX_PAYLOAD_BYTES, MAX_PAGE_BYTES};

use crate::support::{Answer, Server, TIMES, WEBHOOK};

const TOKEN: &str = "x-ms-continuation-token";

/// The ids of a page, in its order.
fn ids(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.is_json();
    let page = answer.json();
    let page = page.as_array().expect("an array");
    let id = |status: &serde_json::Value| status["instanceId"].as_str().unwrap().to_owned();
    page.iter().map(id).collect()
}

async fn page(server: &Server, path: &str, token: &str) -> Answer {
    let header = format!("{TOKEN}: {token}");
    let request = format!("GET {WEBHOOK}/{path}");
    server.send(&request, &[&header], b"").await
}

#[tokio::test]
async fn a_list_is_an_array_of_status_objects() {
    let server = Server::start().await;
    for path in ["instances", "instances/"] {
        let answer = server.get(path).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "[]"));
        assert_eq!(answer.header(TOKEN), Some(""));
        answer.is_json();
    }
    server.run("Double", "b", "1").await;
    server.run("Double", "a", "2").await;
    let object = |id: &str, input: &str, output: u32| {
        format!(
            r#"{{"name":"Double","instanceId":"{id}","runtimeStatus":"Completed","input":{input},"customStatus":null,"output":{output},{TIMES}}}"#
        )
    };
    let answer = server
        .get("instances/?showHistory=true&showHistoryOutput=true")
        .await;
    let (first, second) = (object("b", "1", 2), object("a", "2", 4));
    assert_eq!(answer.body, format!("[{first},{second}]"));
    assert_eq!(answer.header(TOKEN), Some(""));
    assert_eq!(
        (answer.header("location"), answer.header("retry-after")),
        (None, None)
    );
    let answer = server.get("instances?showInput=False").await;
    let (first, second) = (object("b", "null", 2), object("a", "null", 4));
    assert_eq!(answer.body, format!("[{first},{second}]"));
}

#[tokio::test]
async fn pages_follow_each_other_until_the_token_is_empty() {
    let server = Server::start().await;
    let all: Vec<_> = (0..7).map(|n| format!("id-{n}")).collect();
    for id in &all {
        server.run("Nothing", id, "").await;
    }
    let mut token = String::new();
    let mut listed = Vec::new();
    let mut pages = Vec::new();
    loop {
        let answer = page(&server, "instances/?top=3", &token).await;
        let page = ids(&answer);
        pages.push(page.len());
        listed.extend(page);
        token = answer.header(TOKEN).unwrap().to_owned();
        if token.is_empty() {
            break;
        }
    }
    assert_eq!((listed, pages), (all, vec![3, 3, 1]));
}

#[tokio::test]
async fn a_page_of_large_instances_is_short_and_the_next_one_follows() {
    let server = Server::start().await;
    // As large as a payload may be.
    let input = format!("\"{}\"", "x".repeat(DEFAULT_MAX_PAYLOAD_BYTES - 2));
    let all: Vec<_> = (0..20).map(|n| format!("id-{n}")).collect();
    for id in &all {
        server.run("Nothing", id, &input).await;
    }
    let first = page(&server, "instances", "").await;
    // What holds more than a page may ends it.
    assert!(first.body.len() > MAX_PAGE_BYTES);
    assert!(first.body.len() < MAX_PAGE_BYTES + 2 * DEFAULT_MAX_PAYLOAD_BYTES);
    let token = first.header(TOKEN).unwrap();
    assert_ne!(token, "");
    let second = page(&server, "instances", token).await;
    assert_eq!([ids(&first), ids(&second)].concat(), all);
    assert_eq!(second.header(TOKEN), Some(""));
}

#[tokio::test]
async fn a_page_has_a_hundred_instances_unless_the_request_says_otherwise() {
    let server = Server::start().await;
    for n in 0..101 {
        let start = format!("orchestrators/Nothing/{n}");
        assert_eq!(server.post(&start, "").await.status, 202);
    }
    for (query, size, more) in [
        ("", 100, true),
        ("?top=0", 100, true),
        ("?top=-5", 100, true),
        ("?top=many", 100, true),
        ("?TOP=100", 100, true),
        ("?top=101", 101, false),
        ("?top=9223372036854775807", 101, false),
        ("?top=18446744073709551616", 100, true),
        ("?top=1", 1, true),
    ] {
        let answer = server.get(&format!("instances{query}")).await;
        assert_eq!(ids(&answer).len(), size, "{query}");
        assert_eq!(answer.header(TOKEN).unwrap() != "", more, "{query}");
    }
}

#[tokio::test]
async fn filters_narrow_a_list() {
    let server = Server::start().await;
    server.run("Nothing", "order-1", "").await;
    server.run("Fails", "order-2", "").await;
    server.run("Nothing", "Order-3", "").await;
    server.book("other").await;
    server.book("paused").await;
    server
        .post("instances/paused/suspend", "")
        .await
        .is_empty(202);
    let all = "order-1 order-2 Order-3 other paused";
    for (query, expected) in [
        ("", all),
        ("runtimeStatus=Completed", "order-1 Order-3"),
        ("RuntimeStatus=Failed,Running", "order-2 other"),
        (
            "runtimeStatus=Failed&runtimeStatus=Running",
            "order-2 other",
        ),
        ("runtimeStatus=3%2C7", "order-2 paused"),
        ("runtimeStatus=Suspended,Nonsense", "paused"),
        ("runtimeStatus=Pending", ""),
        ("runtimeStatus=completed", all),
        ("runtimeStatus=", all),
        ("instanceIdPrefix=order-", "order-1 order-2"),
        ("instanceIdPrefix=order-&runtimeStatus=Failed", "order-2"),
        ("instanceIdPrefix=", all),
        ("instanceIdPrefix=%25", ""),
        ("createdTimeFrom=2026-02-28T23:59:59.999Z", all),
        ("createdTimeFrom=2026-03-01T01:59:59.999%2B02:00", all),
        ("createdTimeFrom=2026-03-01T01:59:59.999+02:00", all),
        ("createdTimeFrom=2026-03-01T00:00:00.000000Z", ""),
        ("createdTimeFrom=never", all),
        ("createdTimeTo=2026-02-28T23:59:59.9990000Z", all),
        ("createdTimeTo=2026-02-28T23:59:59.998", ""),
        ("createdTimeTo=9999-12-31T23:59:59.9999999Z", all),
        ("createdTimeFrom=1-1-1&createdTimeTo=", all),
        (
            "createdTimeFrom=1-01-01T00:00:00Z&createdTimeTo=2026-03-01",
            all,
        ),
    ] {
        let answer = server.get(&format!("instances/?{query}")).await;
        assert_eq!(ids(&answer).join(" "), expected, "{query}");
        assert_eq!(answer.header(TOKEN), Some(""), "{query}");
    }
}

#[tokio::test]
async fn a_token_of_ones_own_making_is_refused_or_a_place_like_any_other() {
    let server = Server::start().await;
    for n in 0..3 {
        server.run("Nothing", &n.to_string(), "").await;
    }
    let first = server.get("instances?top=1").await;
    let token = first.header(TOKEN).unwrap();
    let (shorter, longer) = (&token[..token.len() - 1], format!("{token}0"));
    for token in [
        shorter,
        &longer,
        "x",
        "-1",
        "1.5",
        "null",
        "0",
        "1",
        "9223372036854775807",
        "9223372036854775808",
        "18446744073709551615",
        "18446744073709551616",
        "%00",
        "한",
        "'; drop table instances; --",
        &"9".repeat(4_000),
    ] {
        let answer = page(&server, "instances?top=1", token).await;
        match answer.status {
            200 => assert!(ids(&answer).len() <= 1),
            400 => {
                let text = "One or more of the arguments submitted is incorrect";
                answer.is_error(400, text);
            }
            _ => panic!("{token}: {answer:?}"),
        }
    }
    for blank in ["", "  "] {
        assert_eq!(ids(&page(&server, "instances", blank).await).len(), 3);
    }
}

#[tokio::test]
async fn what_comes_and_goes_meanwhile_neither_skips_nor_repeats_the_others() {
    let server = Server::start().await;
    for n in 0..6 {
        server.run("Nothing", &n.to_string(), "").await;
    }
    let first = page(&server, "instances?top=2", "").await;
    let mut listed = ids(&first);
    server.delete("instances/0").await;
    server.delete("instances/3").await;
    server.run("Nothing", "new", "").await;
    let token = first.header(TOKEN).unwrap();
    listed.extend(ids(&page(&server, "instances?top=100", token).await));
    let unique: BTreeSet<_> = listed.iter().collect();
    assert_eq!(unique.len(), listed.len());
    for id in ["0", "1", "2", "4", "5", "new"] {
        assert!(listed.iter().any(|listed| listed == id), "{id}: {listed:?}");
    }
}

#[tokio::test]
async fn a_child_says_who_its_parent_is() {
    let server = Server::start().await;
    server.post("orchestrators/Parent/p", "").await;
    server.shows("p", "\"called\"").await;
    let end = format!(r#"{TIMES},"parentInstanceId":"p"}}"#);
    let answer = server.get("instances/child").await;
    assert!(answer.body.ends_with(&end), "{answer:?}");
    let answer = server.get("instances?instanceIdPrefix=child").await;
    assert!(answer.body.ends_with(&format!("{end}]")), "{answer:?}");
    let parent = server.get("instances/p").await;
    assert_eq!(parent.json().get("parentInstanceId"), None);
}
