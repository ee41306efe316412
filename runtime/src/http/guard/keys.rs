//! Shared keys, as Azure's system keys.

use std::fmt;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// The fewest characters of a key. What is shorter can be guessed, and an empty one is a variable that was not set.
const SHORTEST: usize = 16;

/// A secret that lets requests in: the query `code` or the header `x-functions-key`.
///
/// It has a name, so that of several keys each can be told apart and replaced; the name is not a secret and the caller does not
/// send it. Neither `Debug` nor an error shows the secret.
///
/// ```
/// use steadfast::http::{Api, Key, KeyError};
///
/// fn guarded(api: Api, new: &str, old: &str, dashboard: &str) -> Result<Api, KeyError> {
///     Ok(api
///         .key(Key::new("2026-03", new)?)
///         .key(Key::new("2026-02", old)?)
///         .key(Key::new("dashboard", dashboard)?.read_only()))
/// }
/// ```
#[derive(Clone)]
pub struct Key {
    name: Arc<str>,
    secret: Arc<str>,
    digest: [u8; 32],
    reach: Reach,
}

/// What a key is good for. The order is that of their powers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reach {
    ReadOnly,
    Full,
}

/// A text that is no [`Key`]: one of less than 16 characters, or with others than visible ASCII.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// It could be guessed: it has less than 16 characters.
    #[error("the key `{name}` has {length} characters; a key has at least {SHORTEST}")]
    TooShort {
        /// The name of the key.
        name: String,
        /// How many characters it has.
        length: usize,
    },
    /// It could not be sent in a header.
    #[error("the key `{name}` has a character that is not visible ASCII")]
    Character {
        /// The name of the key.
        name: String,
    },
}

impl Key {
    /// A key that is good for every operation.
    ///
    /// # Errors
    ///
    /// When the secret has less than 16 characters, or one that is not visible ASCII.
    pub fn new(name: impl Into<String>, secret: impl Into<String>) -> Result<Self, KeyError> {
        let (name, secret) = (name.into(), secret.into());
        if !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(KeyError::Character { name });
        }
        if secret.len() < SHORTEST {
            let length = secret.len();
            return Err(KeyError::TooShort { name, length });
        }
        Ok(Self {
            digest: Sha256::digest(&secret).into(),
            name: name.into(),
            secret: secret.into(),
            reach: Reach::Full,
        })
    }

    /// The same key, good for operations that change nothing only: see
    /// [`Operation::is_read`](super::Operation::is_read).
    #[must_use]
    pub fn read_only(self) -> Self {
        Self {
            reach: Reach::ReadOnly,
            ..self
        }
    }

    /// What the key is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key itself, for links.
    pub(super) fn secret(&self) -> &str {
        &self.secret
    }

    pub(super) const fn reach(&self) -> Reach {
        self.reach
    }

    /// Digests are compared, so that the time taken tells nothing of the key, its length included.
    fn is(&self, presented: &[u8; 32]) -> bool {
        self.digest.ct_eq(presented).into()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("name", &self.name)
            .field("reach", &self.reach)
            .finish_non_exhaustive()
    }
}

/// All keys that are accepted.
#[derive(Clone, Debug, Default)]
pub(super) struct Keys(Vec<Key>);

impl Keys {
    pub(super) fn add(&mut self, key: Key) {
        self.0.push(key);
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The key of the widest reach among those presented. Every key is compared with every text, whichever fits.
    pub(super) fn find<'a>(&self, presented: impl IntoIterator<Item = &'a [u8]>) -> Option<&Key> {
        let mut found: Option<&Key> = None;
        for text in presented {
            let digest = Sha256::digest(text).into();
            for key in &self.0 {
                let fits = key.is(&digest);
                if fits && found.is_none_or(|found| found.reach < key.reach) {
                    found = Some(key);
                }
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "0123456789abcdef";

    fn found(keys: &Keys, presented: &[&str]) -> Option<String> {
        let presented = presented.iter().map(|text| text.as_bytes());
        keys.find(presented).map(|key| key.name().to_owned())
    }

    #[test]
    fn a_key_is_long_enough_and_can_be_sent() {
        let short = Key::new("k", "0123456789abcde").unwrap_err();
        assert_eq!(
            short.to_string(),
            "the key `k` has 15 characters; a key has at least 16"
        );
        assert!(matches!(Key::new("k", ""), Err(KeyError::TooShort { .. })));
        for secret in ["0123456789abcde ", "0123456789abcdé", "0123456789abcdef\n"] {
            let error = Key::new("k", secret).unwrap_err();
            assert_eq!(error, KeyError::Character { name: "k".into() });
        }
        assert!(Key::new("k", SECRET).is_ok());
    }

    #[test]
    fn no_secret_is_shown() {
        let mut keys = Keys::default();
        keys.add(Key::new("primary", SECRET).unwrap());
        let shown = format!("{keys:?}");
        assert!(
            shown.contains("primary") && !shown.contains(SECRET),
            "{shown}"
        );
    }

    #[test]
    fn any_key_is_found_and_of_several_the_widest() {
        let mut keys = Keys::default();
        keys.add(
            Key::new("reader", "reader-reader-reader")
                .unwrap()
                .read_only(),
        );
        keys.add(Key::new("new", SECRET).unwrap());
        keys.add(Key::new("old", "fedcba9876543210").unwrap());
        for (presented, name) in [
            (vec![SECRET], Some("new")),
            (vec!["fedcba9876543210"], Some("old")),
            (vec!["reader-reader-reader"], Some("reader")),
            (vec!["reader-reader-reader", SECRET], Some("new")),
            (vec![SECRET, "reader-reader-reader"], Some("new")),
            (vec!["", "0123456789abcdeF", "0123456789abcdef0"], None),
            (vec![], None),
        ] {
            assert_eq!(found(&keys, &presented).as_deref(), name, "{presented:?}");
        }
    }
}
