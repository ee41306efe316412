//! Text of a bounded length.

use std::fmt;
use std::ops::Deref;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, de};

use super::json::BoundedJson;

/// Text of at most `N` characters (Unicode scalar values), for fields of a custom status.
///
/// ```
/// use steadfast::BoundedStr;
///
/// let city = BoundedStr::<8>::new("Tokyo")?;
/// assert_eq!(city.len(), 5); // a `BoundedStr` is a `&str`
/// assert!(BoundedStr::<8>::new("Los Angeles").is_err());
/// assert_eq!(&*BoundedStr::<8>::truncated("Los Angeles"), "Los Ange");
/// # Ok::<(), steadfast::TooLong>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct BoundedStr<const N: usize>(Box<str>);

/// A text has more characters than its type allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a text of {actual} characters does not fit into {limit}")]
pub struct TooLong {
    actual: usize,
    limit: usize,
}

impl TooLong {
    /// How many characters the text has.
    #[must_use]
    pub const fn actual(&self) -> usize {
        self.actual
    }

    /// How many characters are allowed.
    #[must_use]
    pub const fn limit(&self) -> usize {
        self.limit
    }
}

impl<const N: usize> BoundedStr<N> {
    /// Takes a text that has at most `N` characters.
    ///
    /// # Errors
    ///
    /// [`TooLong`] when it has more.
    pub fn new(text: impl Into<Box<str>>) -> Result<Self, TooLong> {
        let text = text.into();
        match text.chars().count() {
            actual if actual > N => Err(TooLong { actual, limit: N }),
            _ => Ok(Self(text)),
        }
    }

    /// Takes the first `N` characters of a text.
    #[must_use]
    pub fn truncated(text: impl AsRef<str>) -> Self {
        let text = text.as_ref();
        let end = text
            .char_indices()
            .nth(N)
            .map_or(text.len(), |(end, _)| end);
        Self(text[..end].into())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<const N: usize> BoundedJson for BoundedStr<N> {
    // The longest JSON form of a character is an escape such as `\u0000`.
    const MAX_UNITS: usize = N
        .saturating_mul("\\u0000".len())
        .saturating_add("\"\"".len());
}

impl<const N: usize> Deref for BoundedStr<N> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<const N: usize> AsRef<str> for BoundedStr<N> {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl<const N: usize> fmt::Debug for BoundedStr<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl<const N: usize> fmt::Display for BoundedStr<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl<const N: usize> PartialEq<str> for BoundedStr<N> {
    fn eq(&self, other: &str) -> bool {
        &*self.0 == other
    }
}

impl<const N: usize> PartialEq<&str> for BoundedStr<N> {
    fn eq(&self, other: &&str) -> bool {
        &*self.0 == *other
    }
}

impl<const N: usize> TryFrom<String> for BoundedStr<N> {
    type Error = TooLong;

    fn try_from(text: String) -> Result<Self, TooLong> {
        Self::new(text)
    }
}

impl<const N: usize> TryFrom<&str> for BoundedStr<N> {
    type Error = TooLong;

    fn try_from(text: &str) -> Result<Self, TooLong> {
        Self::new(text)
    }
}

impl<const N: usize> FromStr for BoundedStr<N> {
    type Err = TooLong;

    fn from_str(text: &str) -> Result<Self, TooLong> {
        Self::new(text)
    }
}

impl<const N: usize> From<BoundedStr<N>> for String {
    fn from(text: BoundedStr<N>) -> Self {
        text.0.into()
    }
}

impl<'de, const N: usize> Deserialize<'de> for BoundedStr<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_are_counted_not_bytes() {
        assert_eq!(BoundedStr::<2>::new("한국").unwrap(), "한국");
        assert_eq!(BoundedStr::<1>::new("😀").unwrap(), "😀");
        let error = BoundedStr::<2>::new("한국어").unwrap_err();
        assert_eq!((error.actual(), error.limit()), (3, 2));
        assert_eq!(
            error.to_string(),
            "a text of 3 characters does not fit into 2"
        );
    }

    #[test]
    fn truncation_keeps_whole_characters() {
        assert_eq!(BoundedStr::<2>::truncated("한국어"), "한국");
        assert_eq!(BoundedStr::<4>::truncated("한국어"), "한국어");
        assert_eq!(BoundedStr::<0>::truncated("한국어"), "");
    }

    #[test]
    fn what_is_read_is_checked() {
        assert_eq!(
            serde_json::from_str::<BoundedStr<2>>(r#""ab""#).unwrap(),
            "ab"
        );
        let error = serde_json::from_str::<BoundedStr<2>>(r#""abc""#).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("a text of 3 characters does not fit into 2"),
            "{error}"
        );
        assert_eq!(
            serde_json::to_string(&BoundedStr::<2>::new("a\n").unwrap()).unwrap(),
            r#""a\n""#
        );
    }
}
