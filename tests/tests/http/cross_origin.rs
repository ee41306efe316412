//! Pages in a browser: of which origins, and what they may do.

use steadfast::http::{Api, Key, Origin, RpcBase};

use crate::support::{Server, WEBHOOK};

const PAGE: &str = "Origin: https://dashboard.example";
const OTHER: &str = "Origin: https://evil.example";

fn dashboard(api: Api) -> Api {
    api.allow_origin(Origin::parse("https://dashboard.example").unwrap())
        .allow_origin(Origin::parse("http://localhost:3000").unwrap())
        .key(Key::new("key", "a-key-of-sixteen-characters").unwrap())
}

#[tokio::test]
async fn a_page_of_an_origin_that_is_named_may_call_with_a_key() {
    let server = Server::with(dashboard).await;
    let asks = [
        PAGE,
        "Access-Control-Request-Method: DELETE",
        "Access-Control-Request-Headers: x-functions-key,x-own",
    ];
    let instances = format!("{WEBHOOK}/instances");
    let options = format!("OPTIONS {instances}");
    let answer = server.send(&options, &asks, b"").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, ""));
    for (header, value) in [
        ("access-control-allow-origin", "https://dashboard.example"),
        ("access-control-allow-methods", "GET,HEAD,POST,DELETE"),
        ("access-control-allow-headers", "x-functions-key,x-own"),
        ("access-control-max-age", "600"),
        ("referrer-policy", "no-referrer"),
    ] {
        assert_eq!(answer.header(header), Some(value), "{header}");
    }
    assert_eq!(answer.header("access-control-allow-credentials"), None);
    assert!(answer.header("vary").unwrap().contains("origin"));

    let get = format!("GET {instances}");
    let key = "x-functions-key: a-key-of-sixteen-characters";
    let answer = server.send(&get, &[PAGE, key], b"").await;
    assert_eq!(answer.status, 200);
    let allowed = answer.header("access-control-allow-origin");
    assert_eq!(allowed, Some("https://dashboard.example"));
    let exposed = answer.header("access-control-expose-headers").unwrap();
    for header in [
        "location",
        "retry-after",
        "x-ms-continuation-token",
        "x-steadfast-cursor",
    ] {
        assert!(exposed.split(',').any(|name| name == header), "{exposed}");
    }
    let answer = server.send(&get, &[PAGE], b"").await;
    answer.is_empty(401);
    // So that the page can tell that it was refused.
    assert!(answer.header("access-control-allow-origin").is_some());

    let start = format!("POST {WEBHOOK}/orchestrators/Nothing/a");
    let page = [
        "Origin: http://localhost:3000",
        "Sec-Fetch-Site: cross-site",
        key,
    ];
    assert_eq!(server.send(&start, &page, b"").await.status, 202);
}

#[tokio::test]
async fn a_page_of_another_origin_may_neither_read_nor_change() {
    let server = Server::with(dashboard).await;
    let key = "x-functions-key: a-key-of-sixteen-characters";
    let options = format!("OPTIONS {WEBHOOK}/instances");
    let asks = [OTHER, "Access-Control-Request-Method: GET"];
    let answer = server.send(&options, &asks, b"").await;
    assert_eq!(answer.header("access-control-allow-origin"), None);
    let get = format!("GET {WEBHOOK}/instances");
    let answer = server.send(&get, &[OTHER, key], b"").await;
    assert_eq!(answer.header("access-control-allow-origin"), None);
    let start = format!("POST {WEBHOOK}/orchestrators/Nothing/a");
    let answer = server.send(&start, &[OTHER, key], b"").await;
    let text = answer.is_error(403, "The request comes from a page of another origin");
    assert!(text.contains("allow_origin"), "{text}");
    assert!(server.instance("a").status().await.is_err());
}

#[tokio::test]
async fn an_origin_that_is_named_is_not_let_in_where_no_key_is_asked_for() {
    let start = "POST /durabletask/orchestrators/Nothing/a";
    let key = "x-functions-key: a-key-of-sixteen-characters";
    for rpc_base in [RpcBase::Loopback, RpcBase::Open] {
        let server = Server::with(|api| dashboard(api).rpc_base(rpc_base)).await;
        for headers in [
            &[PAGE][..],
            &[PAGE, "Sec-Fetch-Site: cross-site"],
            &[PAGE, key],
        ] {
            let answer = server.send(start, headers, b"").await;
            answer.is_error(403, "The request comes from a page of another origin");
        }
        assert!(server.instance("a").status().await.is_err());
        assert_eq!(server.send(start, &[], b"").await.status, 202);
    }
    let server = Server::with(|api| dashboard(api).rpc_base(RpcBase::Guarded)).await;
    assert_eq!(server.send(start, &[PAGE, key], b"").await.status, 202);
    server.send(start, &[PAGE], b"").await.is_empty(401);
}

#[tokio::test]
async fn by_default_no_page_is_told_anything() {
    let server = Server::start().await;
    let asks = [PAGE, "Access-Control-Request-Method: GET"];
    let options = format!("OPTIONS {WEBHOOK}/instances");
    let answer = server.send(&options, &asks, b"").await;
    answer.is_empty(404);
    assert_eq!(answer.header("access-control-allow-origin"), None);
}

#[tokio::test]
async fn what_changes_something_is_refused_to_pages_of_other_origins_on_an_open_base() {
    let server = Server::start().await;
    let own = format!("Origin: http://{}", server.address);
    for base in [WEBHOOK, "/durabletask"] {
        let start = format!("POST {base}/orchestrators/Nothing");
        for (headers, status) in [
            (vec![], 202),
            (vec![own.as_str()], 202),
            (vec![OTHER, "Sec-Fetch-Site: same-origin"], 202),
            (vec!["Sec-Fetch-Site: none"], 202),
            (vec![OTHER], 403),
            (vec!["Origin: null"], 403),
            (vec![own.as_str(), "Sec-Fetch-Site: same-site"], 403),
            (vec!["Sec-Fetch-Site: cross-site"], 403),
        ] {
            let answer = server.send(&start, &headers, b"").await;
            assert_eq!(answer.status, status, "{base} {headers:?}");
        }
    }
    assert_eq!(server.get("instances").await.status, 200);
}

#[tokio::test]
async fn a_page_behind_the_same_proxy_is_of_the_same_origin() {
    let server = Server::with(|api| api.public_origin("https://dashboard.example/orders")).await;
    let start = format!("POST {WEBHOOK}/orchestrators/Nothing");
    assert_eq!(server.send(&start, &[PAGE], b"").await.status, 202);
    assert_eq!(server.send(&start, &[OTHER], b"").await.status, 403);
}

#[tokio::test]
async fn a_name_that_leads_to_this_machine_does_not_open_the_base_without_keys() {
    let server = Server::start().await;
    let request = "GET /durabletask/instances HTTP/1.1\r\nConnection: close\r\nHost: ";
    for (host, status) in [
        ("127.0.0.1", 200),
        ("localhost:7071", 200),
        ("LOCALHOST", 200),
        ("[::1]:7071", 200),
        ("evil.example", 404),
        ("127.0.0.1.evil.example", 404),
        ("203.0.113.1", 404),
        ("@", 404),
    ] {
        let answer = server.raw(&format!("{request}{host}\r\n\r\n")).await;
        assert_eq!(answer.status, status, "{host}");
    }
}
