//! The entries of a batch, before anything of them is read.

use std::fmt;

use serde::Deserializer as _;
use serde::de::{Error as _, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::error::HttpError;

/// The entries of the list in a body. Of one that is too long no more is read than it takes to know that.
pub(super) fn entries(body: &[u8], limit: usize) -> Result<Vec<&RawValue>, HttpError> {
    let mut list = List {
        entries: Vec::new(),
        limit,
        is_too_long: false,
    };
    let mut json = serde_json::Deserializer::from_slice(body);
    let read = json.deserialize_seq(&mut list).and_then(|()| json.end());
    match read {
        Ok(()) => Ok(list.entries),
        Err(_) if list.is_too_long => Err(HttpError::TooManyOperations { limit }),
        Err(error) if error.is_data() => Err(HttpError::Batch(error)),
        Err(error) => Err(error.into()),
    }
}

struct List<'a> {
    entries: Vec<&'a RawValue>,
    limit: usize,
    is_too_long: bool,
}

impl<'a> Visitor<'a> for &mut List<'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of operations")
    }

    fn visit_seq<S: SeqAccess<'a>>(self, mut entries: S) -> Result<(), S::Error> {
        while let Some(entry) = entries.next_element()? {
            if self.entries.len() == self.limit {
                self.is_too_long = true;
                return Err(S::Error::custom("too many operations"));
            }
            self.entries.push(entry);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_up_to_its_limit() {
        for (body, count) in [("[]", 0), (" [1, {}] ", 2), ("[1,2,[3]]", 3)] {
            assert_eq!(entries(body.as_bytes(), 3).unwrap().len(), count, "{body}");
        }
        // What is behind is not looked at.
        for body in ["[1,2,3,4]", "[1,2,3,4 nothing"] {
            let error = entries(body.as_bytes(), 3).unwrap_err();
            assert!(
                matches!(error, HttpError::TooManyOperations { limit: 3 }),
                "{error}"
            );
        }
    }

    #[test]
    fn what_is_no_list_is_told_from_what_is_no_json() {
        for (body, message) in [
            (
                "{}",
                "the batch cannot be read: invalid type: map, expected a list of operations at line 1 column 0",
            ),
            (
                "7",
                "the batch cannot be read: invalid type: integer `7`, expected a list of operations at line 1 column 1",
            ),
            (
                "",
                "the body is not JSON: EOF while parsing a value at line 1 column 0",
            ),
            (
                "[1] 2",
                "the body is not JSON: trailing characters at line 1 column 5",
            ),
        ] {
            let error = entries(body.as_bytes(), 3).unwrap_err();
            assert_eq!(error.to_string(), message);
        }
    }
}
