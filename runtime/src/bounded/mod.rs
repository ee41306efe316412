//! What makes the JSON of a custom status bounded: the trait, the types of others that have it, and two of our own.

mod json;
mod known;
mod list;
mod text;
mod types;

pub use json::{BoundedJson, BoundedObject, greatest, list, plus};
pub use known::{Known, Unknown};
pub use list::{BoundedVec, TooMany};
pub use text::{BoundedStr, TooLong};
