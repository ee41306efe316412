//! Keys: who has one, who has another, and what answers tell of them.

use std::net::SocketAddr;

use axum::Extension;
use axum::extract::ConnectInfo;
use steadfast::http::{Api, Key, RpcBase};

use crate::support::{Answer, Server, WEBHOOK, send, serve_plainly, worker};

const NEW: &str = "new-key-new-key-/+=";
const OLD: &str = "old-key-old-key!";
const READER: &str = "reader-reader-reader";

fn keyed(api: Api) -> Api {
    api.key(Key::new("new", NEW).unwrap())
        .key(Key::new("old", OLD).unwrap())
        .key(Key::new("reader", READER).unwrap().read_only())
}

async fn send_with(server: &Server, request: &str, key: &str) -> Answer {
    let header = format!("X-Functions-Key: {key}");
    server.send(request, &[&header], b"").await
}

#[tokio::test]
async fn without_a_key_nothing_is_answered() {
    let server = Server::with(keyed).await;
    for (request, query) in [
        ("POST", "orchestrators/Nothing/a"),
        ("POST", "orchestrators/Nothing?code="),
        ("POST", "orchestrators/Nothing?code=new-key-new-key-"),
        ("GET", "instances/a"),
        ("GET", "instances/a?code=wrong"),
        ("POST", "instances/a/terminate"),
        ("POST", "instances/a/raiseEvent/x"),
        ("POST", "instances/a/terminate?taskHub=other"),
    ] {
        let request = format!("{request} {WEBHOOK}/{query}");
        server.send(&request, &[], b"").await.is_empty(401);
        send_with(&server, &request, "wrong").await.is_empty(401);
    }
    assert!(server.instance("a").status().await.is_err());
    server.get("nothing").await.is_empty(404);
}

#[tokio::test]
async fn every_key_is_accepted_in_the_query_and_in_the_header() {
    let server = Server::with(keyed).await;
    for (i, code) in ["new-key-new-key-%2F%2B%3D", "old-key-old-key%21"]
        .into_iter()
        .enumerate()
    {
        let answer = server
            .post(&format!("orchestrators/Nothing/q{i}?CODE={code}"), "")
            .await;
        assert_eq!(answer.status, 202, "{answer:?}");
    }
    for (i, key) in [NEW, OLD].into_iter().enumerate() {
        let request = format!("POST {WEBHOOK}/orchestrators/Nothing/h{i}?code=wrong");
        assert_eq!(send_with(&server, &request, key).await.status, 202);
    }
}

#[tokio::test]
async fn links_end_in_the_key_that_the_request_came_with() {
    let server = Server::with(keyed).await;
    let request = format!("POST {WEBHOOK}/orchestrators/Booking/a");
    let with_new = send_with(&server, &request, NEW).await;
    let links = with_new.json();
    let links = links.as_object().unwrap();
    for (name, link) in links.iter().filter(|(name, _)| *name != "id") {
        let link = link.as_str().unwrap();
        assert!(
            link.ends_with("connection=Storage&code=new-key-new-key-%2F%2B%3D"),
            "{name}: {link}"
        );
    }
    assert_eq!(
        with_new.header("location"),
        links["statusQueryGetUri"].as_str()
    );
    let origin = format!("http://{}", server.address);
    for (method, link, status) in [
        ("GET", "statusQueryGetUri", 202),
        ("POST", "terminatePostUri", 202),
        ("GET", "statusQueryGetUri", 200),
    ] {
        let target = links[link].as_str().unwrap().strip_prefix(&origin).unwrap();
        let target = target.replace("{text}", "enough");
        let answer = server.send(&format!("{method} {target}"), &[], b"").await;
        assert_eq!(answer.status, status, "{link}");
    }

    let request = format!("POST {WEBHOOK}/orchestrators/Nothing/b");
    let with_old = send_with(&server, &request, OLD).await;
    let location = with_old.header("location").unwrap();
    assert!(location.ends_with("&code=old-key-old-key%21"), "{location}");
}

#[tokio::test]
async fn a_read_only_key_reads() {
    let server = Server::with(keyed).await;
    let start = format!("POST {WEBHOOK}/orchestrators/Booking/a");
    send_with(&server, &start, NEW).await;
    let status = format!("GET {WEBHOOK}/instances/a?showHistory=true");
    assert_eq!(send_with(&server, &status, READER).await.status, 202);
    for request in [
        "orchestrators/Nothing/b",
        "instances/a/terminate",
        "instances/a/raiseEvent/x",
        "instances/nothing/terminate",
    ] {
        let request = format!("POST {WEBHOOK}/{request}");
        send_with(&server, &request, READER).await.is_empty(403);
    }
    assert!(!server.instance("a").status().await.unwrap().is_terminal());
    assert!(server.instance("b").status().await.is_err());

    let both = format!("{start}2?code=new-key-new-key-%2F%2B%3D");
    assert_eq!(send_with(&server, &both, READER).await.status, 202);
}

#[tokio::test]
async fn the_base_without_keys_can_be_put_behind_them() {
    let steadfast = worker().await;
    let near = ConnectInfo("127.0.0.1:80".parse::<SocketAddr>().unwrap());
    let api = || keyed(Api::new(steadfast.client().clone()));
    let address = serve_plainly(api().router().layer(Extension(near))).await;
    let start = "POST /durabletask/orchestrators/Nothing/a";
    let answer = send(address, start, &[], b"").await;
    assert_eq!(answer.status, 202);
    assert!(!answer.body.contains("code="), "{}", answer.body);

    let guarded = api().rpc_base(RpcBase::Guarded).router();
    let address = serve_plainly(guarded).await;
    send(address, start, &[], b"").await.is_empty(401);
    let key = format!("x-functions-key: {NEW}");
    assert_eq!(send(address, start, &[&key], b"").await.status, 202);
}

#[tokio::test]
async fn no_answer_ends_in_a_cache_or_in_a_referrer() {
    let server = Server::with(keyed).await;
    let start = format!("POST {WEBHOOK}/orchestrators/Nothing/a");
    for answer in [
        send_with(&server, &start, NEW).await,
        send_with(&server, &start, READER).await,
        send_with(&server, &start, "wrong").await,
        server.get("nothing").await,
        server.get(&format!("instances/a?code={READER}")).await,
    ] {
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    }
}
