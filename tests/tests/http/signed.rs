//! Addresses that are good for one operation on one instance, until a time.

use std::time::Duration;

use steadfast::InstanceId;
use steadfast::http::{Api, Grant, Key, SignedUrlError, SignedUrls};

use crate::support::{Answer, Server, WEBHOOK};

const KEY: &str = "a-key-of-sixteen-characters";
const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
const ORIGIN: &str = "http://public.example";

fn signing(api: Api) -> Api {
    let urls = SignedUrls::new(SECRET).unwrap();
    api.public_origin(ORIGIN)
        .key(Key::new("key", KEY).unwrap())
        .signed_urls(urls.time_to_live(Duration::from_secs(60)))
}

/// Sends a request to an address that the server gave.
async fn ask(server: &Server, method: &str, url: &str) -> Answer {
    let target = url.strip_prefix(ORIGIN).unwrap();
    let headers = ["Content-Type: application/json"];
    server
        .send(&format!("{method} {target}"), &headers, b"1")
        .await
}

/// The links of an orchestration that is started with the key.
async fn started(server: &Server, id: &str) -> serde_json::Value {
    let header = format!("x-functions-key: {KEY}");
    let request = format!("POST {WEBHOOK}/orchestrators/Booking/{id}");
    let answer = server.send(&request, &[&header], b"").await;
    assert_eq!(answer.status, 202, "{answer:?}");
    assert!(!answer.body.contains(KEY), "{}", answer.body);
    answer.json()
}

#[tokio::test]
async fn the_links_of_a_start_are_signed_and_carry_no_key() {
    let server = Server::with(signing).await;
    let links = started(&server, "%ED%95%9C%20id").await;
    let links = |name: &str| links[name].as_str().unwrap().to_owned();
    let status = links("statusQueryGetUri");
    assert_eq!(ask(&server, "GET", &status).await.status, 202);
    let shown = status.clone() + "&showHistory=true&showInput=false";
    assert_eq!(ask(&server, "GET", &shown).await.status, 202);
    let event = links("sendEventPostUri").replace("{eventName}", "Anything");
    ask(&server, "POST", &event).await.is_empty(202);
    for name in ["suspendPostUri", "resumePostUri", "terminatePostUri"] {
        let link = links(name).replace("{text}", "a+reason");
        ask(&server, "POST", &link).await.is_empty(202);
    }
    server.ended("한 id").await;
    let restart = ask(&server, "POST", &links("restartPostUri")).await;
    assert_eq!(restart.status, 202);
    let purge = ask(&server, "DELETE", &links("purgeHistoryDeleteUri")).await;
    assert_eq!(purge.status, 200);
}

#[tokio::test]
async fn a_link_is_good_for_its_operation_and_instance_only() {
    let server = Server::with(signing).await;
    let links = started(&server, "a").await;
    started(&server, "b").await;
    let status = links["statusQueryGetUri"].as_str().unwrap();
    let event = links["sendEventPostUri"].as_str().unwrap();
    let terminate = links["terminatePostUri"].as_str().unwrap();
    for (method, url) in [
        ("DELETE", status.to_owned()),
        ("GET", status.replace("/a?", "/b?")),
        ("GET", status.replace("/a?", "/A?")),
        ("GET", status.replace("/instances/a?", "/instances?")),
        ("POST", status.replace("/a?", "/a/terminate?")),
        ("POST", status.replace("/a?", "/a/raiseEvent/x?")),
        (
            "POST",
            status.replace("instances/a?", "orchestrators/Booking/a?"),
        ),
        ("POST", event.replace("raiseEvent/{eventName}", "terminate")),
        ("POST", terminate.replace("/terminate", "/suspend")),
        ("POST", terminate.replace("/a/", "/b/")),
        ("GET", status.replace("&expires=1", "&expires=2")),
        ("GET", status.replace("&expires=1", "&expires=01")),
        ("GET", format!("{status}&signature=x")),
    ] {
        assert_ne!(url, "");
        ask(&server, method, &url).await.is_empty(401);
    }
    assert!(!server.instance("a").status().await.unwrap().is_terminal());
    assert!(!server.instance("b").status().await.unwrap().is_terminal());
}

#[tokio::test]
async fn a_link_says_that_it_has_expired() {
    let server = Server::with(signing).await;
    let links = started(&server, "a").await;
    let status = links["statusQueryGetUri"].as_str().unwrap();
    server.clock.set("2026-03-01T00:00:58Z".parse().unwrap());
    assert_eq!(ask(&server, "GET", status).await.status, 202);
    server.clock.set("2026-03-01T00:00:59Z".parse().unwrap());
    let text = ask(&server, "GET", status).await;
    let text = text.is_error(403, "The address has expired");
    assert!(text.contains("another one"), "{text}");
    // Whoever changes an expired one learns nothing.
    let changed = status.replace("/a?", "/b?");
    ask(&server, "GET", &changed).await.is_empty(401);
}

#[tokio::test]
async fn whoever_may_restart_is_not_given_links_for_everything() {
    let server = Server::with(signing).await;
    let links = started(&server, "a").await;
    server.instance("a").terminate(None).await.unwrap();
    server.ended("a").await;
    let restart = links["restartPostUri"].as_str().unwrap().to_owned();
    let restart = restart + "&restartWithNewInstanceId=false";
    let answer = ask(&server, "POST", &restart).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    assert!(!answer.body.contains("signature="), "{}", answer.body);
    let answer = answer.json();
    let terminate = answer["terminatePostUri"].as_str().unwrap();
    ask(&server, "POST", terminate).await.is_empty(401);
}

#[tokio::test]
async fn whoever_may_restart_is_not_shown_how_it_ends() {
    let server = Server::with(signing).await;
    let header = format!("x-functions-key: {KEY}");
    let request = format!("POST {WEBHOOK}/orchestrators/Echo/a");
    let links = server
        .send(&request, &[&header], b"\"secret\"")
        .await
        .json();
    server.ended("a").await;
    let restart = links["restartPostUri"].as_str().unwrap();
    let waiting = format!("{restart}&timeout=30&pollingInterval=1");
    let answer = ask(&server, "POST", &waiting).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    assert!(!answer.body.contains("secret"), "{}", answer.body);
    let contradictory = format!("{restart}&timeout=1&pollingInterval=2");
    assert_eq!(ask(&server, "POST", &contradictory).await.status, 400);

    // Who has the key may read, and so is shown it.
    let request = format!("POST {WEBHOOK}/instances/a/restart?timeout=30&pollingInterval=1");
    let answer = server.send(&request, &[&header], b"").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "\"secret\""));
}

#[tokio::test]
async fn a_program_makes_addresses_of_its_own() {
    let mut own = None;
    let server = Server::with(|api| {
        let api = signing(api);
        own = Some(api.clone());
        api
    })
    .await;
    let own = own.unwrap();
    started(&server, "a").await;
    let id = InstanceId::parse("a").unwrap();

    let go = own.signed_url(&id, &Grant::raise_event("Go it")).unwrap();
    ask(&server, "POST", &go).await.is_empty(202);
    let other = go.replace("Go%20it", "Stop");
    assert_ne!(other, go);
    ask(&server, "POST", &other).await.is_empty(401);

    let any = own.signed_url(&id, &Grant::raise_any_event()).unwrap();
    let any = any.replace("{eventName}", "Stop");
    ask(&server, "POST", &any).await.is_empty(202);

    let minute = Duration::from_secs(120);
    let read = own
        .signed_url(&id, &Grant::read().valid_for(minute))
        .unwrap();
    server.clock.set("2026-03-01T00:01:58Z".parse().unwrap());
    assert_eq!(ask(&server, "GET", &read).await.status, 202);
    server.clock.set("2026-03-01T00:01:59Z".parse().unwrap());
    assert_eq!(ask(&server, "GET", &read).await.status, 403);

    let terminate = own.signed_url(&id, &Grant::terminate()).unwrap();
    let terminate = terminate + "&reason=enough";
    ask(&server, "POST", &terminate).await.is_empty(202);
    let ended = server.ended("a").await;
    assert_eq!(ended.output.as_deref(), Some("\"enough\""));
}

#[tokio::test]
async fn an_address_takes_a_secret_and_an_origin() {
    let server = Server::start().await;
    let api = Api::new(server.client().clone());
    let id = InstanceId::parse("a").unwrap();
    let unsigned = api.clone().public_origin(ORIGIN);
    assert_eq!(
        unsigned.signed_url(&id, &Grant::read()),
        Err(SignedUrlError::NotSigned)
    );
    let nowhere = api.signed_urls(SignedUrls::new(SECRET).unwrap());
    assert_eq!(
        nowhere.signed_url(&id, &Grant::read()),
        Err(SignedUrlError::NoPublicOrigin)
    );
}

#[tokio::test]
async fn signed_addresses_alone_close_the_base() {
    let server = Server::with(|api| api.signed_urls(SignedUrls::new(SECRET).unwrap())).await;
    server.post("orchestrators/Nothing", "").await.is_empty(401);
    server.get("instances").await.is_empty(401);
    let answer = server
        .send("POST /durabletask/orchestrators/Booking/a", &[], b"")
        .await;
    let links = answer.json();
    let status = links["statusQueryGetUri"].as_str().unwrap();
    let origin = format!("http://{}", server.address);
    let target = status.strip_prefix(&origin).unwrap();
    let answer = server.send(&format!("GET {target}"), &[], b"").await;
    assert_eq!(answer.status, 202);
}
