//! Stored events: what is written is read back, and what is read is written as it would be.

use arbitrary::Unstructured;
use steadfast::model::history::{decode_events, encode_events};

use super::events;

pub(super) fn run(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(read) = decode_events(text)
    {
        let written = encode_events(&read);
        assert_eq!(decode_events(&written).unwrap(), read);
        assert_eq!(encode_events(&decode_events(&written).unwrap()), written);
    }
    let mut u = Unstructured::new(data);
    if let Ok(events) = events::several(&mut u, 8, events::any) {
        assert_eq!(decode_events(&encode_events(&events)).unwrap(), events);
    }
}
