//! Purging.

use crate::support::Server;

#[tokio::test]
async fn a_purged_instance_is_gone_and_its_id_is_free() {
    let server = Server::start().await;
    server.run("Nothing", "a", "").await;
    let answer = server.delete("instances/a").await;
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (200, "{\"instancesDeleted\":1}")
    );
    answer.is_json();
    server.get("instances/a").await.is_empty(404);
    server.delete("instances/a/").await.is_empty(404);
    for operation in ["terminate", "suspend", "resume", "raiseEvent/x"] {
        let path = format!("instances/a/{operation}");
        server.post(&path, "1").await.is_empty(404);
    }
    assert_eq!(server.get("instances").await.body, "[]");
    server.run("Double", "a", "2").await;
}

#[tokio::test]
async fn what_lives_is_not_purged_and_the_answer_says_its_status() {
    let server = Server::start().await;
    server.book("a").await;
    let text = server.delete("instances/a").await.is_text(412);
    assert!(text.contains("`a`") && text.contains("Running"), "{text}");
    server.post("instances/a/suspend", "").await.is_empty(202);
    let text = server.delete("instances/a").await.is_text(412);
    assert!(text.contains("Suspended"), "{text}");
    assert_eq!(server.get("instances/a").await.status, 202);
}

#[tokio::test]
async fn what_there_is_not_cannot_be_purged() {
    let server = Server::start().await;
    for id in ["unknown", "@counter@a", "a%23b"] {
        let path = format!("instances/{id}");
        server.delete(&path).await.is_empty(404);
    }
    let answer = server.delete("instances/a%2Fb").await;
    answer.is_error(400, "One or more of the arguments submitted is incorrect");
    server.run("Nothing", "a", "").await;
    server
        .delete("instances/a?taskHub=other")
        .await
        .is_empty(404);
    assert_eq!(server.get("instances/a").await.status, 200);
}

#[tokio::test]
async fn a_purge_by_filter_takes_what_matches_and_has_ended() {
    let server = Server::start().await;
    server.run("Fails", "failed", "").await;
    server.run("Nothing", "completed", "").await;
    server.run("Nothing", "completed-2", "").await;
    server.book("lives").await;
    let from = "createdTimeFrom=2026-01-01T00:00:00.000Z";
    for (query, status, body) in [
        (format!("{from}&createdTimeTo=2026-02-01"), 404, ""),
        ("createdTimeFrom=2026-03-01T00:00:00Z".into(), 404, ""),
        (format!("{from}&runtimeStatus=Running"), 404, ""),
        (format!("{from}&runtimeStatus=Terminated,Canceled"), 404, ""),
        (format!("{from}&taskHub=other"), 404, ""),
        (
            format!("{from}&runtimeStatus=Running,Failed"),
            200,
            "{\"instancesDeleted\":1}",
        ),
        (
            format!("{from}&createdTimeTo=9999-12-31T23:59:59.9999999Z"),
            200,
            "{\"instancesDeleted\":2}",
        ),
        (from.into(), 404, ""),
    ] {
        let answer = server.delete(&format!("instances/?{query}")).await;
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (status, body),
            "{query}"
        );
    }
    assert_eq!(server.get("instances/lives").await.status, 202);
}

#[tokio::test]
async fn a_purge_says_from_when_and_is_never_wider_than_was_meant() {
    let server = Server::start().await;
    server.run("Nothing", "a", "").await;
    for query in ["", "?createdTimeFrom=", "?createdTimeFrom=yesterday"] {
        let answer = server.delete(&format!("instances{query}")).await;
        let text = answer.is_text(400);
        assert!(text.contains("createdTimeFrom"), "{text}");
    }
    let from = "createdTimeFrom=2026-01-01";
    let path = format!("instances?{from}&createdTimeTo=x");
    let text = server.delete(&path).await.is_text(400);
    assert!(text.contains("createdTimeTo"), "{text}");
    let path = format!("instances?{from}&runtimeStatus=completed");
    server.delete(&path).await.is_empty(404);
    assert_eq!(server.get("instances/a").await.status, 200);
}
