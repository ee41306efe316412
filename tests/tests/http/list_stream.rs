//! The stream of all instances that match.

use serde_json::json;
use steadfast::prelude::*;

use crate::stream::{Event, Events, Shows as _};
use crate::support::Server;

/// In a few words.
fn words(event: &Event) -> String {
    let data = &event.data;
    let id = data["instanceId"].as_str().unwrap_or_default();
    match event.kind.as_str() {
        "" => format!("{id} {} {}", event.runtime_status(), data["customStatus"]),
        "left" => format!("{id} left"),
        kind => {
            assert_eq!(*data, json!({}));
            kind.to_owned()
        }
    }
}

async fn next(events: &mut Events, count: usize) -> Vec<String> {
    let mut next = Vec::new();
    for _ in 0..count {
        let event = events.next().await.unwrap();
        assert_eq!(event.id, "");
        next.push(words(&event));
    }
    next
}

#[tokio::test]
async fn a_dashboard_is_told_what_there_is_and_what_becomes_of_it() {
    let server = Server::start().await;
    for id in ["order-1", "offer-2"] {
        server
            .post(&format!("orchestrators/Booking/{id}"), "")
            .await;
        server.shows(id, "\"waiting\"").await;
    }
    let path = "watch?runtimeStatus=Running&instanceIdPrefix=order-";
    let mut events = Events::open(&server, path, &[]).await;
    assert_eq!(events.status, 200);
    assert!(events.head.contains("content-type: text/event-stream"));
    assert_eq!(
        next(&mut events, 3).await,
        ["reset", "order-1 Running \"waiting\"", "complete"]
    );
    server.post("orchestrators/Booking/offer-3", "").await;
    server.post("orchestrators/Booking/order-4", "").await;
    server
        .instance("order-4")
        .status_is(RuntimeStatus::Running)
        .await;
    server.instance("order-1").terminate(None).await.unwrap();
    assert_eq!(
        next(&mut events, 2).await,
        ["order-4 Running \"waiting\"", "order-1 left"]
    );
    drop(events);
    server.has_streams(0).await;
}

#[tokio::test]
async fn the_events_of_both_streams_say_the_same_of_a_change() {
    let server = Server::start().await;
    let mut all = Events::open(&server, "WATCH/", &[]).await;
    assert_eq!(next(&mut all, 2).await, ["reset", "complete"]);
    server.post("orchestrators/Churn/a", "[1,3]").await;
    let one = all.next().await.unwrap();
    assert_eq!(words(&one), "a Pending null");
    let cursor = format!("Last-Event-ID: {}", one.data["cursor"].as_str().unwrap());
    let running = all.next().await.unwrap();
    server.post("instances/a/raiseEvent/go", "null").await;
    let ended = all.next().await.unwrap();
    assert_eq!(words(&ended), "a Completed \"0 한한한\"");
    let mut of_a = Events::open(&server, "instances/a/watch", &[&cursor]).await;
    let of_a = of_a.rest().await;
    assert_eq!(of_a.len(), 2);
    assert_eq!(of_a[1].data, ended.data);
    // What was read back lacks what history does not keep.
    assert_eq!(of_a[0].data["lastUpdatedTime"], json!(null));
    assert_eq!(of_a[0].data["cursor"], running.data["cursor"]);
}

#[tokio::test]
async fn a_listener_that_never_reads_holds_up_nobody() {
    let server = Server::start().await;
    let never_reads = Events::open(&server, "watch", &[]).await;
    let mut reads = Events::open(&server, "watch?runtimeStatus=Completed", &[]).await;
    assert_eq!(next(&mut reads, 2).await, ["reset", "complete"]);
    server.post("orchestrators/Churn/a", "[400,8000]").await;
    server
        .instance("a")
        .raise_event_named("go", &())
        .await
        .unwrap();
    let mut last = String::new();
    while !last.starts_with("a Completed") {
        last = words(&reads.next().await.unwrap());
    }
    drop((never_reads, reads));
    server.has_streams(0).await;
}

#[tokio::test]
async fn another_hub_has_nothing_to_watch() {
    let server = Server::start().await;
    server.get("watch?taskHub=other").await.is_empty(404);
}
