//! The custom status: what counts is the JSON text in UTF-16 units, to the unit.

use serde_json::Value;
use steadfast::limits::MAX_CUSTOM_STATUS_BYTES;
use steadfast::{CustomStatus, CustomStatusError};

/// Two bytes say how often the rest is repeated, so that short inputs reach the limit.
pub(super) fn run(data: &[u8]) {
    let Some((times, text)) = data.split_first_chunk::<2>() else {
        return;
    };
    let Ok(text) = std::str::from_utf8(text) else {
        return;
    };
    if let Ok(value) = serde_json::from_str::<Value>(text) {
        check(&value);
    }
    let times = usize::from(u16::from_be_bytes(*times)) % 10_000;
    if text.len().saturating_mul(times) < 200_000 {
        check(&Value::String(text.repeat(times)));
    }
}

fn check(value: &Value) {
    let json = serde_json::to_string(value).unwrap();
    let bytes = json.encode_utf16().count() * 2;
    match CustomStatus::encode(value) {
        Ok(None) => assert!(value.is_null()),
        Ok(Some(status)) => {
            assert!(bytes <= MAX_CUSTOM_STATUS_BYTES && !value.is_null());
            assert_eq!((status.as_json(), status.utf16_bytes()), (&*json, bytes));
            assert_eq!(&status.decode::<Value>().unwrap(), value);
        }
        Err(CustomStatusError::TooLarge { actual, limit }) => {
            assert_eq!((actual, limit), (bytes, MAX_CUSTOM_STATUS_BYTES));
            assert!(actual > limit);
        }
        Err(other) => panic!("{other}"),
    }
}
