//! Raising events.

use crate::support::{Server, WEBHOOK};

#[tokio::test]
async fn events_are_delivered_byte_for_byte_and_names_ignore_case() {
    let server = Server::start().await;
    for (n, (name, payload)) in [
        ("BookingConfirmed", "true"),
        (
            "bookingconfirmed",
            "{\"b\":1, \"a\":123456789012345678901234567890}",
        ),
        ("BOOKINGCONFIRMED", "\"\\\"true\\\"\""),
        ("bookingConfirmed", "\"한😀\""),
    ]
    .into_iter()
    .enumerate()
    {
        let id = n.to_string();
        server
            .post(&format!("orchestrators/Booking/{id}"), "")
            .await;
        server.shows(&id, "\"waiting\"").await;
        let answer = server
            .post(&format!("instances/{id}/raiseEvent/{name}"), payload)
            .await;
        answer.is_empty(202);
        assert_eq!(server.ended(&id).await.output.as_deref(), Some(payload));
    }
}

#[tokio::test]
async fn an_empty_body_is_null_and_one_encoded_twice_fits_a_type() {
    let server = Server::start().await;
    server.post("orchestrators/Booking/a", "").await;
    server
        .post("instances/a/raiseEvent/BookingConfirmed", "")
        .await
        .is_empty(202);
    assert_eq!(server.ended("a").await.output.as_deref(), Some("null"));
    // What is not there has no type, as when `curl -X POST` sends it.
    server.post("orchestrators/Booking/a", "").await;
    let target = format!("POST {WEBHOOK}/instances/a/raiseEvent/BookingConfirmed");
    server.send(&target, &[], b"").await.is_empty(202);
    assert_eq!(server.ended("a").await.output.as_deref(), Some("null"));
    server.post("orchestrators/Counted/b", "").await;
    server
        .post("instances/b/raiseEvent/count", "\"7\"")
        .await
        .is_empty(202);
    assert_eq!(server.ended("b").await.output.as_deref(), Some("7"));
}

#[tokio::test]
async fn an_event_that_nobody_awaits_yet_is_kept() {
    let server = Server::start().await;
    server.post("orchestrators/Booking/a", "").await;
    server
        .post("instances/a/raiseEvent/other", "1")
        .await
        .is_empty(202);
    server
        .post("instances/a/raiseEvent/bookingConfirmed", "2")
        .await
        .is_empty(202);
    assert_eq!(server.ended("a").await.output.as_deref(), Some("2"));
}

#[tokio::test]
async fn that_there_is_nobody_weighs_more_than_what_is_wrong_with_the_event() {
    let server = Server::start().await;
    server.post("orchestrators/Nothing/ended", "").await;
    server.ended("ended").await;
    server.post("orchestrators/Booking/lives", "").await;
    let json = "Content-Type: application/json";
    for (headers, body, lives) in [
        (
            &["Content-Type: text/plain"][..],
            "1",
            Some("Only application/json request content is supported"),
        ),
        (
            &[],
            "1",
            Some("Only application/json request content is supported"),
        ),
        (
            &["Content-Type: application/jsonx"],
            "{",
            Some("Only application/json request content is supported"),
        ),
        (&[json], "{", Some("Invalid JSON content")),
        (&[json], " ", Some("Invalid JSON content")),
        (
            &["Content-Type: Application/JSON; charset=utf-8"],
            "1",
            None,
        ),
        (
            &["Content-Type: application/json ;charset=utf-8"],
            "1",
            None,
        ),
    ] {
        for (id, status) in [("unknown", 404), ("ended", 410)] {
            let target = format!("POST {WEBHOOK}/instances/{id}/raiseEvent/x");
            server
                .send(&target, headers, body.as_bytes())
                .await
                .is_empty(status);
        }
        let target = format!("POST {WEBHOOK}/instances/lives/raiseEvent/x");
        let answer = server.send(&target, headers, body.as_bytes()).await;
        match lives {
            Some(message) => drop(answer.is_error(400, message)),
            None => answer.is_empty(202),
        }
    }
}
