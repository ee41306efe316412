//! The server, by HTTP.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::path::Path;

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::Program;

pub(crate) struct Server {
    program: Program,
    base: String,
    http: reqwest::Client,
}

impl Server {
    pub(crate) fn start(store: &str, delay: &str) -> Self {
        Self::with(store, delay, &[])
    }

    fn with(store: &str, delay: &str, more: &[&str]) -> Self {
        let arguments = [
            "--listen",
            "127.0.0.1:0",
            "--store",
            store,
            "--delay",
            delay,
        ];
        let arguments = [&arguments[..], more].concat();
        let mut program = Program::start(env!("CARGO_BIN_EXE_server"), &arguments);
        let base = format!("{}/runtime/webhooks/durabletask", program.line());
        Self {
            program,
            base,
            http: reqwest::Client::new(),
        }
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> reqwest::Response {
        let request = self.http.post(format!("{}/{path}", self.base));
        request.json(body).send().await.unwrap()
    }

    pub(crate) async fn begin(&self, orchestrator: &str, id: &str, input: &Value) {
        let response = self
            .post(&format!("orchestrators/{orchestrator}/{id}"), input)
            .await;
        assert_eq!(response.status(), StatusCode::ACCEPTED);
    }

    /// The document that says what the API is.
    pub(crate) async fn openapi(&self) -> Value {
        let request = self.http.get(format!("{}/openapi.json", self.base));
        request.send().await.unwrap().json().await.unwrap()
    }

    async fn status(&self, id: &str) -> Value {
        let request = self.http.get(format!("{}/instances/{id}", self.base));
        request.send().await.unwrap().json().await.unwrap()
    }

    /// Asks until the status is as it should be. Each question is a request, so this does not spin.
    pub(crate) async fn status_when(&self, id: &str, condition: impl Fn(&Value) -> bool) -> Value {
        loop {
            let status = self.status(id).await;
            if condition(&status) {
                return status;
            }
        }
    }

    pub(crate) async fn completed(&self, id: &str) -> Value {
        self.status_when(id, |status| status["runtimeStatus"] == "Completed")
            .await
    }
}

#[tokio::test]
async fn the_hello_sequence_shows_each_city_and_the_last_with_its_completion() {
    let server = Server::start("memory", "0.4");
    // As the official clients send it: no body at all.
    let start = format!("{}/orchestrators/E1_HelloSequence", server.base);
    let links: Value = server
        .http
        .post(start)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let mut seen = Vec::new();
    let last = loop {
        let request = server
            .http
            .get(links["statusQueryGetUri"].as_str().unwrap());
        let response = request.send().await.unwrap();
        let (code, status) = (response.status(), response.json::<Value>().await.unwrap());
        let city = status["customStatus"].clone();
        if !city.is_null() && seen.last() != Some(&city) {
            seen.push(city);
        }
        if status["runtimeStatus"] == "Completed" {
            assert_eq!(code, StatusCode::OK);
            break status;
        }
        assert_eq!(code, StatusCode::ACCEPTED);
        assert_ne!(status["customStatus"], "London");
    };
    assert_eq!(seen, ["Tokyo", "Seattle", "London"]);
    assert_eq!(
        last["output"],
        json!(["Hello Tokyo!", "Hello Seattle!", "Hello London!"])
    );
}

#[tokio::test]
async fn recommendations_are_custom_statuses() {
    let server = Server::start("memory", "0");
    // The second is encoded twice, as the Python client does it.
    let inputs = [json!(1), json!("2"), json!(3), json!(9)];
    let recommendations = [
        json!({"recommendedCities": ["Tokyo", "Seattle"], "recommendedSeasons": ["Spring", "Summer"]}),
        json!({"recommendedCities": ["Seattle", "London"], "recommendedSeasons": ["Summer"]}),
        json!({"recommendedCities": ["Tokyo", "London"], "recommendedSeasons": ["Spring", "Summer"]}),
        Value::Null,
    ];
    for (index, (input, expected)) in inputs.iter().zip(recommendations).enumerate() {
        let id = format!("city-{index}");
        server.begin("CityRecommender", &id, input).await;
        let status = server.completed(&id).await;
        assert_eq!(
            (&status["customStatus"], &status["output"], &status["input"]),
            (&expected, &Value::Null, input)
        );
    }
}

#[tokio::test]
async fn a_ticket_is_offered_confirmed_and_refused() {
    let server = Server::start("memory", "0");
    let thanks = "Thank you for confirming your booking.";
    let sorry = "The booking was not confirmed on time. Please try again.";
    for (id, event, output, message) in [
        ("yes", json!(true), true, thanks),
        ("python-yes", json!("true"), true, thanks),
        ("no", json!(false), false, sorry),
    ] {
        server.begin("ReserveTicket", id, &json!("user-1")).await;
        let status = server
            .status_when(id, |status| !status["customStatus"].is_null())
            .await;
        assert_eq!(
            status["customStatus"],
            json!({"discount": 10, "discountTimeout": 60, "bookingUrl": "https://www.myawesomebookingweb.com"})
        );
        assert_eq!(status["runtimeStatus"], "Running");
        let raise = format!("instances/{id}/raiseEvent/bookingConfirmed");
        assert_eq!(
            server.post(&raise, &event).await.status(),
            StatusCode::ACCEPTED
        );
        let status = server.completed(id).await;
        assert_eq!(status["output"], json!(output));
        assert_eq!(status["customStatus"], json!({ "message": message }));
    }
}

#[tokio::test]
async fn what_always_fails_is_failed() {
    let server = Server::start("memory", "0");
    server
        .begin("AlwaysFails", "failing", &json!({"any": "input"}))
        .await;
    let status = server
        .status_when("failing", |status| status["runtimeStatus"] == "Failed")
        .await;
    let output = status["output"].to_string();
    assert!(
        output.contains("this orchestration always fails"),
        "{output}"
    );
}

#[tokio::test]
async fn what_fails_until_it_is_rewound_completes_then() {
    let server = Server::start("memory", "0");
    server
        .begin("FailsUntilRewound", "fails", &Value::Null)
        .await;
    server
        .status_when("fails", |status| status["runtimeStatus"] == "Failed")
        .await;
    let rewind = server.post("instances/fails/rewind?reason=back", &Value::Null);
    assert_eq!(rewind.await.status(), StatusCode::ACCEPTED);
    let status = server.completed("fails").await;
    assert_eq!(status["output"], "the other side is back");
}

#[tokio::test]
async fn what_waits_stays_until_it_is_told() {
    let server = Server::start("memory", "0");
    server
        .begin("WaitForApproval", "approval", &Value::Null)
        .await;
    let words = json!({"by": "me"});
    let approve = server.post("instances/approval/raiseEvent/Approval", &words);
    assert_eq!(approve.await.status(), StatusCode::ACCEPTED);
    let status = server.completed("approval").await;
    assert_eq!(status["output"], json!({"by": "me"}));

    server.begin("StayInLondon", "london", &Value::Null).await;
    let status = server
        .status_when("london", |status| status["customStatus"] == "London")
        .await;
    assert_eq!(status["runtimeStatus"], "Running");
    let leave = server.post("instances/london/raiseEvent/leave", &Value::Null);
    assert_eq!(leave.await.status(), StatusCode::ACCEPTED);
    server.completed("london").await;

    server.begin("LongTimer", "short", &json!(0)).await;
    assert_eq!(server.completed("short").await["output"], 0);
    server.begin("LongTimer", "long", &Value::Null).await;
    let terminate = server.post("instances/long/terminate?reason=enough", &Value::Null);
    assert_eq!(terminate.await.status(), StatusCode::ACCEPTED);
    let status = server
        .status_when("long", |status| status["runtimeStatus"] == "Terminated")
        .await;
    assert_eq!(status["output"], "enough");
}

#[tokio::test]
async fn killing_the_server_loses_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let store = directory.path().join("server.db");
    let mut server = Server::start(path(&store), "0.3");
    server
        .begin("E1_HelloSequence", "hello", &json!(["Tokyo", "Seattle"]))
        .await;
    server
        .begin("ReserveTicket", "ticket", &json!("user-1"))
        .await;
    server
        .status_when("ticket", |status| !status["customStatus"].is_null())
        .await;
    server
        .status_when("hello", |status| status["customStatus"] == "Tokyo")
        .await;
    server.program.kill();

    let mut server = Server::start(path(&store), "60");
    assert_eq!(server.status("hello").await["customStatus"], "Tokyo");
    let raise = server.post("instances/ticket/raiseEvent/BookingConfirmed", &json!(true));
    assert_eq!(raise.await.status(), StatusCode::ACCEPTED);
    server.program.kill();

    let server = Server::start(path(&store), "0");
    assert_eq!(server.completed("ticket").await["output"], true);
    assert_eq!(
        server.completed("hello").await["output"],
        json!(["Hello Tokyo!", "Hello Seattle!"])
    );
}

/// Reads a stream of events: the ids and the custom statuses of the next ones.
struct Changes(BufReader<TcpStream>);

impl Changes {
    fn open(server: &Server, id: &str, after: Option<&str>) -> Self {
        let address = server.base.strip_prefix("http://").unwrap();
        let (host, path) = address.split_once('/').unwrap();
        let mut stream = TcpStream::connect(host).unwrap();
        let after = after.map_or_else(String::new, |id| format!("Last-Event-ID: {id}\r\n"));
        let request = format!("GET /{path}/instances/{id}/watch HTTP/1.0\r\n{after}\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        Self(BufReader::new(stream))
    }
}

/// Until the connection breaks.
impl Iterator for Changes {
    type Item = (String, Value);

    fn next(&mut self) -> Option<Self::Item> {
        let mut id = None;
        for line in (&mut self.0).lines() {
            let line = line.ok()?;
            if let Some(cursor) = line.strip_prefix("id: ") {
                id = Some(cursor.to_owned());
            }
            if let Some(data) = line.strip_prefix("data: ") {
                let data: Value = serde_json::from_str(data).unwrap();
                assert_eq!(data["skipped"], 0);
                return Some((id?, data["customStatus"].clone()));
            }
        }
        None
    }
}

#[tokio::test]
async fn a_watch_goes_on_from_its_cursor_when_the_server_was_killed() {
    let directory = tempfile::tempdir().unwrap();
    let store = directory.path().join("server.db");
    let cities = ["Tokyo", "Seattle", "London", "Paris", "Berlin"];
    let mut server = Server::start(path(&store), "0.1");
    server
        .begin("E1_HelloSequence", "hello", &json!(cities))
        .await;
    let mut changes = Changes::open(&server, "hello", None);
    let mut seen: Vec<(String, Value)> = Vec::new();
    while seen.last().is_none_or(|(_, city)| city.is_null()) {
        seen.push(changes.next().unwrap());
    }
    // What is committed before the server dies, and this reader never reads.
    server
        .status_when("hello", |status| status["customStatus"] == "London")
        .await;
    server.program.kill();

    let server = Server::start(path(&store), "0");
    server.completed("hello").await;
    let cursor = seen.last().unwrap().0.clone();
    seen.extend(Changes::open(&server, "hello", Some(&cursor)));
    let shown: Vec<_> = seen.iter().map(|(_, city)| city).collect();
    let shown = &shown[shown.iter().take_while(|city| city.is_null()).count()..];
    assert_eq!(
        shown,
        &cities.map(Value::from).iter().collect::<Vec<_>>()[..]
    );
    let sequences = seen.iter().map(|(id, _)| {
        let (_, sequence) = id.split_once('.').unwrap();
        sequence.parse::<u64>().unwrap()
    });
    let sequences: Vec<_> = sequences.collect();
    assert!(
        sequences.windows(2).all(|pair| pair[0] + 1 == pair[1]),
        "{sequences:?}"
    );
}

#[cfg(unix)]
#[tokio::test]
async fn a_server_that_is_asked_to_stop_ends_in_good_order() {
    let mut server = Server::start("memory", "0");
    server.begin("E1_HelloSequence", "hello", &json!([])).await;
    server.completed("hello").await;
    assert!(server.program.terminate().success());
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[tokio::test]
async fn the_server_says_what_it_is_and_how_it_is() {
    let server = Server::start("memory", "0");
    for (path, told) in [
        ("docs", "E1_HelloSequence"),
        ("openapi.json", "E1_HelloSequence"),
        ("metrics", "steadfast_instances"),
        ("health/ready", "healthy"),
    ] {
        let request = server.http.get(format!("{}/{path}", server.base));
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        let text = response.text().await.unwrap();
        assert!(text.contains(told), "{path}: {text}");
    }
}

#[tokio::test]
async fn a_server_with_a_key_lets_in_who_has_it() {
    let key = "0123456789abcdef";
    let server = Server::with("memory", "0", &["--key", key]);
    for (query, code) in [
        ("", StatusCode::UNAUTHORIZED),
        ("?code=fedcba9876543210", StatusCode::UNAUTHORIZED),
        ("?code=0123456789abcdef", StatusCode::OK),
    ] {
        let request = server.http.get(format!("{}/instances{query}", server.base));
        assert_eq!(request.send().await.unwrap().status(), code, "{query}");
    }
}
