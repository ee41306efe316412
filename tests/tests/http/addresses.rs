//! Bases, paths, hubs, and who is answered.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use axum::extract::ConnectInfo;
use axum::routing::get;
use axum::{Extension, Router};
use steadfast::StartByName;
use steadfast::http::{Api, ForwardedHeaders, Key, RpcBase, router};

use crate::support::{Server, WEBHOOK, raw, send, serve_plainly, worker};

const KEY: &str = "a-key-of-sixteen-characters";

#[tokio::test]
async fn both_bases_serve_the_same_and_links_show_the_public_one() {
    let server = Server::start().await;
    let answer = server
        .send("POST /durabletask/orchestrators/Nothing/a", &[], b"")
        .await;
    let uri = format!(
        "http://{}{WEBHOOK}/instances/a?taskHub=default&connection=Storage",
        server.address
    );
    assert_eq!(answer.json()["statusQueryGetUri"], uri.as_str());
    server.ended("a").await;
    let by_rpc = server
        .send("GET /durabletask/instances/a?showInput=True", &[], b"")
        .await;
    let by_webhook = server.get("instances/a").await;
    assert_eq!((by_rpc.status, by_rpc.body), (200, by_webhook.body));
}

#[tokio::test]
async fn slashes_and_letter_case_do_not_matter_and_everything_else_is_unknown() {
    let server = Server::start().await;
    for target in [
        "POST /durabletask//Orchestrators/nothing/a/",
        "GET /durabletask/INSTANCES/a/",
        "GET /runtime/webhooks/durabletask/instances/a//",
    ] {
        let answer = server.send(target, &[], b"").await;
        assert!(matches!(answer.status, 200 | 202), "{target}: {answer:?}");
        server.ended("a").await;
    }
    for target in [
        "GET /",
        "GET /durabletask",
        "GET /durabletask/",
        "GET /durabletasks/instances/a",
        "GET /durabletask/orchestrators/Nothing/a",
        "PUT /durabletask/orchestrators/Nothing/a",
        "POST /durabletask/instances/a",
        "GET /durabletask/instances/a/terminate",
        "POST /durabletask/instances/a/raiseEvent",
        "POST /durabletask/instances/a/raiseEvent/",
        "POST /durabletask/instances/a/nothing",
        "GET /durabletask/instances/%FF",
    ] {
        server.send(target, &[], b"").await.is_empty(404);
    }
}

#[tokio::test]
async fn another_hub_is_an_empty_one() {
    let server = Server::start().await;
    server
        .post("orchestrators/Booking/a?taskHub=DEFAULT", "")
        .await;
    server
        .post("instances/a/terminate?taskHub=other", "")
        .await
        .is_empty(404);
    server
        .post("instances/a/raiseEvent/x?taskHub=other", "1")
        .await
        .is_empty(404);
    server.get("instances/a?taskHub=other").await.is_empty(404);
    for own in [
        "health/live",
        "health/ready",
        "metrics",
        "openapi.json",
        "docs",
    ] {
        // They are about the program, and not about a hub.
        let answer = server.get(&format!("{own}?taskHub=other")).await;
        assert_eq!(answer.status, 200, "{own}");
    }
    let list = server.get("instances?taskHub=other").await;
    assert_eq!((list.status, list.body.as_str()), (200, "[]"));
    assert_eq!(list.header("x-ms-continuation-token"), Some(""));
    for operation in ["suspend", "resume"] {
        let path = format!("instances/a/{operation}?taskHub=other");
        server.post(&path, "").await.is_empty(404);
    }
    assert_eq!(
        server
            .get("instances/a?TaskHub=%20&connection=x")
            .await
            .status,
        202
    );
    let answer = server
        .post("orchestrators/Nothing/b?taskHub=other", "")
        .await;
    let text = answer.is_error(400, "One or more of the arguments submitted is incorrect");
    assert!(text.contains("`other`"), "{text}");
}

#[tokio::test]
async fn the_base_without_keys_is_for_peers_on_the_same_machine() {
    let steadfast = worker().await;
    let far = ConnectInfo(SocketAddr::from((Ipv4Addr::new(203, 0, 113, 1), 80)));
    let near = ConnectInfo("[::ffff:127.0.0.1]:80".parse::<SocketAddr>().unwrap());
    let start = "POST /durabletask/orchestrators/Nothing";
    for (rpc_base, at_far, at_near, without) in [
        (RpcBase::Loopback, 404, 202, 404),
        (RpcBase::Guarded, 202, 202, 202),
        (RpcBase::Open, 202, 202, 202),
        (RpcBase::Closed, 404, 404, 404),
    ] {
        let routes = || {
            Api::new(steadfast.client().clone())
                .rpc_base(rpc_base)
                .router()
        };
        let address = serve_plainly(routes().layer(Extension(far))).await;
        assert_eq!(
            send(address, start, &[], b"").await.status,
            at_far,
            "{rpc_base:?}"
        );
        let webhook = format!("POST {WEBHOOK}/orchestrators/Nothing");
        assert_eq!(send(address, &webhook, &[], b"").await.status, 202);
        let address = serve_plainly(routes().layer(Extension(near))).await;
        assert_eq!(
            send(address, start, &[], b"").await.status,
            at_near,
            "{rpc_base:?}"
        );
        let address = serve_plainly(routes()).await;
        assert_eq!(
            send(address, start, &[], b"").await.status,
            without,
            "{rpc_base:?}"
        );
    }
}

#[tokio::test]
async fn what_a_proxy_passes_on_is_not_from_this_machine() {
    let server = Server::start().await;
    let start = "POST /durabletask/orchestrators/Nothing";
    assert_eq!(server.send(start, &[], b"").await.status, 202);
    for header in [
        "Forwarded: for=203.0.113.1",
        "X-Forwarded-For: 127.0.0.1",
        "x-forwarded-proto: https",
        "Via: 1.1 proxy",
        "X-Real-IP: 203.0.113.1",
        "X-Client-IP: 203.0.113.1",
        "CF-Connecting-IP: 203.0.113.1",
        "True-Client-IP: 203.0.113.1",
        "X-Envoy-External-Address: 203.0.113.1",
    ] {
        server.send(start, &[header], b"").await.is_empty(404);
    }
}

#[tokio::test]
async fn the_routes_merge_into_those_of_a_program() {
    let steadfast = worker().await;
    let own = Router::new()
        .route("/health", get(|| async { "well" }))
        .fallback(|| async { "own" });
    let address = serve_plainly(own.merge(router(steadfast.client().clone()))).await;
    assert_eq!(send(address, "GET /health", &[], b"").await.body, "well");
    assert_eq!(send(address, "GET /else", &[], b"").await.body, "own");
    send(address, &format!("GET {WEBHOOK}/instances/a"), &[], b"")
        .await
        .is_empty(404);
}

#[tokio::test]
async fn an_open_base_on_this_machine_is_not_reached_by_another_name() {
    let server = Server::start().await;
    let ask = async |server: &Server, host: &str| {
        let request = format!("GET {WEBHOOK}/instances HTTP/1.1\r\nConnection: close\r\nHost: ");
        server.raw(&format!("{request}{host}\r\n\r\n")).await
    };
    for host in ["127.0.0.1", "localhost:7071", "LOCALHOST", "[::1]:7071"] {
        assert_eq!(ask(&server, host).await.status, 200, "{host}");
    }
    for host in ["evil.example", "127.0.0.1.evil.example", "203.0.113.1", "@"] {
        let answer = ask(&server, host).await;
        let text = answer.is_error(403, "The request was sent to another name");
        assert!(text.contains("public_origin"), "{text}");
    }
    let probe = format!("GET {WEBHOOK}/health/live HTTP/1.1\r\nConnection: close\r\nHost: evil");
    assert_eq!(server.raw(&(probe + "\r\n\r\n")).await.status, 200);

    let named = Server::with(|api| api.public_origin("https://orders.example")).await;
    assert_eq!(ask(&named, "orders.example").await.status, 200);
    let trusted = Server::with(|api| api.trust_forwarded(ForwardedHeaders::Standard)).await;
    assert_eq!(ask(&trusted, "orders.example").await.status, 200);
    let closed = Server::with(|api| api.key(Key::new("key", KEY).unwrap())).await;
    assert_eq!(ask(&closed, "orders.example").await.status, 401);

    // What comes from elsewhere was not sent by a browser here.
    let far = ConnectInfo(SocketAddr::from((Ipv4Addr::new(203, 0, 113, 1), 80)));
    let routes = router(server.client().clone()).layer(Extension(far));
    let address = serve_plainly(routes).await;
    let request =
        format!("GET {WEBHOOK}/instances HTTP/1.1\r\nConnection: close\r\nHost: orders.example");
    let answer = raw(address, &(request + "\r\n\r\n")).await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn what_is_no_host_is_in_no_link() {
    let server = Server::with(|api| api.key(Key::new("key", KEY).unwrap())).await;
    let key = format!("x-functions-key: {KEY}");
    let start = format!("POST {WEBHOOK}/orchestrators/Booking/a");
    server.send(&start, &[&key], b"").await;
    server.shows("a", "\"waiting\"").await;
    for host in ["evil/@a", "user@evil", "evil:x", "", "a b", "evil?x="] {
        for path in [
            "GET {base}/instances/a",
            "POST {base}/orchestrators/Nothing",
        ] {
            let path = path.replace("{base}", WEBHOOK);
            let answer = server
                .raw(&format!(
                    "{path} HTTP/1.1\r\nHost: {host}\r\n{key}\r\nConnection: close\r\n\r\n"
                ))
                .await;
            let location = answer.header("location").unwrap();
            let start = format!("http://localhost{WEBHOOK}/instances/");
            assert!(location.starts_with(&start), "{host:?}: {location}");
            assert!(!answer.body.contains("evil"), "{host:?}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn serving_ends_when_told_to_and_the_worker_goes_on() {
    let server = Server::start().await;
    server.post("orchestrators/Nothing/a", "").await;
    let steadfast = server.stop().await;
    let instance = steadfast.client().instance("a").unwrap();
    assert!(instance.wait_for_completion().await.unwrap().is_terminal());
}

#[tokio::test]
async fn a_worker_that_is_gone_is_said_to_be() {
    let steadfast = worker().await;
    let address = serve_plainly(router(steadfast.client().clone())).await;
    steadfast.shut_down(Duration::ZERO).await;
    let start = format!("POST {WEBHOOK}/orchestrators/Nothing");
    let answer = send(address, &start, &[], b"").await;
    answer.is_error(503, "the worker has been shut down");
}

#[tokio::test]
async fn a_worker_that_is_gone_has_nothing_to_stream() {
    let steadfast = worker().await;
    let client = steadfast.client().clone();
    let address = serve_plainly(router(client.clone())).await;
    let start = StartByName::new("Nothing").id("a");
    let ended = client.start_by_name(start).await.unwrap();
    ended.wait_for_completion().await.unwrap();
    steadfast.shut_down(Duration::ZERO).await;
    for path in ["watch", "instances/a/watch"] {
        let answer = send(address, &format!("GET {WEBHOOK}/{path}"), &[], b"").await;
        answer.is_error(503, "the worker has been shut down");
    }
    // What is stored can still be read.
    let path = format!("GET {WEBHOOK}/instances/a");
    assert_eq!(send(address, &path, &[], b"").await.status, 200);
}

#[tokio::test]
async fn what_is_read_by_get_may_be_asked_by_head() {
    let server = Server::with(|api| {
        let reader = Key::new("reader", KEY).unwrap();
        api.key(reader.read_only())
    })
    .await;
    server
        .client()
        .start_by_name(StartByName::new("Nothing").id("a"))
        .await
        .unwrap();
    server.ended("a").await;
    for path in [
        "instances/a",
        "instances",
        "health/ready",
        "metrics",
        "docs",
    ] {
        let both = ["GET", "HEAD"].map(|method| format!("{method} {WEBHOOK}/{path}?code={KEY}"));
        let get = server.send(&both[0], &[], b"").await;
        // A page of another origin may not read it either, and it changes nothing.
        let head = server
            .send(&both[1], &["Sec-Fetch-Site: cross-site"], b"")
            .await;
        assert_eq!((get.status, head.status), (200, 200), "{path}");
        assert!(!get.body.is_empty() && head.body.is_empty(), "{path}");
        for header in [
            "content-type",
            "x-ms-continuation-token",
            "x-steadfast-cursor",
            "cache-control",
        ] {
            assert_eq!(head.header(header), get.header(header), "{path}");
        }
    }
    let stream = format!("HEAD {WEBHOOK}/watch?code={KEY}");
    let head = server.send(&stream, &[], b"").await;
    assert_eq!(head.header("content-type"), Some("text/event-stream"));
    for path in ["instances/a/terminate", "orchestrators/Nothing", "nothing"] {
        let request = format!("HEAD {WEBHOOK}/{path}?code={KEY}");
        server.send(&request, &[], b"").await.is_empty(404);
    }
    let without = format!("HEAD {WEBHOOK}/instances/a");
    server.send(&without, &[], b"").await.is_empty(401);
}
