//! What orchestrators take, give and publish, in the document.
//!
//! Each schema is a component of its own (`Order.Input`), and so is each type that it refers to (`Order.Input.Address`): names that stay the
//! same whatever else is registered, where tools look for them. Beside the start of any orchestrator, which takes any JSON,
//! there is one operation for the start of each, so that a client that is generated has a typed function for it.

use percent_encoding::percent_decode_str;
use schemars::Schema;
use schemars::transform::{RecursiveTransform, Transform};
use serde_json::{Map, Value, json};

use super::OF_ONE;
use crate::http::endpoint::Endpoint;
use crate::http::links::encode;
use crate::schemas::OrchestratorSchemas;

/// Where the types are that a schema refers to.
const DEFINITIONS: &str = "#/$defs/";

/// Adds the schemas of all orchestrators, which the document lists in the same order.
pub(super) fn add(document: &mut Value, orchestrators: Vec<OrchestratorSchemas>) {
    let mut inputs: Vec<(&str, Vec<Value>)> = Vec::new();
    for (index, orchestrator) in orchestrators.into_iter().enumerate() {
        let components = document["components"]["schemas"].as_object_mut();
        let Some(components) = components else { return };
        let name = orchestrator.name;
        let schemas = add_schemas(components, orchestrator);
        let input = schemas["input"].clone();
        match inputs.last_mut() {
            Some((last, versions)) if *last == name => versions.push(input),
            _ => inputs.push((name, vec![input])),
        }
        document["x-orchestrators"][index]["schemas"] = schemas;
    }
    for (name, versions) in inputs {
        for endpoint in [Endpoint::Start, Endpoint::StartWithId] {
            add_start(&mut document["paths"], endpoint, name, &versions);
        }
    }
}

/// Adds the schemas of an orchestrator, and says where they are.
fn add_schemas(components: &mut Map<String, Value>, of: OrchestratorSchemas) -> Value {
    let versioned = of.version.map(|version| format!("{}.{version}", of.name));
    let name = versioned.as_deref().unwrap_or(of.name);
    let mut add = |what: &str, schema| add_schema(components, &format!("{name}.{what}"), schema);
    let (input, output) = (add("Input", of.input), add("Output", of.output));
    let status = add("CustomStatus", of.custom_status);
    let events = of.events.map(|events| {
        let event = |(event, schema)| {
            let schema = add(&format!("Event.{event}"), schema);
            (str::to_owned(event), schema)
        };
        Value::Object(events.into_iter().map(event).collect())
    });
    json!({ "input": input, "output": output, "customStatus": status, "events": events })
}

/// Adds a schema and the types that it refers to, and refers to it.
fn add_schema(components: &mut Map<String, Value>, name: &str, mut schema: Schema) -> Value {
    let name = free_name(components, name);
    components.insert(name.clone(), Value::Null);
    let definitions = match schema.remove("$defs") {
        Some(Value::Object(definitions)) => definitions,
        _ => Map::new(),
    };
    let places: Map<String, Value> = definitions
        .keys()
        .map(|definition| {
            let place = free_name(components, &format!("{name}.{definition}"));
            components.insert(place.clone(), Value::Null);
            (definition.clone(), place.into())
        })
        .collect();
    let mut moved = RecursiveTransform(|schema: &mut Schema| {
        let reference = schema.get("$ref").and_then(Value::as_str);
        let definition = reference.and_then(|text| text.strip_prefix(DEFINITIONS));
        let place = definition.and_then(|encoded| {
            let pointer = percent_decode_str(encoded).decode_utf8().ok()?;
            let definition = pointer.replace("~1", "/").replace("~0", "~");
            places.get(&definition)?.as_str().map(reference_to)
        });
        if let Some(place) = place {
            schema.insert("$ref".to_owned(), place);
        }
    });
    moved.transform(&mut schema);
    for (definition, value) in definitions {
        if let (Some(Value::String(place)), Ok(mut schema)) =
            (places.get(&definition), Schema::try_from(value))
        {
            moved.transform(&mut schema);
            components.insert(place.clone(), schema.to_value());
        }
    }
    components.insert(name.clone(), schema.to_value());
    json!({ "$ref": reference_to(&name) })
}

fn reference_to(component: &str) -> Value {
    format!("#/components/schemas/{component}").into()
}

/// A name of the characters that the names of components have, which no other component has.
fn free_name(components: &Map<String, Value>, name: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let mut name = name.replace(|c| !allowed(c), "_");
    while components.contains_key(&name) {
        name.push('_');
    }
    name
}

/// Adds the start of one orchestrator: that of any, with the input described.
fn add_start(paths: &mut Value, endpoint: Endpoint, name: &str, inputs: &[Value]) {
    let template = endpoint.path();
    let mut operation = paths[template]["post"].clone();
    let input = match inputs {
        [only] => only.clone(),
        versions => json!({ "anyOf": versions }),
    };
    let encoded = encode(name).to_string();
    operation["operationId"] = format!("{endpoint:?}.{encoded}").into();
    operation["summary"] = format!("Starts `{name}`.").into();
    operation[OF_ONE] = name.into();
    operation["requestBody"]["content"]["application/json"]["schema"] = input;
    let is_the_name = |parameter: &Value| parameter["name"] == "orchestratorName";
    if let Some(parameters) = operation["parameters"].as_array_mut() {
        parameters.retain(|parameter| !is_the_name(parameter));
    }
    let path = template.replace("{orchestratorName}", &encoded);
    paths[path] = json!({ "post": operation });
}

#[cfg(test)]
mod tests {
    use schemars::json_schema;

    use super::*;

    fn schemas(name: &'static str, version: Option<&'static str>) -> OrchestratorSchemas {
        let input = json_schema!({
            "$ref": "#/$defs/A~1b%20c",
            "const": { "$ref": "#/$defs/A~1b%20c" },
            "$defs": { "A/b c": { "items": { "$ref": "#/$defs/A~1b%20c" } } },
        });
        let any = Schema::default;
        OrchestratorSchemas {
            name,
            version,
            input,
            output: any(),
            custom_status: any(),
            events: None,
        }
    }

    fn document(orchestrators: Vec<OrchestratorSchemas>) -> Value {
        let listed = vec![json!({}); orchestrators.len()];
        let [start, with_id] = [Endpoint::Start, Endpoint::StartWithId].map(Endpoint::path);
        let parameters = json!([{ "name": "orchestratorName" }, { "name": "version" }]);
        let mut document = json!({
            "components": { "schemas": { "Status": {} } },
            "paths": { start: { "post": { "parameters": parameters } }, with_id: { "post": {} } },
            "x-orchestrators": listed,
        });
        add(&mut document, orchestrators);
        document
    }

    #[test]
    fn types_are_components_and_are_referred_to_there() {
        let document = document(vec![schemas("Order", None)]);
        let components = &document["components"]["schemas"];
        let place = json!("#/components/schemas/Order.Input.A_b_c");
        assert_eq!(components["Order.Input"]["$ref"], place);
        assert_eq!(components["Order.Input.A_b_c"]["items"]["$ref"], place);
        // What is a value of the user's, and no schema, stays.
        let value = &components["Order.Input"]["const"]["$ref"];
        assert_eq!(value, "#/$defs/A~1b%20c");
        let listed = &document["x-orchestrators"][0]["schemas"];
        assert_eq!(listed["input"]["$ref"], "#/components/schemas/Order.Input");
        assert_eq!(listed["events"], Value::Null);
    }

    #[test]
    fn no_component_takes_the_place_of_another() {
        let orchestrators = ["a b", "a_b", "Status"].map(|name| schemas(name, None));
        let document = document(orchestrators.into());
        let inputs = document["x-orchestrators"].as_array().unwrap().iter();
        let inputs: Vec<_> = inputs.map(|one| &one["schemas"]["input"]["$ref"]).collect();
        assert_eq!(
            inputs,
            [
                "#/components/schemas/a_b.Input",
                "#/components/schemas/a_b.Input_",
                "#/components/schemas/Status.Input"
            ]
        );
        assert_eq!(document["components"]["schemas"]["Status"], json!({}));
    }

    #[test]
    fn each_orchestrator_has_a_start_of_its_own() {
        let versions = [Some("1"), Some("2")].map(|version| schemas("an order", version));
        let document = document(versions.into());
        let paths = &document["paths"];
        let start = &paths["/orchestrators/an%20order"]["post"];
        assert_eq!(start["operationId"], "Start.an%20order");
        assert_eq!(start["parameters"], json!([{ "name": "version" }]));
        let input = &start["requestBody"]["content"]["application/json"]["schema"];
        let of =
            |version| json!({ "$ref": format!("#/components/schemas/an_order.{version}.Input") });
        assert_eq!(*input, json!({ "anyOf": [of(1), of(2)] }));
        let with_id = &paths["/orchestrators/an%20order/{instanceId}"]["post"];
        assert_eq!(with_id["operationId"], "StartWithId.an%20order");
    }
}
