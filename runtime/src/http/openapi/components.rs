//! The shapes of bodies, and what lets requests in.

use utoipa::openapi::schema::{AdditionalProperties, Type};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityScheme};
use utoipa::openapi::{
    Array, ArrayBuilder, Components, ComponentsBuilder, KnownFormat, Object, ObjectBuilder, Ref,
    RefOr, Schema, SchemaFormat,
};

use crate::http::batch::GREATEST;
use crate::limits::MAX_INSTANCE_ID_UNITS;

/// The names under which requests are let in.
pub(super) const KEYS: [&str; 2] = ["keyHeader", "keyQuery"];

/// Every schema that an operation names, and the keys.
pub(super) fn all() -> Components {
    let header = ApiKey::Header(ApiKeyValue::new("x-functions-key"));
    let query = ApiKey::Query(ApiKeyValue::new("code"));
    ComponentsBuilder::new()
        .schema("Status", status())
        .schema("Links", links())
        .schema("Purged", purged())
        .schema("Error", error())
        .schema("Health", health())
        .schema("Operation", operation())
        .schema("Any", any())
        .security_scheme(KEYS[0], SecurityScheme::ApiKey(header))
        .security_scheme(KEYS[1], SecurityScheme::ApiKey(query))
        .build()
}

/// The body of a batch.
pub(super) fn batch() -> Schema {
    ArrayBuilder::new()
        .items(Ref::from_schema_name("Operation"))
        .max_items(Some(GREATEST))
        .into()
}

/// One operation of a batch. Which keys it needs depends on what it is.
fn operation() -> Object {
    let kinds = [
        "start",
        "raiseEvent",
        "terminate",
        "suspend",
        "resume",
        "rewind",
        "purge",
    ];
    let kind = ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(kinds));
    let texts = [
        "orchestratorName",
        "instanceId",
        "version",
        "eventName",
        "reason",
    ];
    let with = |object: ObjectBuilder, key| object.property(key, text());
    let tags = ObjectBuilder::new()
        .schema_type(Type::Object)
        .additional_properties(Some(Schema::from(text())));
    texts
        .into_iter()
        .fold(closed().property("operation", kind), with)
        .property("input", named("Any"))
        .property("payload", named("Any"))
        .property("tags", tags)
        .required("operation")
        .build()
}

/// A schema by its name.
pub(super) fn named(name: &str) -> RefOr<Schema> {
    Ref::from_schema_name(name).into()
}

/// An array of a schema.
pub(super) fn array(of: &str) -> Schema {
    Array::new(Ref::from_schema_name(of)).into()
}

pub(super) fn text() -> Object {
    Object::with_type(Type::String)
}

/// The id of an instance: see [`InstanceId`](crate::InstanceId).
pub(super) fn instance_id() -> Object {
    const FORBIDDEN: &str = r"/\\#?\u0000-\u001f\u007f-\u009f";
    ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some(format!("^[^@{FORBIDDEN}][^{FORBIDDEN}]*$")))
        .max_length(Some(MAX_INSTANCE_ID_UNITS))
        .build()
}

fn any() -> Object {
    ObjectBuilder::new()
        .schema_type(utoipa::openapi::schema::SchemaType::AnyValue)
        .description(Some("Any JSON."))
        .build()
}

pub(super) fn time() -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
        .build()
}

/// The names of runtime statuses.
pub(super) fn runtime_status() -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some([
            "Pending",
            "Running",
            "Suspended",
            "Completed",
            "Failed",
            "Canceled",
            "Terminated",
        ]))
        .build()
}

/// An object that has no other keys.
fn closed() -> ObjectBuilder {
    let none = AdditionalProperties::<Schema>::FreeForm(false);
    ObjectBuilder::new().additional_properties(Some(none))
}

fn status() -> Object {
    let required = [
        "name",
        "instanceId",
        "runtimeStatus",
        "input",
        "customStatus",
        "output",
        "createdTime",
        "lastUpdatedTime",
    ];
    let object = closed()
        .property("name", text())
        .property("instanceId", text())
        .property("runtimeStatus", runtime_status())
        .property("input", named("Any"))
        .property("customStatus", named("Any"))
        .property("output", named("Any"))
        .property("createdTime", time())
        .property("lastUpdatedTime", time())
        .property("historyEvents", Array::new(Object::with_type(Type::Object)))
        .property("stalled", text())
        .property("parentInstanceId", text());
    required
        .into_iter()
        .fold(object, ObjectBuilder::required)
        .build()
}

fn links() -> Object {
    let uris = [
        "statusQueryGetUri",
        "sendEventPostUri",
        "terminatePostUri",
        "purgeHistoryDeleteUri",
        "restartPostUri",
        "suspendPostUri",
        "resumePostUri",
    ];
    let object = closed().property("id", text()).required("id");
    let with = |object: ObjectBuilder, uri| object.property(uri, text()).required(uri);
    uris.into_iter().fold(object, with).build()
}

fn purged() -> Object {
    closed()
        .property(
            "instancesDeleted",
            ObjectBuilder::new()
                .schema_type(Type::Integer)
                .minimum(Some(1)),
        )
        .required("instancesDeleted")
        .build()
}

fn error() -> Object {
    let texts = ["Message", "ExceptionMessage", "ExceptionType"];
    let with = |object: ObjectBuilder, key| object.property(key, text()).required(key);
    texts
        .into_iter()
        .fold(closed(), with)
        .property("StackTrace", Object::with_type(Type::Null))
        .required("StackTrace")
        .build()
}

fn health() -> Object {
    let status = ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(["healthy", "unavailable"]));
    closed()
        .property("status", status)
        .required("status")
        .property("reasons", Array::new(text()))
        .required("reasons")
        .build()
}
