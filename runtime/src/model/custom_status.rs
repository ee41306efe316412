//! The custom status: a JSON text that cannot exceed 16 KB as UTF-16.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::failure::{self, FailureDetails};
use crate::limits::{MAX_CUSTOM_STATUS_BYTES, MAX_CUSTOM_STATUS_UNITS};

/// The JSON text of a custom status. It is never longer than 16,384 bytes as UTF-16 and never `null`.
///
/// What counts is the compact JSON text, quotes and escapes included, two bytes for each UTF-16 code unit:
/// `"Tokyo"` has 14 bytes.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct CustomStatus(Arc<str>);

/// A value cannot be a custom status.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CustomStatusError {
    /// Its JSON text is too long. The previous status stays.
    #[error(
        "the custom status has {actual} bytes as UTF-16 and may have at most {limit}; publish less, \
         or store the data elsewhere and publish a reference to it"
    )]
    TooLarge {
        /// The size of its JSON text as UTF-16, in bytes.
        actual: usize,
        /// The limit, in the same unit.
        limit: usize,
    },
    /// It cannot be written as JSON. The previous status stays.
    #[error("the custom status cannot be encoded as JSON")]
    Encode(#[source] serde_json::Error),
}

impl From<&CustomStatusError> for FailureDetails {
    fn from(error: &CustomStatusError) -> Self {
        let error_type = match error {
            CustomStatusError::TooLarge { .. } => failure::kind::STATUS_TOO_LARGE,
            CustomStatusError::Encode(_) => failure::kind::ENCODE,
        };
        Self {
            error_type: error_type.into(),
            is_non_retriable: true,
            ..Self::from_error(error)
        }
    }
}

impl From<CustomStatusError> for String {
    fn from(error: CustomStatusError) -> Self {
        error.to_string()
    }
}

impl CustomStatus {
    /// Encodes a value. A value whose JSON is `null` is no status: `None`.
    ///
    /// # Errors
    ///
    /// [`CustomStatusError`] when the value cannot be encoded or its text is too long.
    ///
    /// ```
    /// use steadfast::CustomStatus;
    ///
    /// let status = CustomStatus::encode(&"Tokyo")?.unwrap();
    /// assert_eq!((status.as_json(), status.utf16_bytes()), ("\"Tokyo\"", 14));
    /// assert!(CustomStatus::encode(&"x".repeat(8_190)).is_ok());
    /// let error = CustomStatus::encode(&"x".repeat(8_191)).unwrap_err();
    /// assert!(error.to_string().contains("16386 bytes as UTF-16 and may have at most 16384"));
    /// # Ok::<(), steadfast::CustomStatusError>(())
    /// ```
    pub fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Option<Self>, CustomStatusError> {
        Ok(Self::encode_text(value)?.map(Self::of_text))
    }

    /// As [`encode`](Self::encode), as the mere text. It is what an orchestrator sets: of several in one episode only the last one is
    /// ever shared.
    pub(crate) fn encode_text<T: Serialize + ?Sized>(
        value: &T,
    ) -> Result<Option<String>, CustomStatusError> {
        Self::check(serde_json::to_string(value).map_err(CustomStatusError::Encode)?)
    }

    /// Takes a text that [`encode_text`](Self::encode_text) gave.
    pub(crate) fn of_text(json: String) -> Self {
        Self(json.into())
    }

    /// Takes a stored text, which was checked when it was set.
    #[cfg(any(feature = "local", test))]
    pub(crate) fn from_stored(json: String) -> Option<Self> {
        (json != "null").then(|| Self::of_text(json))
    }

    /// Takes a JSON text from elsewhere. The text `null` is no status: `None`.
    #[cfg(feature = "local")]
    pub(crate) fn from_json(json: &str) -> Result<Option<Self>, CustomStatusError> {
        serde_json::from_str::<serde::de::IgnoredAny>(json).map_err(CustomStatusError::Encode)?;
        Ok(Self::check(json.to_owned())?.map(Self::of_text))
    }

    fn check(json: String) -> Result<Option<String>, CustomStatusError> {
        // No character has more units than bytes, so that most need not be counted.
        if json.len() > MAX_CUSTOM_STATUS_UNITS {
            let units = utf16_units(&json);
            if units > MAX_CUSTOM_STATUS_UNITS {
                return Err(CustomStatusError::TooLarge {
                    actual: units * 2,
                    limit: MAX_CUSTOM_STATUS_BYTES,
                });
            }
        }
        Ok((json != "null").then_some(json))
    }

    /// The JSON text.
    #[must_use]
    pub fn as_json(&self) -> &str {
        &self.0
    }

    /// Its size as UTF-16, in bytes.
    #[must_use]
    pub fn utf16_bytes(&self) -> usize {
        utf16_units(&self.0) * 2
    }

    /// Decodes it into a type.
    ///
    /// # Errors
    ///
    /// When the JSON is not of that type.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(&self.0)
    }
}

impl fmt::Debug for CustomStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What an episode did to the status slot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum StatusChange {
    /// Nothing: the stored value stays.
    #[default]
    Untouched,
    /// It holds this value now.
    Set(CustomStatus),
    /// It is empty now.
    Cleared,
}

/// How many UTF-16 code units a text has.
///
/// One for each character of up to three UTF-8 bytes and two for each of four: so one for every byte that begins a character,
/// and one more for every byte that begins one of four.
///
/// So many bytes at a time that their sum fits into a byte: then the compiler adds up a whole register at once.
pub(crate) fn utf16_units(text: &str) -> usize {
    let chunks = text.as_bytes().chunks(96);
    let units = |byte: &u8| u8::from(byte & 0xC0 != 0x80) + u8::from(*byte >= 0xF0);
    chunks
        .map(|chunk| usize::from(chunk.iter().map(units).sum::<u8>()))
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_those_of_the_standard_encoder() {
        for text in [
            "",
            "Tokyo",
            "한국어",
            "😀",
            "aé한😀\n",
            "\u{10ffff}\u{ffff}\u{7f}\u{80}",
        ] {
            assert_eq!(utf16_units(text), text.encode_utf16().count(), "{text:?}");
        }
    }

    #[test]
    fn the_boundary_is_exact_for_every_alphabet() {
        let size =
            |text: String| CustomStatus::encode(&text).map(|status| status.unwrap().utf16_bytes());
        assert_eq!(size("a".repeat(8_190)).unwrap(), 16_384);
        assert_eq!(size("한".repeat(8_190)).unwrap(), 16_384);
        assert_eq!(size("😀".repeat(4_095)).unwrap(), 16_384);
        assert_eq!(size("\n".repeat(4_095)).unwrap(), 16_384);
        for text in [
            "a".repeat(8_191),
            "한".repeat(8_191),
            "\n".repeat(4_095) + "a",
        ] {
            assert!(matches!(
                size(text),
                Err(CustomStatusError::TooLarge {
                    actual: 16_386,
                    limit: 16_384
                })
            ));
        }
        assert!(matches!(
            size("😀".repeat(4_096)),
            Err(CustomStatusError::TooLarge { actual: 16_388, .. })
        ));
    }

    #[test]
    fn falsy_values_are_values_and_null_is_none() {
        for (value, json) in [
            (serde_json::json!(0), "0"),
            (false.into(), "false"),
            ("".into(), "\"\""),
            (serde_json::json!([]), "[]"),
        ] {
            assert_eq!(
                CustomStatus::encode(&value).unwrap().unwrap().as_json(),
                json
            );
        }
        assert_eq!(
            CustomStatus::encode(&serde_json::Value::Null).unwrap(),
            None
        );
    }
}
