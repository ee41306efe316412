//! The stream of an instance's changes.

use std::time::Duration;

use serde_json::json;
use steadfast::prelude::*;
use tokio::io::AsyncWriteExt as _;

use crate::stream::{Event, Events, Shows as _};
use crate::support::Server;

/// Sequences and custom statuses, of which none was skipped.
#[track_caller]
fn changes(events: &[Event]) -> Vec<(u64, serde_json::Value)> {
    let change = |event: &Event| {
        let (sequence, status, skipped) = event.change();
        assert_eq!(skipped, 0, "{event:?}");
        (sequence, status.clone())
    };
    events.iter().map(change).collect()
}

#[tokio::test]
async fn every_custom_status_of_a_hello_sequence_is_shown_with_its_commit() {
    let server = Server::start().await;
    server.post("orchestrators/Booking/a", "").await;
    server.shows("a", "\"waiting\"").await;
    let mut events = Events::open(&server, "instances/a/watch", &[]).await;
    assert_eq!(events.status, 200);
    for header in [
        "content-type: text/event-stream\r\n",
        "cache-control: no-store\r\n",
        "x-accel-buffering: no\r\n",
    ] {
        assert!(events.head.contains(header), "{}", events.head);
    }
    let first = events.next().await.unwrap();
    assert_eq!((first.retry, first.kind.as_str()), (Some(2000), ""));
    let incarnation = first.id.split('.').next().unwrap();
    let times = ("2026-02-28T23:59:59Z", "2026-02-28T23:59:59Z");
    assert_eq!(
        first.data,
        json!({
            "skipped": 0, "cursor": format!("{incarnation}.1"), "name": "Booking", "instanceId": "a",
            "runtimeStatus": "Running", "customStatus": "waiting", "progress": [], "output": null,
            "createdTime": times.0, "lastUpdatedTime": times.1,
        })
    );
    server
        .post("instances/a/raiseEvent/BookingConfirmed", "[1]")
        .await;
    let rest = events.rest().await;
    assert_eq!(rest.len(), 1);
    assert_eq!(
        (rest[0].retry, rest[0].runtime_status()),
        (None, "Completed")
    );
    assert_eq!(rest[0].data["output"], json!([1]));

    // However fast it is: everything comes, in order, and once.
    let body = r#"["Tokyo","Seattle","London"]"#;
    server
        .post("orchestrators/E1_HelloSequence/hello", body)
        .await;
    let from = format!("Last-Event-ID: {}.0", server.incarnation("hello").await);
    let mut events = Events::open(&server, "instances/hello/watch", &[&from]).await;
    let shown = changes(&events.rest().await);
    assert_eq!(
        shown,
        [
            (1, json!(null)),
            (2, json!("Tokyo")),
            (3, json!("Seattle")),
            (4, json!("London")),
        ]
    );
}

#[tokio::test]
async fn a_reader_that_comes_back_is_told_what_it_missed_and_nothing_twice() {
    let server = Server::start().await;
    server.post("orchestrators/Churn/a", "[3,0]").await;
    server.instance("a").status_is(RuntimeStatus::Running).await;
    let mut events = Events::open(&server, "instances/a/watch", &[]).await;
    let first = events.next().await.unwrap();
    drop(events);
    server.has_streams(0).await;
    server
        .instance("a")
        .raise_event_named("go", &())
        .await
        .unwrap();
    server.ended("a").await;

    let header = format!("Last-Event-ID: {}", first.id);
    let query = format!("instances/a/watch?lastEventId={}", first.id);
    let since = [(2, json!("0 ")), (3, json!("1 ")), (4, json!("2 "))];
    let mut last = Event::default();
    for (path, headers) in [("instances/a/watch", vec![&*header]), (&*query, vec![])] {
        let mut again = Events::open(&server, path, &headers).await;
        let events = again.rest().await;
        assert_eq!(changes(&events), since);
        last = events.into_iter().last().unwrap();
        assert_eq!(last.data["output"], json!(3));
    }
    // The header weighs more: it is what a browser knows now, and the address what it knew when it began.
    let header = format!("Last-Event-ID: {}", last.id);
    for (path, headers) in [
        ("instances/a/watch", vec![&*header]),
        (&*query, vec![&*header]),
        (
            &*format!("instances/a/watch?lastEventId={}", last.id),
            vec![],
        ),
    ] {
        let events = Events::open(&server, path, &headers).await;
        assert_eq!(events.status, 204, "{path}");
    }
    // What is no cursor is none.
    let mut events = Events::open(&server, "instances/a/watch", &["Last-Event-ID: x"]).await;
    assert_eq!(changes(&events.rest().await), since[2..]);
    server.has_streams(0).await;
}

#[tokio::test]
async fn who_is_not_there_cannot_be_watched() {
    let server = Server::start().await;
    for path in ["instances/nobody/watch", "instances/%40a/watch", "watch/a"] {
        server.get(path).await.is_empty(404);
    }
    assert_eq!(server.client().open_watches(), 0);
    // An instance may be called so.
    server.post("orchestrators/Double/watch", "4").await;
    server.ended("watch").await;
    let mut events = Events::open(&server, "instances/watch/watch", &[]).await;
    assert_eq!(events.rest().await[0].data["output"], json!(8));
}

#[tokio::test]
async fn a_reader_of_an_incarnation_that_is_gone_gets_the_state_now() {
    let server = Server::start().await;
    server.post("orchestrators/Double/a", "4").await;
    let old = server.ended("a").await.cursor;
    server.post("orchestrators/Booking/a", "").await;
    server.shows("a", "\"waiting\"").await;
    let header = format!("Last-Event-ID: {old}");
    let mut events = Events::open(&server, "instances/a/watch", &[&header]).await;
    let event = events.next().await.unwrap();
    assert_eq!(event.change(), (1, &json!("waiting"), 1));
    assert_ne!(event.id, old.to_string());
    // Also when it is replaced under the reader's eyes.
    server.instance("a").terminate(Some("over")).await.unwrap();
    let rest = events.rest().await;
    assert_eq!(rest[0].runtime_status(), "Terminated");
    assert_eq!(rest[0].data["output"], json!("over"));
}

#[tokio::test]
async fn what_was_before_an_instance_continued_as_new_is_counted() {
    let server = Server::start().await;
    server.post("orchestrators/Countdown/a", "3").await;
    server.shows("a", "0").await;
    let header = format!("Last-Event-ID: {}.0", server.incarnation("a").await);
    let mut events = Events::open(&server, "instances/a/watch", &[&header]).await;
    server
        .instance("a")
        .raise_event_named("go", &())
        .await
        .unwrap();
    let events = events.rest().await;
    let sequences: Vec<_> = events.iter().map(|event| event.change().0).collect();
    let skipped: u64 = events.iter().map(|event| event.change().2).sum();
    assert!(sequences.is_sorted_by(|a, b| a < b), "{sequences:?}");
    let last = sequences.last().unwrap();
    assert!(skipped > 0);
    assert_eq!(skipped + events.len() as u64, *last);
    assert_eq!(events.last().unwrap().data["output"], json!("gone"));
}

#[tokio::test]
async fn a_stalled_instance_says_so_and_a_failed_one_why() {
    let server = Server::start().await;
    server.post("orchestrators/Stalls/a", "").await;
    let mut events = Events::open(&server, "instances/a/watch", &[]).await;
    let stalled = loop {
        let event = events.next().await.unwrap();
        if !event.data["stalled"].is_null() {
            break event;
        }
    };
    let why = stalled.data["stalled"].as_str().unwrap();
    assert!(why.contains("Stalls"), "{why}");
    server.post("orchestrators/Fails/b", "").await;
    server.ended("b").await;
    let status = server.get("instances/b").await.json();
    let mut events = Events::open(&server, "instances/b/watch", &[]).await;
    assert_eq!(
        events.next().await.unwrap().data["output"],
        status["output"]
    );
}

#[tokio::test]
async fn a_slow_reader_gets_the_latest_and_is_told_how_many_it_missed() {
    const COUNT: u64 = 400;
    let server = Server::start().await;
    server
        .post("orchestrators/Churn/a", &format!("[{COUNT},8000]"))
        .await;
    server.instance("a").status_is(RuntimeStatus::Running).await;
    let mut events = Events::open(&server, "instances/a/watch", &[]).await;
    let first = events.next().await.unwrap().change().0;
    server
        .instance("a")
        .raise_event_named("go", &())
        .await
        .unwrap();
    // It reads nothing until all is over, which is more than fits between the two.
    server.ended("a").await;
    let rest = events.rest().await;
    let sequences: Vec<_> = rest.iter().map(|event| event.change().0).collect();
    assert!(sequences.is_sorted_by(|a, b| a < b), "{sequences:?}");
    let skipped: u64 = rest.iter().map(|event| event.change().2).sum();
    assert!(skipped > 0, "{} events", rest.len());
    assert_eq!(skipped + rest.len() as u64, COUNT);
    let last = rest.last().unwrap();
    assert_eq!(
        (last.change().0, last.runtime_status()),
        (first + COUNT, "Completed")
    );
    server.has_streams(0).await;
}

#[tokio::test]
async fn a_reader_that_goes_away_is_forgotten() {
    let server = Server::start().await;
    server.post("orchestrators/Booking/a", "").await;
    server.shows("a", "\"waiting\"").await;
    let mut open = Vec::new();
    for _ in 0..3 {
        let mut events = Events::open(&server, "instances/a/watch", &[]).await;
        events.next().await.unwrap();
        open.push(events);
    }
    server.has_streams(3).await;
    drop(open.pop());
    server.has_streams(2).await;
    // One that will not send any more may as well be gone.
    open[0].connection.shutdown().await.unwrap();
    server.has_streams(1).await;
    // The others are told as before.
    server
        .post("instances/a/raiseEvent/BookingConfirmed", "1")
        .await;
    let rest = open[1].rest().await;
    assert_eq!(rest[0].data["output"], json!(1));
    server.has_streams(0).await;
}

#[tokio::test]
async fn streams_end_when_serving_does_also_for_readers_that_never_read() {
    let server = Server::with(|api| api.drain_timeout(Duration::from_millis(50))).await;
    server.post("orchestrators/Churn/a", "[400,8000]").await;
    server.instance("a").status_is(RuntimeStatus::Running).await;
    server.post("orchestrators/Booking/b", "").await;
    server.shows("b", "\"waiting\"").await;
    let _never_reads = Events::open(&server, "instances/a/watch", &[]).await;
    let mut reads = Events::open(&server, "instances/b/watch", &[]).await;
    reads.next().await.unwrap();
    server
        .instance("a")
        .raise_event_named("go", &())
        .await
        .unwrap();
    server.ended("a").await;
    server.has_streams(2).await;
    let steadfast = server.stop().await;
    assert_eq!(reads.next().await, None);
    assert_eq!(steadfast.client().open_watches(), 0);
}

#[tokio::test]
async fn a_stream_ends_with_the_worker() {
    let server = Server::start().await;
    server.post("orchestrators/Booking/a", "").await;
    server.shows("a", "\"waiting\"").await;
    let mut events = Events::open(&server, "instances/a/watch", &[]).await;
    events.next().await.unwrap();
    let client = server.client().clone();
    server.shut_down().await;
    assert_eq!(events.next().await, None);
    assert_eq!(client.open_watches(), 0);
}

#[tokio::test]
async fn a_comment_tells_that_a_quiet_stream_lives() {
    let server = Server::start().await;
    server.post("orchestrators/Booking/a", "").await;
    server.shows("a", "\"waiting\"").await;
    let mut events = Events::open(&server, "instances/a/watch", &[]).await;
    events.next().await.unwrap();
    // Time passes when nothing else happens.
    tokio::time::pause();
    for _ in 0..3 {
        assert_eq!(events.line().await.as_deref(), Some(":"));
        assert_eq!(events.line().await.as_deref(), Some(""));
    }
}

#[tokio::test]
async fn a_failure_that_was_read_back_has_no_invented_message() {
    let server = Server::start().await;
    server.run("Repairs", "a", "\"what is read back\"").await;
    server.post("instances/a/rewind", "").await;
    server.ended("a").await;
    let from = format!("Last-Event-ID: {}.0", server.incarnation("a").await);
    let mut events = Events::open(&server, "instances/a/watch", &[&from]).await;
    let events = events.rest().await;
    let failed = events
        .iter()
        .find(|event| event.runtime_status() == "Failed");
    assert_eq!(failed.unwrap().data["output"], json!(null));
}
