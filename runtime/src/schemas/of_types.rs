//! The schema of a type, where it has one.

use std::any::type_name;
use std::fmt;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

/// How the JSON of a type is described.
#[derive(Clone, Copy, Debug)]
pub struct Described(Option<Functions>);

#[derive(Clone, Copy, Debug)]
struct Functions {
    whole: fn(&mut SchemaGenerator) -> Schema,
    part: fn(&mut SchemaGenerator) -> Schema,
}

impl Described {
    /// As the whole of a document.
    pub(super) fn whole(self, generator: &mut SchemaGenerator) -> Schema {
        self.0.map_or_else(any, |of| (of.whole)(generator))
    }

    /// As a part of one: a type with a name is referred to.
    pub(super) fn part(self, generator: &mut SchemaGenerator) -> Schema {
        self.0.map_or_else(any, |of| (of.part)(generator))
    }
}

fn any() -> Schema {
    json_schema!({ "description": "Any JSON." })
}

/// Asks how the JSON of a type is described. The method of [`NoSchema`] is found where the type has no schema.
pub struct JsonOf<T>(PhantomData<fn() -> T>);

impl<T> JsonOf<T> {
    /// Asks about this type.
    #[must_use]
    #[allow(clippy::new_without_default, reason = "called by the attributes only")]
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<T: JsonSchema> JsonOf<T> {
    /// By its schema.
    #[must_use]
    pub fn describe(&self) -> Described {
        Described(Some(Functions {
            whole: T::json_schema,
            part: SchemaGenerator::subschema_for::<T>,
        }))
    }
}

/// What is said of a type that has no schema.
pub trait NoSchema {
    /// As any JSON.
    #[must_use]
    fn describe(&self) -> Described {
        Described(None)
    }
}

impl<T> NoSchema for JsonOf<T> {}

impl<T> fmt::Debug for JsonOf<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(type_name::<T>())
    }
}
