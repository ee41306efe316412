//! Behind a proxy: what links begin with, and who is believed.

use steadfast::http::ForwardedHeaders;

use crate::support::{Server, WEBHOOK};

/// What the links of a start begin with.
async fn origin(server: &Server, headers: &[&str]) -> String {
    let request = format!("POST {WEBHOOK}/orchestrators/Nothing");
    let answer = server.send(&request, headers, b"").await;
    let location = answer.header("location").unwrap();
    location.split_once(WEBHOOK).unwrap().0.to_owned()
}

const X_FORWARDED: [&str; 3] = [
    "X-Forwarded-Host: public.example:8443",
    "X-Forwarded-Proto: https",
    "X-Forwarded-Prefix: /orders/",
];
const STANDARD: &str = "Forwarded: for=1.2.3.4;host=\"public.example\";proto=https";

#[tokio::test]
async fn nobody_is_believed_unasked() {
    let server = Server::start().await;
    let own = format!("http://{}", server.address);
    assert_eq!(origin(&server, &X_FORWARDED).await, own);
    assert_eq!(origin(&server, &[STANDARD]).await, own);
}

#[tokio::test]
async fn links_begin_with_what_the_client_sees_of_the_proxy() {
    let server = Server::with(|api| api.trust_forwarded(ForwardedHeaders::XForwarded)).await;
    let public = "https://public.example:8443/orders";
    assert_eq!(origin(&server, &X_FORWARDED).await, public);

    server.post("orchestrators/Booking/a", "").await;
    let status = format!("GET {WEBHOOK}/instances/a?x=1");
    let answer = server.send(&status, &X_FORWARDED, b"").await;
    let location = format!("{public}{WEBHOOK}/instances/a?x=1");
    assert_eq!(answer.header("location"), Some(location.as_str()));

    let own = format!("http://{}", server.address);
    assert_eq!(origin(&server, &[STANDARD]).await, own);
    assert_eq!(origin(&server, &X_FORWARDED[..1]).await, own);
    assert_eq!(origin(&server, &X_FORWARDED[1..]).await, own);
    let malformed = ["X-Forwarded-Host: evil/@a", "X-Forwarded-Proto: https"];
    assert_eq!(origin(&server, &malformed).await, own);

    let server = Server::with(|api| api.trust_forwarded(ForwardedHeaders::Standard)).await;
    assert_eq!(origin(&server, &[STANDARD]).await, "https://public.example");
    let own = format!("http://{}", server.address);
    assert_eq!(origin(&server, &X_FORWARDED).await, own);
}

#[tokio::test]
async fn an_origin_that_is_set_comes_first() {
    let server = Server::with(|api| {
        api.trust_forwarded(ForwardedHeaders::XForwarded)
            .public_origin("https://fixed.example")
    })
    .await;
    assert_eq!(origin(&server, &X_FORWARDED).await, "https://fixed.example");
}

#[tokio::test]
async fn a_trusted_proxy_on_this_machine_does_not_open_the_base_without_keys() {
    for trusted in [ForwardedHeaders::XForwarded, ForwardedHeaders::Standard] {
        let server = Server::with(|api| api.trust_forwarded(trusted)).await;
        let start = "POST /durabletask/orchestrators/Nothing";
        assert_eq!(server.send(start, &[], b"").await.status, 202);
        server.send(start, &X_FORWARDED, b"").await.is_empty(404);
        server.send(start, &[STANDARD], b"").await.is_empty(404);
    }
}
