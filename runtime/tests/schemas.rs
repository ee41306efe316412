//! The schemas of orchestrators, over a socket: what they accept is what is accepted, and what is shown fits them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::SocketAddr;

use boon::{Compiler, Draft, Schemas};
use serde_json::{Value, json};
use steadfast::prelude::*;
use steadfast::schemars::JsonSchema;
use steadfast::store::memory::MemoryStore;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

#[derive(JsonSchema, Serialize, Deserialize)]
#[schemars(crate = "steadfast::schemars")]
struct City {
    name: String,
    #[serde(default)]
    people: u32,
    twins: Vec<Self>,
}

/// Has no schema.
#[derive(Serialize, Deserialize)]
struct Seat(u8);

#[derive(CustomStatus, JsonSchema, Serialize, Deserialize)]
#[schemars(crate = "steadfast::schemars")]
enum Visit {
    Packing,
    Seeing {
        city: BoundedStr<5>,
        tickets: BoundedVec<u8, 2>,
    },
}

#[derive(ExternalEvent, JsonSchema, Serialize, Deserialize)]
#[schemars(crate = "steadfast::schemars")]
struct GoHome {
    by: Option<String>,
}

/// Of another version, which takes something else.
#[orchestrator(name = "Tour", version = "1", events())]
async fn old_tour(_ctx: OrchestrationContext, _seat: Seat) {}

#[orchestrator(name = "Tour", version = "2", events(GoHome))]
async fn tour(
    ctx: OrchestrationContext<Visit>,
    cities: Vec<City>,
    budget: u32,
    seat: Option<Seat>,
) -> Result<Option<City>, String> {
    if let Some(Seat(seat)) = seat.filter(|_| budget == 0) {
        return Err(format!("the seat {seat} costs something"));
    }
    ctx.set_custom_status(Visit::Packing);
    ctx.wait_for_external_event::<GoHome>().await?;
    let last = cities.into_iter().last();
    if let Some(City { name, .. }) = &last {
        ctx.set_custom_status(Visit::Seeing {
            city: BoundedStr::truncated(name),
            tickets: BoundedVec::truncated([1, 2]),
        });
    }
    ctx.wait_for_external_event::<GoHome>().await?;
    Ok(last)
}

#[orchestrator(name = "Nothing")]
async fn nothing(_ctx: OrchestrationContext) {}

#[orchestrator(name = "Double")]
async fn double(_ctx: OrchestrationContext, number: u32) -> u32 {
    number * 2
}

/// A worker that is served.
struct Server {
    steadfast: Steadfast,
    address: SocketAddr,
}

impl Server {
    async fn start() -> Self {
        let builder = Steadfast::builder().store(MemoryStore::new());
        let steadfast = builder.start().await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let client = steadfast.client().clone();
        tokio::spawn(steadfast::http::serve(
            listener,
            client,
            std::future::pending(),
        ));
        Self { steadfast, address }
    }

    /// The code and the body of an answer.
    async fn send(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let (address, length) = (self.address, body.len());
        let request = format!(
            "{method} /runtime/webhooks/durabletask/{path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let code = head.split(' ').nth(1).unwrap().parse().unwrap();
        (code, body.to_owned())
    }

    async fn post(&self, path: &str, body: &Value) -> u16 {
        self.send("POST", path, &body.to_string()).await.0
    }

    async fn get(&self, path: &str) -> Value {
        let (_, body) = self.send("GET", path, "").await;
        serde_json::from_str(&body).unwrap()
    }

    /// Waits for a custom status.
    async fn shows(&self, id: &str, status: &Value) {
        let instance = self.steadfast.client().instance(id).unwrap();
        let is_shown = |shown: &CustomStatus| shown.decode::<Value>().unwrap() == *status;
        let shown = instance.wait_custom_status(is_shown).await.unwrap();
        assert!(shown.is_some(), "{id} ended without {status}");
    }
}

/// Whether a component of a document accepts a value.
fn accepts(document: &Value, component: &str, value: &Value) -> bool {
    let (mut compiler, mut schemas) = (Compiler::new(), Schemas::new());
    compiler.set_default_draft(Draft::V2020_12);
    let place = "memory:///openapi.json";
    compiler.add_resource(place, document.clone()).unwrap();
    let schema = format!("{place}#/components/schemas/{component}");
    let schema = compiler.compile(&schema, &mut schemas);
    let schema = schema.unwrap_or_else(|error| panic!("{component}: {error}"));
    schemas.validate(value, schema).is_ok()
}

#[tokio::test]
async fn inputs_are_accepted_where_their_schema_accepts_them() {
    let server = Server::start().await;
    let document = server.get("openapi.json").await;
    let (tour, nothing, double) = ("Tour", "Nothing", "Double");
    for (orchestrator, input, is_fitting) in [
        (tour, json!([[], 5]), true),
        (tour, json!([[], 5, null]), true),
        (tour, json!([[{ "name": "Rome", "twins": [] }], 5, 7]), true),
        (tour, json!({ "budget": 5, "cities": [] }), true),
        (tour, json!({ "budget": 5, "cities": [], "seat": 7 }), true),
        (tour, json!([[]]), false),
        (tour, json!([[], 5, 7, 9]), false),
        (tour, json!([[], -1]), false),
        (tour, json!([["Rome"], 5]), false),
        (tour, json!([[{ "twins": [] }], 5]), false),
        (tour, json!([[{ "name": "Rome", "twins": [1] }], 5]), false),
        (tour, json!({ "cities": [] }), false),
        (tour, json!({ "budget": 5, "cities": [], "to": 1 }), false),
        (tour, json!(null), false),
        (tour, json!(5), false),
        (nothing, json!({ "any": ["thing"] }), true),
        (double, json!(21), true),
        (double, json!("one"), false),
        (double, json!(null), false),
    ] {
        let component = match orchestrator {
            "Tour" => "Tour.2.Input".to_owned(),
            other => format!("{other}.Input"),
        };
        let accepted = accepts(&document, &component, &input);
        assert_eq!(accepted, is_fitting, "{orchestrator} of {input}");
        let path = format!("orchestrators/{orchestrator}");
        let expected = if is_fitting { 202 } else { 400 };
        let answer = server.post(&path, &input).await;
        assert_eq!(answer, expected, "{orchestrator} of {input}");
    }
}

#[tokio::test]
async fn what_is_shown_and_raised_fits_its_schema() {
    let server = Server::start().await;
    let document = server.get("openapi.json").await;
    let rome = json!({ "name": "Rome, the old one", "twins": [], "people": 3 });
    let input = json!([[rome], 5]);
    assert_eq!(server.post("orchestrators/Tour/t", &input).await, 202);
    server.shows("t", &json!("Packing")).await;
    for (payload, is_fitting) in [
        (json!({ "by": 5 }), false),
        (json!("home"), false),
        (json!({ "by": "train" }), true),
    ] {
        let accepted = accepts(&document, "Tour.2.Event.GoHome", &payload);
        assert_eq!(accepted, is_fitting, "{payload}");
        let raised = server.post("instances/t/raiseEvent/GoHome", &payload).await;
        let expected = if is_fitting { 202 } else { 400 };
        assert_eq!(raised, expected, "{payload}");
    }
    let seeing = json!({ "Seeing": { "city": "Rome,", "tickets": [1, 2] } });
    server.shows("t", &seeing).await;
    for (status, is_fitting) in [
        (json!("Packing"), true),
        (
            server.get("instances/t").await["customStatus"].clone(),
            true,
        ),
        (
            json!({ "Seeing": { "city": "Rome, t", "tickets": [] } }),
            false,
        ),
        (
            json!({ "Seeing": { "city": "😀😀😀😀😀", "tickets": [] } }),
            true,
        ),
        (
            json!({ "Seeing": { "city": "", "tickets": [1, 2, 3] } }),
            false,
        ),
        (json!("Unpacking"), false),
        (json!(null), false),
    ] {
        let accepted = accepts(&document, "Tour.2.CustomStatus", &status);
        assert_eq!(accepted, is_fitting, "{status}");
        let is_read = serde_json::from_value::<Visit>(status).is_ok();
        assert_eq!(is_read, is_fitting);
    }
    let home = "instances/t/raiseEvent/GoHome";
    assert_eq!(server.post(home, &json!({})).await, 202);
    let instance = server.steadfast.client().instance("t").unwrap();
    instance.wait_for_completion().await.unwrap();
    let output = server.get("instances/t").await["output"].clone();
    assert_eq!(output, rome);
    assert!(accepts(&document, "Tour.2.Output", &output));
    assert!(accepts(&document, "Tour.2.Output", &json!(null)));
    // It is always written, although it need not be sent.
    let without_people = json!({ "name": "Rome", "twins": [] });
    assert!(!accepts(&document, "Tour.2.Output", &without_people));
}

#[tokio::test]
async fn every_orchestrator_is_described_where_tools_look() {
    let server = Server::start().await;
    let document = server.get("openapi.json").await;
    for component in document["components"]["schemas"]
        .as_object()
        .unwrap()
        .keys()
    {
        // Whatever it refers to is there.
        accepts(&document, component, &Value::Null);
    }
    let place = |name: &str| json!({ "$ref": format!("#/components/schemas/{name}") });
    let orchestrators = document["x-orchestrators"].as_array().unwrap();
    let tour = orchestrators
        .iter()
        .find(|one| one["version"] == "2")
        .unwrap();
    assert_eq!(
        tour["schemas"],
        json!({
            "input": place("Tour.2.Input"),
            "output": place("Tour.2.Output"),
            "customStatus": place("Tour.2.CustomStatus"),
            "events": { "GoHome": place("Tour.2.Event.GoHome") },
        })
    );
    let body = |path: &str| {
        let content = &document["paths"][path]["post"]["requestBody"]["content"];
        content["application/json"]["schema"].clone()
    };
    let versions = [place("Tour.1.Input"), place("Tour.2.Input")];
    assert_eq!(body("/orchestrators/Tour"), json!({ "anyOf": versions }));
    assert_eq!(
        body("/orchestrators/Double/{instanceId}"),
        place("Double.Input")
    );
    assert_eq!(body("/orchestrators/{orchestratorName}"), place("Any"));
    let (_, page) = server.send("GET", "docs", "").await;
    for text in [
        "<a href=\"#Tour.2.Input\">input</a>",
        "<h2 id=\"Tour.2.Input\">Tour.2.Input</h2>",
        "<a href=\"#Tour.2.Event.GoHome\">GoHome</a>",
        "<h2>POST /orchestrators/{orchestratorName}</h2>",
    ] {
        assert!(page.contains(text), "{text}");
    }
    assert!(!page.contains("<h2>POST /orchestrators/Tour"));
}

#[tokio::test]
async fn a_program_has_the_same_as_values() {
    let server = Server::start().await;
    let all = server.steadfast.client().schemas();
    let tours = all.iter().filter(|one| one.name == "Tour");
    let tours: Vec<_> = tours.map(|one| one.version).collect();
    assert_eq!(tours, [Some("1"), Some("2")]);
    let listed = steadfast::definitions![tour][0].schemas();
    assert_eq!(
        all.iter().find(|one| one.version == Some("2")),
        listed.as_ref()
    );
}
