//! How values become JSON texts, and what does not.

mod lossless;

use std::fmt::Display;

use memchr::memmem;
use serde::Serialize;

#[cfg(feature = "testing")]
pub(crate) use self::lossless::Noting;
use self::lossless::{Lost, are_noted, lost_of, note};
use crate::model::failure::{self, FailureDetails};

/// A value could not be encoded as JSON.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} cannot be encoded as JSON: {message}")]
pub struct EncodeError {
    what: String,
    message: String,
}

impl EncodeError {
    const fn new(what: String, message: String) -> Self {
        Self { what, message }
    }
}

impl From<&EncodeError> for FailureDetails {
    fn from(error: &EncodeError) -> Self {
        Self {
            is_non_retriable: true,
            ..Self::new(failure::kind::ENCODE, error.to_string())
        }
    }
}

/// Encodes a value as JSON text, naming it in the error.
pub(crate) fn encode<T: Serialize + ?Sized>(what: &str, value: &T) -> Result<String, EncodeError> {
    let mut json = Vec::new();
    write(&what, &value, &mut json)?;
    Ok(text(json))
}

/// Appends the JSON of a value, unless that would be the JSON of another one.
pub(crate) fn write(
    what: &dyn Display,
    value: &dyn WriteJson,
    json: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    let start = json.len();
    let not_encoded = |message| EncodeError::new(what.to_string(), message);
    value
        .append_json(json)
        .map_err(|error| not_encoded(error.to_string()))?;
    // Only what is written as null may have been something else.
    if memmem::find(&json[start..], b"null").is_none() {
        return Ok(());
    }
    match value.lost(are_noted()) {
        Some(lost @ Lost::NotANumber { .. }) => Err(not_encoded(lost.to_string())),
        Some(lost @ Lost::SomeOfNull { .. }) => {
            note(what, &lost);
            Ok(())
        }
        None => Ok(()),
    }
}

/// A value that is recorded: whatever serde can write.
///
/// Arguments and outputs are written through this trait's object, so that the code that does it exists once, and not once for each
/// definition; and a type that cannot be written is reported by itself, and not as a bound of a function that the user has
/// never seen.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be recorded: it cannot be written as JSON",
    label = "no data",
    note = "derive it: `#[derive(serde::Serialize, serde::Deserialize)]`",
    note = "for types from other crates check whether the crate offers a `serde` feature flag"
)]
pub trait WriteJson {
    /// Appends its JSON.
    #[doc(hidden)]
    fn append_json(&self, json: &mut Vec<u8>) -> Result<(), serde_json::Error>;

    /// What of it JSON does not keep.
    #[doc(hidden)]
    fn lost(&self, also_some: bool) -> Option<Lost>;

    /// The same value, without its type.
    #[doc(hidden)]
    fn erased(&self) -> &dyn WriteJson;
}

/// Not recommended, so that one derive that is missing is one error, in our words.
#[diagnostic::do_not_recommend]
impl<T: Serialize> WriteJson for T {
    fn append_json(&self, json: &mut Vec<u8>) -> Result<(), serde_json::Error> {
        self.serialize(&mut serde_json::Serializer::new(json))
    }

    fn lost(&self, also_some: bool) -> Option<Lost> {
        lost_of(self, also_some)
    }

    fn erased(&self) -> &dyn WriteJson {
        self
    }
}

/// JSON as text.
pub(crate) fn text(json: Vec<u8>) -> String {
    String::from_utf8(json).expect("JSON is written as UTF-8")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_json_does_not_have_is_refused() {
        let mut json = b"null,".to_vec();
        write(&"it", &"text", &mut json).unwrap();
        write(&"it", &Some("null"), &mut json).unwrap();
        write(&"it", &None::<u8>, &mut json).unwrap();
        assert_eq!(json, b"null,\"text\"\"null\"null");
        let error = write(&"the input", &f64::NAN, &mut json).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the input cannot be encoded as JSON: it is NaN, and JSON has no such number"
        );
        let error = encode(
            "the input",
            &[(vec![1], 2)]
                .into_iter()
                .collect::<std::collections::BTreeMap<_, _>>(),
        );
        assert_eq!(
            error.unwrap_err().to_string(),
            "the input cannot be encoded as JSON: key must be a string"
        );
    }
}
