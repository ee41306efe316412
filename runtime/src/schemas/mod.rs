//! What orchestrators take, give and publish, as JSON Schemas.
//!
//! The attribute names the types of a definition ([`WireTypes`]); this says what their JSON is, and in which forms it travels. It must
//! accept what the code that reads and writes it does: see `arguments` for inputs.

mod of_types;
mod own_types;

use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::Value;

pub use of_types::{JsonOf, NoSchema};

use of_types::Described;

/// What an orchestrator takes, gives and publishes, as JSON Schemas (2020-12).
///
/// A type that implements [`JsonSchema`](schemars::JsonSchema) is described by it. Any other is any JSON.
///
/// Each is a document of its own: what it refers to is in its `$defs`.
///
/// ```
/// # #[cfg(feature = "macros")] {
/// use steadfast::prelude::*;
/// use steadfast::schemars::{self, JsonSchema};
///
/// #[derive(JsonSchema, Serialize, Deserialize)]
/// struct Trip {
///     to: String,
/// }
///
/// #[orchestrator]
/// async fn book(_ctx: OrchestrationContext<BoundedStr<64>>, trip: Trip) -> Result<u32, String> {
///     Ok(trip.to.len() as u32)
/// }
///
/// let book = steadfast::definitions![book][0].schemas().unwrap();
/// assert_eq!(book.input.get("required"), Some(&serde_json::json!(["to"])));
/// assert_eq!(book.custom_status.get("maxLength"), Some(&serde_json::json!(64)));
/// # }
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct OrchestratorSchemas {
    /// Its registered name.
    pub name: &'static str,
    /// Its version.
    pub version: Option<&'static str>,
    /// What it is started with: nothing in particular without parameters; one parameter as it is; several as an array, or as an object with
    /// their names.
    pub input: Schema,
    /// What it returns when it completes.
    pub output: Schema,
    /// What it publishes. Before it has published anything its status is `null`.
    pub custom_status: Schema,
    /// The payloads of the events that it declares, by their names; `None` when it does not say, and waits for any.
    pub events: Option<Vec<(&'static str, Schema)>>,
}

/// The types of an orchestrator.
#[derive(Clone, Debug)]
pub struct WireTypes {
    parameters: Vec<Parameter>,
    output: Described,
    custom_status: Described,
    events: Vec<Described>,
}

#[derive(Clone, Debug)]
struct Parameter {
    name: &'static str,
    described: Described,
    may_be_missing: bool,
}

impl WireTypes {
    /// Takes name, type and whether it may be missing of each parameter, the types of output and status, and those of the
    /// declared events.
    #[must_use]
    pub fn new(
        parameters: &[(&'static str, Described, bool)],
        output: Described,
        custom_status: Described,
        events: &[Described],
    ) -> Self {
        let parameter = |&(name, described, may_be_missing)| Parameter {
            name,
            described,
            may_be_missing,
        };
        Self {
            parameters: parameters.iter().map(parameter).collect(),
            output,
            custom_status,
            events: events.to_vec(),
        }
    }

    /// The schemas of the orchestrator of this name, which declares these events.
    pub(crate) fn schemas(
        &self,
        name: &'static str,
        version: Option<&'static str>,
        events: Option<Vec<&'static str>>,
    ) -> OrchestratorSchemas {
        // Types may be written in another way than they are read: with a default, a field need not be sent, and is always there.
        let read = |described: Described| alone(reads(), described);
        let written = |described| alone(writes(), described);
        let payloads = self.events.iter().map(|&described| read(described));
        OrchestratorSchemas {
            name,
            version,
            input: self.input(),
            output: written(self.output),
            custom_status: written(self.custom_status),
            events: events.map(|names| names.into_iter().zip(payloads).collect()),
        }
    }

    fn input(&self) -> Schema {
        match self.parameters.as_slice() {
            [] => json_schema!({
                "description": "There are no parameters: any input is accepted, and ignored.",
            }),
            [only] => alone(reads(), only.described),
            several => arguments(several),
        }
    }
}

fn reads() -> SchemaGenerator {
    SchemaSettings::draft2020_12()
        .for_deserialize()
        .into_generator()
}

fn writes() -> SchemaGenerator {
    SchemaSettings::draft2020_12()
        .for_serialize()
        .into_generator()
}

/// A schema that is the whole of a document.
fn alone(mut generator: SchemaGenerator, described: Described) -> Schema {
    let schema = described.whole(&mut generator);
    with_definitions(schema, generator)
}

fn with_definitions(mut schema: Schema, mut generator: SchemaGenerator) -> Schema {
    let definitions = generator.take_definitions(true);
    if !definitions.is_empty() {
        schema.insert("$defs".to_owned(), Value::Object(definitions));
    }
    schema
}

/// The forms in which several parameters travel.
fn arguments(parameters: &[Parameter]) -> Schema {
    let mut generator = reads();
    let mut items = Vec::new();
    let mut properties = serde_json::Map::new();
    for parameter in parameters {
        let schema = parameter.described.part(&mut generator);
        let mut item = schema.clone();
        let named = item.ensure_object().entry("title");
        named.or_insert_with(|| parameter.name.into());
        items.push(item);
        properties.insert(parameter.name.to_owned(), schema.to_value());
    }
    let is_needed = |parameter: &Parameter| !parameter.may_be_missing;
    // By position, only the last ones can be left out.
    let fewest = parameters.iter().rposition(is_needed);
    let needed = parameters.iter().filter(|parameter| is_needed(parameter));
    let needed: Vec<_> = needed.map(|parameter| parameter.name).collect();
    let mut forms = vec![
        json_schema!({
            "description": "By position.",
            "type": "array",
            "prefixItems": items,
            "items": false,
            "minItems": fewest.map_or(0, |last| last + 1),
        }),
        json_schema!({
            "description": "By name.",
            "type": "object",
            "properties": properties,
            "required": needed,
            "additionalProperties": false,
        }),
    ];
    if needed.is_empty() {
        forms.push(json_schema!({ "description": "None of them.", "type": "null" }));
    }
    with_definitions(json_schema!({ "oneOf": forms }), generator)
}

#[cfg(all(test, feature = "macros"))]
mod tests;
