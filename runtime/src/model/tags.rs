//! Tags: small texts that mark an instance or a call.

use std::collections::BTreeMap;

/// Tags by their keys. Keys that begin with [`RESERVED_PREFIX`] are steadfast's own.
pub type Tags = BTreeMap<String, String>;

/// What steadfast's own tags and event names begin with, in any case.
pub const RESERVED_PREFIX: &str = "steadfast.";

/// Whether a tag's key or an event's name is one of steadfast's own.
#[must_use]
pub fn is_reserved(name: &str) -> bool {
    name.get(..RESERVED_PREFIX.len())
        .is_some_and(|prefix| prefix.eq_ignore_ascii_case(RESERVED_PREFIX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reserved_name_has_the_prefix_in_any_case() {
        for (name, reserved) in [
            ("steadfast.side", true),
            ("Steadfast.X", true),
            ("steadfast.", true),
            ("steadfast", false),
            ("", false),
            ("steadfäst.", false),
            ("mine.steadfast.", false),
        ] {
            assert_eq!(is_reserved(name), reserved, "{name}");
        }
    }
}
