//! Between a payload and the text that is stored for it, whose form is said in `model/encoded.rs`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use serde_json::Value;
use serde_json::value::RawValue;

use super::place::{Expected, Place};
use super::{Codec, CodecError, Encoded};
use crate::model::encoded::ENCODED;
use crate::store::joined;

/// The text that is stored for a payload.
pub(super) fn encode(
    codec: &dyn Codec,
    place: Place<'_>,
    payload: &str,
) -> Result<String, CodecError> {
    let place = place.to_string();
    let Encoded { label, bytes } = codec.encode(payload.as_bytes(), place.as_bytes())?;
    if label.is_empty() || label.contains(char::is_whitespace) {
        return Err(CodecError::new(format!(
            "a codec's label has one letter at least and no space: `{label}`"
        )));
    }
    let part = format!("{ENCODED}{label} {place} {}", BASE64.encode(bytes));
    Ok(Value::from(vec![part]).to_string())
}

/// The payload of a stored text, or why there is none.
pub(super) fn decode(
    codec: &dyn Codec,
    accepts_plain_text: bool,
    expected: &Expected,
    text: &str,
) -> Result<String, String> {
    let plain = |text: String| match accepts_plain_text {
        true => Ok(text),
        false => Err(
            "it was stored without a codec; `CodecStore::accept_plain_text` reads what was"
                .to_owned(),
        ),
    };
    if !is_encoded(text.strip_prefix('[').unwrap_or_default()) {
        return plain(text.to_owned());
    }
    let parts: Vec<&RawValue> = serde_json::from_str(text).map_err(broken)?;
    let parts = parts.into_iter().map(RawValue::get).enumerate();
    let payloads = parts.map(|(number, part)| {
        if is_encoded(part) {
            let part: String = serde_json::from_str(part).map_err(broken)?;
            decode_part(codec, |place| expected.allows(number, place), &part)
        } else {
            plain(format!("[{part}]"))
        }
    });
    payloads
        .reduce(|first, next| Ok(joined(&first?, &next?)))
        .unwrap_or_else(|| Err(broken("it is empty")))
}

/// Whether a JSON text in its quotes is an encoded part.
fn is_encoded(quoted: &str) -> bool {
    quoted
        .strip_prefix('"')
        .is_some_and(|text| text.starts_with(ENCODED))
}

fn decode_part(
    codec: &dyn Codec,
    belongs: impl Fn(&str) -> bool,
    part: &str,
) -> Result<String, String> {
    let (label, place, bytes) = part
        .strip_prefix(ENCODED)
        .and_then(|part| {
            let (label, rest) = part.split_once(' ')?;
            let (place, bytes) = rest.rsplit_once(' ')?;
            Some((label, place, bytes))
        })
        .ok_or_else(|| broken("a part is missing"))?;
    if !belongs(place) {
        return Err(format!(
            "the text of `{place}`, encoded as `{label}`, is not where it was written"
        ));
    }
    let bytes = BASE64.decode(bytes).map_err(broken)?;
    let decoded = codec.decode(label, bytes, place.as_bytes());
    let payload = decoded.map_err(|error| format!("`{place}`: {error}"))?;
    String::from_utf8(payload).map_err(broken)
}

fn broken(error: impl std::fmt::Display) -> String {
    format!("its encoding is damaged: {error}")
}
