//! Payloads that are encrypted, or encoded in another way, before a store gets them.
//!
//! [`CodecStore`] goes around any other store, and encodes with a [`Codec`]: [`Encryption`], [`Compression`], both, or one of your own. The guide
//! [`encryption`](crate::encryption) says what is encoded and what is in clear.

#[cfg(feature = "compression")]
mod compression;
#[cfg(feature = "encryption")]
mod encryption;
mod look;
mod place;
mod reads;
mod store;
mod text;
mod writes;

use std::fmt;
use std::sync::Arc;

#[cfg(feature = "compression")]
pub use compression::{Clear, Compression};
#[cfg(feature = "encryption")]
pub use encryption::{Encryption, EncryptionKey};
pub use store::CodecStore;

use crate::store::{StoreError, StoreErrorKind};

/// How payloads are encoded before a store gets them, and decoded when they are read.
///
/// It is called on the threads that write and read, so it must not wait for long: one that asks for keys over a network asks once,
/// before the worker is started, and keeps them.
///
/// ```
/// use steadfast::store::codec::{Codec, CodecError, Encoded};
///
/// /// Keeps out whoever does not look twice.
/// #[derive(Debug)]
/// struct Backwards;
///
/// impl Codec for Backwards {
///     fn encode(&self, payload: &[u8], _place: &[u8]) -> Result<Encoded, CodecError> {
///         let bytes = payload.iter().rev().copied().collect();
///         Ok(Encoded { label: "backwards".to_owned(), bytes })
///     }
///
///     fn decode(&self, label: &str, mut bytes: Vec<u8>, _place: &[u8]) -> Result<Vec<u8>, CodecError> {
///         match label {
///             "backwards" => {
///                 bytes.reverse();
///                 Ok(bytes)
///             }
///             _ => Err(CodecError::new(format!("`{label}` is not a way in which this codec encodes"))),
///         }
///     }
/// }
/// ```
pub trait Codec: fmt::Debug + Send + Sync + 'static {
    /// Encodes a payload, which is a JSON text.
    ///
    /// `place` says what the payload is for, such as the events of one episode of one execution. What an encoding that protects against
    /// changes does with it: it fails to decode at another place (associated data).
    ///
    /// The same payload at the same place must give the same, as long as the codec has the same key: that a commit is a repetition
    /// is seen by that.
    ///
    /// # Errors
    ///
    /// When it cannot be encoded, now or ever. What holds it is not written, and everything else is: a client is told, and an instance that
    /// waits for it says why it does not advance ([`stalled`](crate::InstanceStatus::stalled)), is tried again after a pause, and can be
    /// terminated. The message is in that reason: name nothing that is secret.
    fn encode(&self, payload: &[u8], place: &[u8]) -> Result<Encoded, CodecError>;

    /// Decodes what [`encode`](Self::encode) gave, with its label and for its place.
    ///
    /// # Errors
    ///
    /// When it does not: the label is not known, or what is stored is not what was encoded. The instance is set aside, and the
    /// message is in its reason: name the key or the label in it, and nothing that is secret.
    fn decode(&self, label: &str, bytes: Vec<u8>, place: &[u8]) -> Result<Vec<u8>, CodecError>;
}

/// A shared codec, also one that is chosen when the program runs: `Arc<dyn Codec>`.
impl<C: Codec + ?Sized> Codec for Arc<C> {
    fn encode(&self, payload: &[u8], place: &[u8]) -> Result<Encoded, CodecError> {
        (**self).encode(payload, place)
    }

    fn decode(&self, label: &str, bytes: Vec<u8>, place: &[u8]) -> Result<Vec<u8>, CodecError> {
        (**self).decode(label, bytes, place)
    }
}

/// What a [`Codec`] makes of a payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded {
    /// Tells how to decode it, such as the id of a key. It is stored in clear beside the bytes, and has no spaces.
    pub label: String,
    /// What is stored in place of the payload.
    pub bytes: Vec<u8>,
}

/// A payload could not be encoded or decoded, or a key is none.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct CodecError {
    message: String,
}

impl CodecError {
    /// An error with a message for people: what was wrong, and what to do.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
        }
    }
}

/// The error of a commit, or of a look, that the codec fails.
fn not_encoded(error: CodecError) -> StoreError {
    let message = format!("a payload cannot be encoded: {error}");
    StoreError::new(StoreErrorKind::Codec, message).with_source(error)
}
