//! The host and port that a request says it was sent to: whoever sends it writes what they like.

use std::net::Ipv6Addr;

/// A name or an address, with a port or without. Nothing else may be in it that has a meaning in an address.
pub(super) fn authority(text: &str) -> Option<&str> {
    let port = if let Some(rest) = text.strip_prefix('[') {
        let (address, rest) = rest.split_once(']')?;
        address.parse::<Ipv6Addr>().ok()?;
        rest
    } else {
        let (name, port) = text.split_at(text.find(':').unwrap_or(text.len()));
        let named = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        (!name.is_empty() && name.bytes().all(named)).then_some(port)?
    };
    let is_port =
        |port: &str| port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok();
    let fits = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
    fits.then_some(text)
}
