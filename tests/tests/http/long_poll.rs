//! Status requests that wait for a change.

use serde_json::json;
use steadfast::prelude::*;

use crate::stream::Shows as _;
use crate::support::{Answer, Server, WEBHOOK, send};

fn cursor(answer: &Answer) -> String {
    answer.header("x-steadfast-cursor").unwrap().to_owned()
}

async fn waiting() -> Server {
    let server = Server::start().await;
    server.post("orchestrators/Churn/a", "[2,0]").await;
    server.instance("a").status_is(RuntimeStatus::Running).await;
    server
}

#[tokio::test]
async fn every_status_says_which_change_it_shows() {
    let server = waiting().await;
    let now = server.instance("a").status().await.unwrap().cursor;
    let answer = server.get("instances/a").await;
    assert_eq!((answer.status, cursor(&answer)), (202, now.to_string()));
    server.instance("a").terminate(None).await.unwrap();
    let answer = server.get("instances/a").await;
    assert_eq!(answer.status, 200);
    assert_ne!(cursor(&answer), now.to_string());
}

#[tokio::test]
async fn an_answer_comes_with_the_change() {
    let server = waiting().await;
    let known = cursor(&server.get("instances/a").await);
    let (_, sequence) = known.split_once('.').unwrap();
    let paths = [
        format!("instances/a?wait=60&version={known}"),
        format!("instances/a?WAIT=60.5&VERSION={sequence}"),
        "instances/a?wait=60".to_owned(),
    ];
    let [first, second, third] = paths.each_ref().map(|path| server.get(path));
    let go = async {
        server.has_streams(3).await;
        server
            .instance("a")
            .raise_event_named("go", &())
            .await
            .unwrap();
    };
    let (first, second, third, ()) = tokio::join!(first, second, third, go);
    for answer in [first, second, third] {
        assert_ne!(cursor(&answer), known);
        assert!(!answer.json()["customStatus"].is_null());
    }
}

#[tokio::test]
async fn what_is_known_to_have_changed_is_answered_at_once() {
    let server = waiting().await;
    let known = server.instance("a").status().await.unwrap().cursor;
    for path in [
        // A version from before, also of an incarnation before.
        format!("instances/a?wait=60&version={}.0", known.incarnation.0),
        "instances/a?wait=60&version=0".to_owned(),
        "instances/a?wait=60&version=0.99".to_owned(),
        // No time at all.
        format!("instances/a?wait=0&version={known}"),
        "instances/a?wait=0.001&version=99999999".to_owned(),
        // What cannot be read counts as absent.
        "instances/a?wait=-1".to_owned(),
        "instances/a?wait=long".to_owned(),
        format!("instances/a?version={known}"),
    ] {
        let answer = server.get(&path).await;
        assert_eq!(
            (answer.status, cursor(&answer)),
            (202, known.to_string()),
            "{path}"
        );
    }
    server.instance("a").terminate(Some("over")).await.unwrap();
    let end = cursor(&server.get("instances/a").await);
    let answer = server
        .get(&format!("instances/a?wait=60&version={end}"))
        .await;
    assert_eq!(answer.json()["output"], json!("over"));
    server.get("instances/nobody?wait=60").await.is_empty(404);
}

#[tokio::test]
async fn who_waits_is_answered_when_serving_ends_and_forgotten_when_it_goes_away() {
    let server = waiting().await;
    let address = server.address;
    let request = format!("GET {WEBHOOK}/instances/a?wait=60");
    let wait =
        move |request: String| tokio::spawn(async move { send(address, &request, &[], b"").await });
    let goes_away = wait(request.clone());
    server.has_streams(1).await;
    goes_away.abort();
    server.has_streams(0).await;

    let waits = wait(request);
    server.has_streams(1).await;
    server.stop().await;
    let answer = waits.await.unwrap();
    assert_eq!(
        (answer.status, &answer.json()["runtimeStatus"]),
        (202, &json!("Running"))
    );
}
