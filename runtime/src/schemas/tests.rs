use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::*;
use crate::{
    BoundedStr, BoundedVec, ExternalEvent, InstanceId, OrchestrationContext, RuntimeStatus,
};

#[derive(JsonSchema, Serialize, Deserialize)]
struct Trip {
    to: String,
    #[serde(default)]
    nights: u8,
    back: Option<Box<Self>>,
}

/// Has no schema.
#[derive(Serialize, Deserialize)]
struct Seat(u8);

#[derive(ExternalEvent, JsonSchema, Serialize, Deserialize)]
struct Paid(bool);

#[derive(ExternalEvent, Serialize, Deserialize)]
#[event(name = "Cancel")]
struct Cancelled;

#[crate::orchestrator(version = "2", events(Paid, Cancelled))]
async fn book(
    _ctx: OrchestrationContext<BoundedVec<BoundedStr<8>, 3>>,
    trip: Trip,
    _seat: Seat,
    _notes: Option<String>,
) -> Result<Trip, String> {
    Ok(trip)
}

#[crate::orchestrator]
async fn optional(_ctx: OrchestrationContext, _first: Option<u8>, _second: ()) {}

#[crate::orchestrator]
async fn gap(_ctx: OrchestrationContext, _first: Option<u8>, second: Seat) -> Seat {
    second
}

#[crate::orchestrator]
async fn nothing(_ctx: OrchestrationContext) {}

#[crate::orchestrator]
async fn identity(_ctx: OrchestrationContext, id: InstanceId) -> (InstanceId, RuntimeStatus) {
    (id, RuntimeStatus::Running)
}

#[crate::activity]
async fn ship(trip: Trip) -> Trip {
    trip
}

macro_rules! schemas {
    ($definition:ident) => {
        crate::definitions![$definition][0].schemas().unwrap()
    };
}

#[test]
fn several_parameters_are_an_array_or_an_object() {
    let input = schemas!(book).input.to_value();
    let trip = json!({ "$ref": "#/$defs/Trip" });
    let [array, object] = input["oneOf"].as_array().unwrap().as_slice() else {
        panic!("{input}");
    };
    let items = array["prefixItems"].as_array().unwrap();
    assert_eq!(items[0], json!({ "$ref": "#/$defs/Trip", "title": "trip" }));
    assert_eq!(
        items[1],
        json!({ "description": "Any JSON.", "title": "_seat" })
    );
    assert_eq!(
        items[2],
        json!({ "type": ["string", "null"], "title": "_notes" })
    );
    assert_eq!(
        (&array["minItems"], &array["items"]),
        (&json!(2), &json!(false))
    );
    assert_eq!(object["properties"]["trip"], trip);
    assert_eq!(object["required"], json!(["trip", "_seat"]));
    assert_eq!(object["additionalProperties"], false);
    // It is read: what has a default need not be sent.
    assert_eq!(input["$defs"]["Trip"]["required"], json!(["to"]));
}

#[test]
fn what_may_be_missing_is_what_the_type_reads_from_null() {
    let optional = schemas!(optional).input.to_value();
    let forms = optional["oneOf"].as_array().unwrap();
    assert_eq!(forms[0]["minItems"], 0);
    assert_eq!(forms[1]["required"], json!([]));
    assert_eq!(forms[2]["type"], "null");
    let gap = schemas!(gap).input.to_value();
    let forms = gap["oneOf"].as_array().unwrap();
    assert_eq!((forms.len(), &forms[0]["minItems"]), (2, &json!(2)));
    assert_eq!(forms[1]["required"], json!(["second"]));
}

#[test]
fn outputs_are_described_as_they_are_written() {
    let book = schemas!(book);
    assert_eq!((book.name, book.version), ("book", Some("2")));
    let output = book.output.to_value();
    assert_eq!(output["required"], json!(["to", "nights", "back"]));
    assert_eq!(output["$defs"]["Trip"]["type"], "object");
    assert_eq!(schemas!(nothing).output, json_schema!({ "type": "null" }));
    assert_eq!(
        schemas!(gap).output,
        json_schema!({ "description": "Any JSON." })
    );
    let input = schemas!(nothing).input;
    assert!(input.get("type").is_none(), "{input:?}");
}

#[test]
fn a_status_has_its_bounds() {
    let bounded = json_schema!({
        "type": "array",
        "items": { "type": "string", "maxLength": 8 },
        "maxItems": 3,
    });
    assert_eq!(schemas!(book).custom_status, bounded);
    let any = schemas!(nothing).custom_status.to_value();
    assert_eq!(
        any["description"],
        "Any JSON. Its text has at most 8192 UTF-16 code units."
    );
}

#[test]
fn events_are_those_that_are_declared() {
    let events = schemas!(book).events.unwrap();
    let boolean = json_schema!({ "type": "boolean" });
    let any = json_schema!({ "description": "Any JSON." });
    assert_eq!(events, [("Paid", boolean), ("Cancel", any)]);
    assert_eq!(schemas!(nothing).events, None);
}

#[test]
fn types_of_ours_have_schemas() {
    let identity = schemas!(identity);
    assert_eq!(identity.input.get("maxLength"), Some(&json!(256)));
    let output = identity.output.to_value();
    let statuses = &output["$defs"]["RuntimeStatus"]["enum"];
    for status in RuntimeStatus::ALL {
        assert!(
            statuses.as_array().unwrap().contains(&json!(status)),
            "{statuses}"
        );
    }
}

#[test]
fn an_activity_has_none() {
    assert_eq!(crate::definitions![ship][0].schemas(), None);
}
