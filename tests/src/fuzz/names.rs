//! Ids, cursors, tokens and the names of statuses: what is read prints as what was read, and the rules for ids are those that the
//! documentation tells.

use std::fmt::{Debug, Display};
use std::str::FromStr;

use steadfast::{ContinuationToken, Cursor, ExecutionId, InstanceId, RuntimeStatus};

pub(super) fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    instance_id(text);
    // Of a number there are several texts; what is printed is one of them.
    if let Some(cursor) = reads_back::<Cursor>(text) {
        let numbers: Vec<u64> = text.split('.').map(|n| n.parse().unwrap()).collect();
        assert_eq!(numbers, [cursor.incarnation.0, cursor.sequence]);
    }
    reads_back::<ContinuationToken>(text);
    for printed in [
        reads_back::<ExecutionId>(text).map(|id| id.to_string()),
        reads_back::<RuntimeStatus>(text).map(|status| status.to_string()),
    ] {
        assert!(printed.is_none_or(|printed| printed == text), "{text:?}");
    }
}

fn instance_id(text: &str) {
    let is_id = !text.is_empty()
        && text.encode_utf16().count() <= 256
        && ![".", ".."].contains(&text)
        && !text.starts_with('@')
        && !text.contains(|c: char| "/\\#?".contains(c) || c.is_control());
    let json = serde_json::to_string(text).unwrap();
    let stored = serde_json::from_str::<InstanceId>(&json);
    match InstanceId::parse(text) {
        Ok(id) => {
            assert!(is_id, "{text:?}");
            assert_eq!(id.as_str(), text);
            assert_eq!(stored.unwrap(), id);
            assert_eq!(serde_json::to_string(&id).unwrap(), json);
        }
        Err(error) => {
            assert!(!is_id, "{text:?}: {error}");
            assert!(stored.is_err(), "{text:?}");
        }
    }
}

/// What is read from a text, which is the same when it is read from its own print.
fn reads_back<T>(text: &str) -> Option<T>
where
    T: FromStr + Display + PartialEq + Debug,
    T::Err: Debug,
{
    let value: T = text.parse().ok()?;
    assert_eq!(value.to_string().parse::<T>().unwrap(), value, "{text:?}");
    Some(value)
}
