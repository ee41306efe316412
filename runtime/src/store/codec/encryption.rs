//! Encryption of payloads: XChaCha20-Poly1305, whose nonce is made of what is encrypted.
//!
//! The nonce is the HMAC-SHA-256 of label, place and payload under a key of its own, cut to 24 bytes. So the same payload at the
//! same place gives the same bytes, as a codec must, and no two others share a nonce. Whoever sees the store learns from it only that a
//! text was written again unchanged at the place where it was. The key id and the place are associated data.

use std::fmt;

use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::{Codec, CodecError, Encoded};

/// Bytes of a key.
const KEY: usize = 32;
/// Bytes of a nonce, which is in front of what is encrypted.
const NONCE: usize = 24;

/// With padding or without.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A [`Codec`] that encrypts payloads and notices when they were changed or moved: XChaCha20-Poly1305.
///
/// It encrypts with one key, and decrypts with that and with the earlier ones that it was given.
///
/// ```
/// use steadfast::store::codec::{Encryption, EncryptionKey};
///
/// # let (new, old) = ([1, 2].repeat(16), [3, 4].repeat(16));
/// let encryption = Encryption::new(EncryptionKey::new("2026-09", &new)?)
///     .with_earlier_key(EncryptionKey::new("2026-03", &old)?)?;
/// # Ok::<(), steadfast::store::codec::CodecError>(())
/// ```
#[derive(Debug)]
pub struct Encryption {
    /// The first one encrypts.
    keys: Vec<EncryptionKey>,
}

impl Encryption {
    /// Encrypts with this key, and decrypts what it has encrypted.
    #[must_use]
    pub fn new(key: EncryptionKey) -> Self {
        Self { keys: vec![key] }
    }

    /// Also decrypts what this key has encrypted, which was in use before.
    ///
    /// # Errors
    ///
    /// When there is a key of that id already.
    pub fn with_earlier_key(mut self, key: EncryptionKey) -> Result<Self, CodecError> {
        if self.keys.iter().any(|other| other.id == key.id) {
            return Err(CodecError::new(format!(
                "there are two keys of the id `{}`; give each its own",
                key.id
            )));
        }
        self.keys.push(key);
        Ok(self)
    }
}

impl Codec for Encryption {
    fn encode(&self, payload: &[u8], place: &[u8]) -> Result<Encoded, CodecError> {
        let key = &self.keys[0];
        let bytes = key.encrypt(payload, place)?;
        Ok(Encoded {
            label: key.id.clone(),
            bytes,
        })
    }

    fn decode(&self, label: &str, bytes: Vec<u8>, place: &[u8]) -> Result<Vec<u8>, CodecError> {
        let key = self.keys.iter().find(|key| key.id == label);
        let key = key.ok_or_else(|| {
            let known: Vec<_> = self
                .keys
                .iter()
                .map(|key| format!("`{}`", key.id))
                .collect();
            CodecError::new(format!(
                "the key `{label}` encrypted it, and is not among those given: {}",
                known.join(", ")
            ))
        })?;
        key.decrypt(&bytes, place).ok_or_else(|| {
            CodecError::new(format!(
                "it does not decrypt with the key `{label}`: another key of this id encrypted it, or it was changed"
            ))
        })
    }
}

/// A secret of 32 bytes with the id that is stored beside what it encrypts.
///
/// Its debug text shows the id only.
#[derive(Clone)]
pub struct EncryptionKey {
    id: String,
    cipher: XChaCha20Poly1305,
    nonces: Hmac<Sha256>,
}

impl EncryptionKey {
    /// The key of an id, which has 1 to 64 letters, digits, `-`, `_` and `.` of ASCII. Two keys must not have the same id, also not one
    /// after the other.
    ///
    /// Make the 32 bytes at random: `head -c 32 /dev/urandom | base64`. A password is no key.
    ///
    /// # Errors
    ///
    /// When the id is none, when it is not 32 bytes, or when they are all the same, as in a buffer that nobody filled.
    pub fn new(id: impl Into<String>, secret: &[u8]) -> Result<Self, CodecError> {
        let id = id.into();
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if !(1..=64).contains(&id.len()) || !id.chars().all(allowed) {
            return Err(CodecError::new(format!(
                "`{id}` is not the id of a key: it has 1 to 64 letters, digits, `-`, `_` and `.` of ASCII"
            )));
        }
        if secret.len() != KEY {
            return Err(CodecError::new(format!(
                "the key `{id}` has {} bytes; it must have {KEY}, made at random",
                secret.len()
            )));
        }
        if secret.iter().all(|byte| *byte == secret[0]) {
            return Err(CodecError::new(format!(
                "the bytes of the key `{id}` are all the same; make them at random"
            )));
        }
        let cipher = XChaCha20Poly1305::new(&derived(secret, b"steadfast 1 encryption").into());
        let nonces = mac(&derived(secret, b"steadfast 1 nonce"));
        Ok(Self { id, cipher, nonces })
    }

    /// The same for a secret in base 64, as it comes from a file or an environment variable. White space around it is ignored.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new), and when it is not base 64.
    pub fn from_base64(id: impl Into<String>, secret: &str) -> Result<Self, CodecError> {
        let id = id.into();
        // What the decoder says would tell a part of the key.
        let secret = BASE64.decode(secret.trim());
        let secret = secret
            .map_err(|_| CodecError::new(format!("the secret of the key `{id}` is not base 64")))?;
        Self::new(id, &secret)
    }

    fn encrypt(&self, payload: &[u8], place: &[u8]) -> Result<Vec<u8>, CodecError> {
        let associated = self.associated(place);
        let nonce = self.nonce(&associated, payload);
        let payload = Payload {
            msg: payload,
            aad: &associated,
        };
        let mut bytes = nonce.to_vec();
        let encrypted = self.cipher.encrypt(&nonce, payload);
        bytes.extend(encrypted.map_err(|_| CodecError::new("it is too long to be encrypted"))?);
        Ok(bytes)
    }

    fn decrypt(&self, bytes: &[u8], place: &[u8]) -> Option<Vec<u8>> {
        let (nonce, encrypted) = bytes.split_first_chunk::<NONCE>()?;
        let payload = Payload {
            msg: encrypted,
            aad: &self.associated(place),
        };
        self.cipher.decrypt(&XNonce::from(*nonce), payload).ok()
    }

    /// An id has no zero byte, so that no two pairs are the same.
    fn associated(&self, place: &[u8]) -> Vec<u8> {
        [self.id.as_bytes(), b"\0", place].concat()
    }

    fn nonce(&self, associated: &[u8], payload: &[u8]) -> XNonce {
        let mut mac = self.nonces.clone();
        // With its length, so that no two pairs are the same.
        mac.update(&(associated.len() as u64).to_le_bytes());
        mac.update(associated);
        mac.update(payload);
        let mut nonce = [0; NONCE];
        nonce.copy_from_slice(&mac.finalize().into_bytes()[..NONCE]);
        nonce.into()
    }
}

impl fmt::Debug for EncryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EncryptionKey")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

fn mac(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("a key of HMAC may have any length")
}

/// A key for one purpose.
fn derived(secret: &[u8], purpose: &[u8]) -> [u8; KEY] {
    let mut mac = mac(secret);
    mac.update(purpose);
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(id: &str, byte: u8) -> EncryptionKey {
        EncryptionKey::new(id, &[byte, !byte].repeat(16)).unwrap()
    }

    #[test]
    fn what_was_encrypted_is_decrypted_at_its_place_only() {
        let codec = Encryption::new(key("a", 1));
        for payload in [&b""[..], b"\"Tokyo\"", &[b'x'; 100_000]] {
            let Encoded { label, bytes } = codec.encode(payload, b"here").unwrap();
            assert_eq!(label, "a");
            let decoded = codec.decode("a", bytes.clone(), b"here").unwrap();
            assert_eq!(decoded, payload);
            let elsewhere = codec.decode("a", bytes, b"there").unwrap_err();
            assert!(elsewhere.to_string().contains("`a`"), "{elsewhere}");
        }
    }

    #[test]
    fn no_byte_can_be_changed_or_taken_away() {
        let codec = Encryption::new(key("a", 1));
        let bytes = codec.encode(b"\"Tokyo\"", b"here").unwrap().bytes;
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert!(codec.decode("a", changed, b"here").is_err(), "byte {at}");
            let shorter = bytes[..at].to_vec();
            assert!(codec.decode("a", shorter, b"here").is_err(), "{at} bytes");
        }
    }

    #[test]
    fn the_same_at_the_same_place_is_the_same_and_nothing_else_is() {
        let codec = Encryption::new(key("a", 1));
        let encode = |payload: &[u8], place: &[u8]| codec.encode(payload, place).unwrap().bytes;
        let first = encode(b"1", b"here");
        assert_eq!(first, encode(b"1", b"here"));
        let others = [
            encode(b"2", b"here"),
            encode(b"1", b"there"),
            encode(b"e1", b"her"),
            Encryption::new(key("a", 2))
                .encode(b"1", b"here")
                .unwrap()
                .bytes,
            Encryption::new(key("b", 1))
                .encode(b"1", b"here")
                .unwrap()
                .bytes,
        ];
        for other in others {
            assert_ne!(first[..NONCE], other[..NONCE]);
        }
    }

    #[test]
    fn earlier_keys_decrypt_and_the_newest_encrypts() {
        let old = Encryption::new(key("old", 1))
            .encode(b"1", b"here")
            .unwrap();
        let both = Encryption::new(key("new", 2));
        let missing = both.decode("old", old.bytes.clone(), b"here").unwrap_err();
        assert_eq!(
            missing.to_string(),
            "the key `old` encrypted it, and is not among those given: `new`"
        );
        let both = both.with_earlier_key(key("old", 1)).unwrap();
        assert_eq!(both.decode("old", old.bytes, b"here").unwrap(), b"1");
        assert_eq!(both.encode(b"1", b"here").unwrap().label, "new");
        let twice = both.with_earlier_key(key("new", 3)).unwrap_err();
        assert!(twice.to_string().contains("`new`"), "{twice}");
    }

    #[test]
    fn what_is_no_key_is_refused_and_no_key_is_shown() {
        let random = [1, 2].repeat(16);
        for (id, secret, says) in [
            ("", &random[..], "is not the id"),
            ("a b", &random, "is not the id"),
            (&"a".repeat(65), &random, "is not the id"),
            ("a", &random[1..], "31 bytes"),
            ("a", &[], "0 bytes"),
            ("a", &[7; KEY], "all the same"),
        ] {
            let error = EncryptionKey::new(id, secret).unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        }
        let text = "c3RlYWRmYXN0IGlzIGFsbCB0aGF0IGlzIG5lZWRlZCE";
        for text in [text.to_owned(), format!("{text}=\n")] {
            assert!(EncryptionKey::from_base64("a", &text).is_ok(), "{text}");
        }
        let error = EncryptionKey::from_base64("a", "?secret?").unwrap_err();
        assert!(!format!("{error:?} {error}").contains("secret?"));
        let shown = format!("{:?}", Encryption::new(key("a", 1)));
        assert_eq!(
            shown,
            "Encryption { keys: [EncryptionKey { id: \"a\", .. }] }"
        );
    }
}
