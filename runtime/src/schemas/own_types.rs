//! The schemas of types of ours that users have in theirs.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::bounded::{BoundedStr, BoundedVec};
use crate::context::AnyStatus;
use crate::limits::{MAX_CUSTOM_STATUS_UNITS, MAX_INSTANCE_ID_UNITS};
use crate::model::instance::InstanceId;
use crate::model::status::RuntimeStatus;

/// Exact: both count characters, which are Unicode scalar values.
impl<const N: usize> JsonSchema for BoundedStr<N> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Text_of_at_most_{N}").into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "maxLength": N })
    }
}

impl<T: JsonSchema, const N: usize> JsonSchema for BoundedVec<T, N> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Array_of_at_most_{N}_{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let items = generator.subschema_for::<T>();
        json_schema!({ "type": "array", "items": items, "maxItems": N })
    }
}

/// The length of a whole text is nothing that a schema can bound, so it is said in words.
impl JsonSchema for AnyStatus {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "AnyStatus".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let limit = MAX_CUSTOM_STATUS_UNITS;
        json_schema!({
            "description": format!("Any JSON. Its text has at most {limit} UTF-16 code units."),
        })
    }
}

/// An upper bound: ids are counted in UTF-16 code units, of which a character has one or two. What characters they may not have is not in it.
impl JsonSchema for InstanceId {
    fn schema_name() -> Cow<'static, str> {
        "InstanceId".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "The id of an orchestration instance.",
            "type": "string",
            "minLength": 1,
            "maxLength": MAX_INSTANCE_ID_UNITS,
        })
    }
}

impl JsonSchema for RuntimeStatus {
    fn schema_name() -> Cow<'static, str> {
        "RuntimeStatus".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "enum": Self::ALL.map(Self::as_str) })
    }
}
