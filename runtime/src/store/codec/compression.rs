//! Compression of payloads: LZ4 blocks, before another codec encodes them.

use super::{Codec, CodecError, Encoded};

/// In front of the label of the codec behind it, when a payload was compressed.
const LABEL: &str = "lz4+";

/// The most bytes that a block of LZ4 gives for each of its own.
const GREATEST_RATIO: usize = 255;

/// A [`Codec`] that compresses payloads and hands them on to another one, such as [`Encryption`](super::Encryption).
///
/// What does not become shorter is handed on as it is, and what the other codec encoded before there was compression is decoded: it can be
/// put in and, as long as nothing needs it, taken out at any time.
///
/// **The length of what is encrypted then tells something of what is in it.** Whoever sees lengths and can have text of
/// their own put beside a secret, in one payload, can guess at the secret by how well both compress. Leave it out where that may be.
///
/// ```
/// use steadfast::store::codec::{CodecStore, Compression};
/// use steadfast::store::memory::MemoryStore;
///
/// let compressed = CodecStore::new(MemoryStore::new(), Compression::alone());
/// # let _ = compressed;
/// # #[cfg(feature = "encryption")] {
/// use steadfast::store::codec::{Encryption, EncryptionKey};
///
/// let encryption = Encryption::new(EncryptionKey::new("2026-03", &[1, 2].repeat(16))?);
/// let both = CodecStore::new(MemoryStore::new(), Compression::before(encryption));
/// # let _ = both;
/// # }
/// # Ok::<(), steadfast::store::codec::CodecError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Compression<C> {
    next: C,
}

impl Compression<Clear> {
    /// Compresses only.
    #[must_use]
    pub const fn alone() -> Self {
        Self { next: Clear }
    }
}

impl<C: Codec> Compression<C> {
    /// Compresses what this codec then encodes.
    #[must_use]
    pub const fn before(codec: C) -> Self {
        Self { next: codec }
    }
}

impl<C: Codec> Codec for Compression<C> {
    fn encode(&self, payload: &[u8], place: &[u8]) -> Result<Encoded, CodecError> {
        let compressed = lz4_flex::block::compress_prepend_size(payload);
        if compressed.len() >= payload.len() {
            return self.next.encode(payload, place);
        }
        let encoded = self.next.encode(&compressed, &compressed_at(place))?;
        Ok(Encoded {
            label: LABEL.to_owned() + &encoded.label,
            ..encoded
        })
    }

    fn decode(&self, label: &str, bytes: Vec<u8>, place: &[u8]) -> Result<Vec<u8>, CodecError> {
        let Some(label) = label.strip_prefix(LABEL) else {
            return self.next.decode(label, bytes, place);
        };
        let compressed = self.next.decode(label, bytes, &compressed_at(place))?;
        decompressed(&compressed)
            .ok_or_else(|| CodecError::new("it does not decompress: it was changed"))
    }
}

/// The place for the codec behind: what it protects cannot be passed off as not compressed, or the other way round.
fn compressed_at(place: &[u8]) -> Vec<u8> {
    [LABEL.as_bytes(), place].concat()
}

fn decompressed(bytes: &[u8]) -> Option<Vec<u8>> {
    let (size, block) = bytes.split_first_chunk()?;
    let size = usize::try_from(u32::from_le_bytes(*size)).ok()?;
    // As much memory as it says is taken before it is read.
    if size > block.len().saturating_mul(GREATEST_RATIO) {
        return None;
    }
    let payload = lz4_flex::block::decompress(block, size).ok()?;
    (payload.len() == size).then_some(payload)
}

/// A [`Codec`] that leaves payloads as they are: what is behind [`Compression::alone`].
#[derive(Clone, Copy, Debug)]
pub struct Clear;

/// The label of what is in clear.
const CLEAR: &str = "clear";

impl Codec for Clear {
    fn encode(&self, payload: &[u8], _: &[u8]) -> Result<Encoded, CodecError> {
        Ok(Encoded {
            label: CLEAR.to_owned(),
            bytes: payload.to_vec(),
        })
    }

    fn decode(&self, label: &str, bytes: Vec<u8>, _: &[u8]) -> Result<Vec<u8>, CodecError> {
        if label == CLEAR {
            return Ok(bytes);
        }
        Err(CodecError::new(format!(
            "`{label}` encoded it, and what this store is opened with only compresses"
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(codec: &dyn Codec, payload: &[u8]) -> Encoded {
        let encoded = codec.encode(payload, b"here").unwrap();
        let decoded = codec.decode(&encoded.label, encoded.bytes.clone(), b"here");
        assert_eq!(decoded.unwrap(), payload);
        encoded
    }

    #[test]
    fn what_repeats_becomes_shorter_and_nothing_becomes_longer() {
        let codec = Compression::alone();
        let long = br#"{"city":"Tokyo"},"#.repeat(1_000);
        let encoded = round_trip(&codec, &long);
        assert_eq!(encoded.label, "lz4+clear");
        assert!(encoded.bytes.len() < long.len() / 50);
        for short in [&b""[..], b"1", b"\"Tokyo\""] {
            let encoded = round_trip(&codec, short);
            assert_eq!(encoded.label, "clear");
            assert_eq!(encoded.bytes, short);
        }
    }

    #[test]
    fn what_is_no_block_is_refused_whatever_it_says_of_itself() {
        let codec = Compression::alone();
        for bytes in [
            &b""[..],
            b"\x01",
            b"\xff\xff\xff\xff\x00",
            b"\x05\0\0\0\x10a",
        ] {
            let decoded = codec.decode("lz4+clear", bytes.to_vec(), b"here");
            assert!(decoded.is_err(), "{bytes:?}");
        }
        let other = codec.decode("2026-03", Vec::new(), b"here").unwrap_err();
        assert!(other.to_string().contains("`2026-03`"), "{other}");
    }

    #[cfg(feature = "encryption")]
    #[test]
    fn what_is_encrypted_is_compressed_before_and_says_so_to_the_key() {
        use super::super::{Encryption, EncryptionKey};

        let key = || EncryptionKey::new("a", &[1, 2].repeat(16)).unwrap();
        let (plain, both) = (
            Encryption::new(key()),
            Compression::before(Encryption::new(key())),
        );
        let long = b"Tokyo ".repeat(1_000);
        let encoded = round_trip(&both, &long);
        assert_eq!(encoded.label, "lz4+a");
        assert!(encoded.bytes.len() < long.len() / 50);
        // Neither is taken for the other.
        assert!(both.decode("a", encoded.bytes, b"here").is_err());
        let before = plain.encode(&long, b"here").unwrap();
        assert!(both.decode("lz4+a", before.bytes.clone(), b"here").is_err());
        assert_eq!(both.decode("a", before.bytes, b"here").unwrap(), long);
    }
}
