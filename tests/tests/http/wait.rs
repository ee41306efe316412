//! Starting and waiting.

use std::time::Duration;

use steadfast::http::router;
use tokio::time::Instant;

use crate::support::{Server, TIMES, WEBHOOK, send, serve_plainly, worker};

const LONG: &str = "timeout=3600&pollingInterval=0.5";

#[tokio::test]
async fn who_waits_for_a_completion_is_answered_with_the_bare_output() {
    let server = Server::start().await;
    for (path, input, output) in [
        ("orchestrators/Double", "21", "42"),
        ("orchestrators/Nothing/a", "", "null"),
        ("orchestrators/Echo/b", "{\"b\" : 1.0}", "{\"b\" : 1.0}"),
    ] {
        let answer = server.post(&format!("{path}?{LONG}"), input).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, output));
        answer.is_json();
        assert_eq!(
            (answer.header("location"), answer.header("retry-after")),
            (None, None)
        );
    }
}

#[tokio::test]
async fn who_waits_for_a_failure_is_answered_with_the_status() {
    let server = Server::start().await;
    let body = format!(
        r#"{{"name":"Fails","instanceId":"a","runtimeStatus":"Failed","input":null,"customStatus":null,"output":"Orchestrator function 'Fails' failed: 한 \"boom\"",{TIMES}}}"#
    );
    for (query, status) in [
        ("", 200),
        ("&returnInternalServerErrorOnFailure=True", 500),
        ("&returnInternalServerErrorOnFailure=no", 200),
    ] {
        let path = format!("orchestrators/Fails/a?{LONG}{query}");
        let answer = server.post(&path, "").await;
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (status, body.as_str())
        );
        answer.is_json();
    }
}

#[tokio::test]
async fn who_waits_for_what_is_terminated_is_answered_with_the_status() {
    let server = Server::start().await;
    let path = format!("orchestrators/Booking/a?{LONG}");
    let wait = server.post(&path, "");
    let end = async {
        // The instance appears while the first request waits.
        while server.instance("a").try_status().await.unwrap().is_none() {
            tokio::task::yield_now().await;
        }
        let answer = server.post("instances/a/terminate?reason=enough", "");
        answer.await.is_empty(202);
    };
    let (answer, ()) = tokio::join!(wait, end);
    assert_eq!(answer.status, 200);
    let status = answer.json();
    assert_eq!(
        (&status["runtimeStatus"], &status["output"]),
        (&"Terminated".into(), &"enough".into())
    );
}

#[tokio::test]
async fn who_waits_in_vain_is_answered_as_after_a_plain_start() {
    let server = Server::start().await;
    let path = "orchestrators/Booking/a?timeout=0&pollingInterval=0";
    let answer = server.post(path, "").await;
    assert_eq!(answer.status, 202);
    let location = format!(
        "http://{}{WEBHOOK}/instances/a?taskHub=default&connection=Storage",
        server.address
    );
    assert_eq!(answer.header("location"), Some(location.as_str()));
    assert_eq!(answer.header("retry-after"), Some("10"));
    assert_eq!(answer.json()["statusQueryGetUri"], location.as_str());
}

#[tokio::test]
async fn nobody_waits_for_longer_than_azure_lets_them() {
    let server = Server::start().await;
    for timeout in ["3600", "1e300"] {
        let path = format!("orchestrators/Booking/{timeout}?timeout={timeout}&pollingInterval=1");
        let wait = server.post(&path, "");
        let pass = async {
            while server
                .instance(timeout)
                .try_status()
                .await
                .unwrap()
                .is_none()
            {
                tokio::task::yield_now().await;
            }
            server.shows(timeout, "\"waiting\"").await;
            // Time passes when nothing else happens.
            tokio::time::pause();
            Instant::now()
        };
        let (answer, began) = tokio::join!(wait, pass);
        assert_eq!(
            (answer.status, &answer.json()["id"]),
            (202, &timeout.into())
        );
        // More than the limit, as time passes also while the answer is on its way.
        assert!(began.elapsed() < Duration::from_secs(3600), "{timeout}");
        tokio::time::resume();
    }
}

#[tokio::test]
async fn who_waits_is_told_of_the_instance_also_when_the_worker_goes() {
    let steadfast = worker().await;
    let instance = steadfast.client().instance("a").unwrap();
    let address = serve_plainly(router(steadfast.client().clone())).await;
    let request = format!("POST {WEBHOOK}/orchestrators/Booking/a?{LONG}");
    let wait = send(address, &request, &[], b"");
    let go = async {
        while instance.try_status().await.unwrap().is_none() {
            tokio::task::yield_now().await;
        }
        // Its code runs once the start has been answered.
        let shown = instance.wait_custom_status(|status| status.as_json() == "\"waiting\"");
        assert!(shown.await.unwrap().is_some());
        steadfast.shut_down(Duration::ZERO).await;
    };
    let (answer, ()) = tokio::join!(wait, go);
    assert_eq!((answer.status, &answer.json()["id"]), (202, &"a".into()));
}

#[tokio::test]
async fn who_gives_one_of_the_two_times_does_not_wait() {
    let server = Server::start().await;
    for query in [
        "timeout=3600",
        "pollingInterval=1",
        "timeout=x&pollingInterval=1",
        "timeout=-1&pollingInterval=-2",
    ] {
        let path = format!("orchestrators/Booking?{query}");
        let answer = server.post(&path, "").await;
        assert_eq!(
            (answer.status, answer.header("retry-after")),
            (202, Some("10"))
        );
    }
}

#[tokio::test]
async fn an_interval_beyond_the_timeout_is_refused_before_anything_is_started() {
    let server = Server::start().await;
    let path = "orchestrators/Nothing/a?timeout=1&pollingInterval=1.5";
    let text = server
        .post(path, "")
        .await
        .is_error(400, "One or more of the arguments submitted is incorrect");
    assert!(text.contains("`pollingInterval`"), "{text}");
    server.get("instances/a").await.is_empty(404);
}

#[tokio::test]
async fn a_restart_is_waited_for_too() {
    let server = Server::start().await;
    server.run("Double", "a", "4").await;
    for new_id in [true, false] {
        let path = format!("instances/a/restart?restartWithNewInstanceId={new_id}&{LONG}");
        let answer = server.post(&path, "").await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "8"));
    }
    let path = "instances/a/restart?timeout=1&pollingInterval=2";
    let answer = server.post(path, "").await;
    answer.is_error(400, "One or more of the arguments submitted is incorrect");
}
