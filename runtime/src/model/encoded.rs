//! Payloads that a codec has encoded, as a store holds them.
//!
//! Such a text is a JSON array of texts, since a store may put two arrays of events together and knows nothing else of them.
//! Each of them is `steadfast:1`, what the codec calls the way in which it encodes, the place that the text is for, and
//! the bytes in base 64, with a space between them.

use serde_json::Value;

/// How an encoded part begins.
pub(crate) const ENCODED: &str = "steadfast:1 ";

/// How a part begins that could not be decoded. It is never stored.
const UNDECODABLE: &str = "steadfast:undecodable ";

/// A text that takes the place of one that could not be read or decoded: it reads as no events, and says why.
#[cfg(any(feature = "codec", feature = "sqlite"))]
pub(crate) fn undecodable(reason: &str) -> String {
    Value::from(vec![format!("{UNDECODABLE}{reason}")]).to_string()
}

/// What the codec calls the way in which it encoded a text of a store; `None` of one that is not encoded.
#[cfg(any(feature = "codec", feature = "local"))]
pub(crate) fn label(text: &str) -> Option<&str> {
    let part = text.strip_prefix("[\"")?.strip_prefix(ENCODED)?;
    part.split(' ').next()
}

/// Whether a text takes the place of one that could not be decoded.
#[cfg(any(feature = "codec", feature = "deploy"))]
pub(crate) fn is_undecodable(text: &str) -> bool {
    text.strip_prefix("[\"")
        .is_some_and(|part| part.starts_with(UNDECODABLE))
}

/// Why a text holds no events, when it is encoded or could not be decoded.
pub(crate) fn why_no_events(text: &str) -> Option<String> {
    let Value::Array(parts) = serde_json::from_str(text).ok()? else {
        return None;
    };
    let part = parts.iter().find_map(Value::as_str)?;
    if let Some(reason) = part.strip_prefix(UNDECODABLE) {
        return Some(reason.to_owned());
    }
    let label = part.strip_prefix(ENCODED)?.split(' ').next()?;
    Some(format!(
        "a codec has encoded it, as `{label}`; open the store with that codec (`CodecStore`)"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::history::decode_events;

    #[test]
    fn what_is_encoded_says_so_where_events_are_expected() {
        let message = |text: &str| decode_events(text).unwrap_err().to_string();
        let encoded = message(r#"["steadfast:1 key-1 events/2a/0 AAAA"]"#);
        assert!(encoded.contains("encoded it, as `key-1`"), "{encoded}");
        let joined = message(r#"[[-1,0,{"ExecutionResumed":{}}],"steadfast:1 key-1 a AA"]"#);
        assert!(joined.contains("`key-1`"), "{joined}");
        for other in ["", "null", "[1]", r#"["steadfast"]"#, r#"["steadfast:1"]"#] {
            assert_eq!(why_no_events(other), None);
        }
    }

    #[cfg(any(feature = "codec", feature = "sqlite"))]
    #[test]
    fn what_cannot_be_decoded_says_why() {
        let text = undecodable("no key `\"k\"`");
        assert_eq!(
            decode_events(&text).unwrap_err().to_string(),
            "no key `\"k\"`"
        );
    }
}
