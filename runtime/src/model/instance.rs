//! Names of things: instances, executions, and positions in an instance's sequence of changes.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::limits::MAX_INSTANCE_ID_UNITS;

/// The id of an orchestration instance, chosen by the client or generated.
///
/// 1 to 256 UTF-16 code units of any text, case-sensitive, without `/`, `\`, `#`, `?` and control characters, and not
/// beginning with `@` (reserved for entities): the rules of the Durable Functions HTTP API.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct InstanceId(Arc<str>);

/// Why a text is not an [`InstanceId`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InstanceIdError {
    /// The text is empty.
    #[error("an instance id must not be empty")]
    Empty,
    /// The text is longer than 256 UTF-16 code units.
    #[error(
        "an instance id has at most {MAX_INSTANCE_ID_UNITS} UTF-16 code units, this one has {units}"
    )]
    TooLong {
        /// Its length.
        units: usize,
    },
    /// The text is `.` or `..`, which clients take out of an address.
    #[error(
        "`{id}` cannot be an instance id: it would be lost from every address that it stands in"
    )]
    Dots {
        /// The text.
        id: String,
    },
    /// The text begins with `@`, which is reserved for entities.
    #[error("instance id `{id}` begins with `@`, which is reserved for entities")]
    Reserved {
        /// The text.
        id: String,
    },
    /// The text holds a character that an instance id must not have.
    #[error(
        "instance id `{id}` has the character {character:?}; `/`, `\\`, `#`, `?` and control characters are not allowed"
    )]
    Forbidden {
        /// The text.
        id: String,
        /// The first such character.
        character: char,
    },
}

impl InstanceId {
    /// Checks a text against the rules.
    ///
    /// # Errors
    ///
    /// [`InstanceIdError`] says which rule the text breaks.
    pub fn parse(id: impl Into<String>) -> Result<Self, InstanceIdError> {
        let id = id.into();
        let units = id.encode_utf16().count();
        if id.is_empty() {
            Err(InstanceIdError::Empty)
        } else if units > MAX_INSTANCE_ID_UNITS {
            Err(InstanceIdError::TooLong { units })
        } else if id == "." || id == ".." {
            Err(InstanceIdError::Dots { id })
        } else if id.starts_with('@') {
            Err(InstanceIdError::Reserved { id })
        } else if let Some(character) = id
            .chars()
            .find(|c| matches!(c, '/' | '\\' | '#' | '?') || c.is_control())
        {
            Err(InstanceIdError::Forbidden { id, character })
        } else {
            Ok(Self(id.into()))
        }
    }

    /// The id of a sub-orchestration whose author chose none: the parent's execution id, `:`, and the action's id as at least
    /// four hexadecimal digits.
    #[must_use]
    pub fn of_child(parent: ExecutionId, action: i32) -> Self {
        Self(format!("{parent}:{action:04x}").into())
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

impl fmt::Display for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for InstanceId {
    type Err = InstanceIdError;

    fn from_str(id: &str) -> Result<Self, InstanceIdError> {
        Self::parse(id)
    }
}

impl TryFrom<String> for InstanceId {
    type Error = InstanceIdError;

    fn try_from(id: String) -> Result<Self, InstanceIdError> {
        Self::parse(id)
    }
}

impl From<InstanceId> for String {
    fn from(id: InstanceId) -> Self {
        id.0.as_ref().into()
    }
}

impl From<&InstanceId> for String {
    fn from(id: &InstanceId) -> Self {
        id.as_str().into()
    }
}

/// The id of one execution (generation) of an instance: 32 lower-case hexadecimal digits.
///
/// Never reused. Deterministic guids and random numbers derive from it, so every execution has its own.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ExecutionId(u128);

/// A text is not an [`ExecutionId`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an execution id: 32 lower-case hexadecimal digits")]
pub struct ExecutionIdError {
    text: String,
}

impl ExecutionId {
    /// The id with these 128 bits.
    #[must_use]
    pub const fn from_u128(bits: u128) -> Self {
        Self(bits)
    }

    /// Its 128 bits.
    #[must_use]
    pub const fn as_u128(self) -> u128 {
        self.0
    }
}

impl fmt::Debug for ExecutionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for ExecutionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl FromStr for ExecutionId {
    type Err = ExecutionIdError;

    fn from_str(text: &str) -> Result<Self, ExecutionIdError> {
        let digits =
            text.len() == 32 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        match u128::from_str_radix(text, 16) {
            Ok(bits) if digits => Ok(Self(bits)),
            _ => Err(ExecutionIdError { text: text.into() }),
        }
    }
}

impl TryFrom<String> for ExecutionId {
    type Error = ExecutionIdError;

    fn try_from(text: String) -> Result<Self, ExecutionIdError> {
        text.parse()
    }
}

impl From<ExecutionId> for String {
    fn from(id: ExecutionId) -> Self {
        id.to_string()
    }
}

/// The orchestration that started this one, and the action it did so with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParentInstance {
    /// The parent's orchestrator name.
    pub name: String,
    /// The parent's instance id.
    pub instance_id: InstanceId,
    /// The parent's execution.
    pub execution_id: ExecutionId,
    /// The id of the parent's action that created the child.
    pub task_scheduled_id: i32,
}

/// One creation of an instance id: it grows with every create in a store and is never reused, not even after a purge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Incarnation(pub u64);

/// A position in the sequence of an instance's visible changes, written `incarnation.sequence`.
///
/// Every committed change of runtime status, custom status or progress increases the sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Cursor {
    /// Which creation of the instance id.
    pub incarnation: Incarnation,
    /// How many changes have been committed.
    pub sequence: u64,
}

/// A text is not a [`Cursor`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a cursor: two numbers joined by a dot")]
pub struct CursorError {
    text: String,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.incarnation.0, self.sequence)
    }
}

impl FromStr for Cursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        // A number alone would also be read with a plus before it.
        let number = |digits: &str| {
            let is_number = digits.bytes().all(|b| b.is_ascii_digit());
            is_number.then(|| digits.parse().ok())?
        };
        let parse = || {
            let (incarnation, sequence) = text.split_once('.')?;
            Some(Self {
                incarnation: Incarnation(number(incarnation)?),
                sequence: number(sequence)?,
            })
        };
        parse().ok_or_else(|| CursorError { text: text.into() })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn instance_ids_follow_the_http_rules() {
        for good in ["demo", "한국어 id", "a.b:c_d-e", "x@y"] {
            assert_eq!(InstanceId::parse(good).unwrap().as_str(), good);
        }
        assert_eq!(InstanceId::parse(""), Err(InstanceIdError::Empty));
        assert!(matches!(
            InstanceId::parse("@counter@a"),
            Err(InstanceIdError::Reserved { .. })
        ));
        for dots in [".", ".."] {
            assert!(matches!(
                InstanceId::parse(dots),
                Err(InstanceIdError::Dots { .. })
            ));
        }
        assert!(InstanceId::parse("...").is_ok());
        for bad in ["a/b", "a\\b", "a#b", "a?b", "a\nb", "a\u{7f}b", "a\u{9f}b"] {
            assert!(
                matches!(
                    InstanceId::parse(bad),
                    Err(InstanceIdError::Forbidden { .. })
                ),
                "{bad:?}"
            );
        }
    }

    #[test]
    fn instance_id_length_counts_utf16_units() {
        assert!(InstanceId::parse("😀".repeat(128)).is_ok());
        assert_eq!(
            InstanceId::parse("😀".repeat(129)),
            Err(InstanceIdError::TooLong { units: 258 })
        );
    }

    #[test]
    fn execution_ids_and_cursors_read_back_what_they_print() {
        let id = ExecutionId::from_u128(0xabc);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert!("ABC".parse::<ExecutionId>().is_err());
        let cursor = Cursor {
            incarnation: Incarnation(7),
            sequence: 42,
        };
        assert_eq!(cursor.to_string(), "7.42");
        assert_eq!("7.42".parse(), Ok(cursor));
        for text in [
            "", "7", "7.", ".7", "+7.42", "7.+42", " 7.42", "7.42.1", "7.-1",
        ] {
            assert!(text.parse::<Cursor>().is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn every_cursor_reads_back(incarnation: u64, sequence: u64) {
            let incarnation = Incarnation(incarnation);
            let cursor = Cursor { incarnation, sequence };
            prop_assert_eq!(cursor.to_string().parse(), Ok(cursor));
        }

        #[test]
        fn whatever_is_read_as_a_cursor_is_two_numbers(text in r"\PC*|[0-9+.\- ]{0,24}") {
            if let Ok(cursor) = text.parse::<Cursor>() {
                let numbers: Vec<u64> = text.split('.').map(|n| n.parse().unwrap()).collect();
                prop_assert_eq!(numbers, [cursor.incarnation.0, cursor.sequence]);
                prop_assert!(text.bytes().all(|b| b == b'.' || b.is_ascii_digit()));
            }
        }
    }
}
