//! W3C trace context: which trace a request belongs to, and where in it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How long a `tracestate` may be that is kept whole.
const MAX_STATE: usize = 512;

/// Entries of a `tracestate` that are longer go first when it is too long.
const LARGE_ENTRY: usize = 128;

/// How many entries a `tracestate` has at most.
const MAX_ENTRIES: usize = 32;

/// The length of a `traceparent` of version 00.
const PARENT_LENGTH: usize = 55;

/// The place in a distributed trace that something was asked for from, as the W3C headers `traceparent` and `tracestate` say it.
///
/// An instance keeps that of its start for as long as it lives. Its children and activities get the same one.
///
/// ```
/// use steadfast::TraceContext;
///
/// let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
/// let trace = TraceContext::parse(parent)?.with_state("vendor=value");
/// assert_eq!(trace.to_string(), parent);
/// assert!(trace.is_sampled());
/// assert_eq!(trace.state(), Some("vendor=value"));
/// # Ok::<(), steadfast::TraceContextError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Headers", into = "Headers")]
pub struct TraceContext {
    trace_id: u128,
    parent_id: u64,
    flags: u8,
    state: Option<Box<str>>,
}

/// A text is not a `traceparent`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a W3C traceparent")]
pub struct TraceContextError {
    text: String,
}

impl TraceContext {
    /// Reads a `traceparent`. Of a later version than 00 it takes what version 00 has too, as the standard says.
    ///
    /// # Errors
    ///
    /// When the text is not a `traceparent`: whoever gets one from outside should go on without it.
    pub fn parse(traceparent: &str) -> Result<Self, TraceContextError> {
        Self::read(traceparent).ok_or_else(|| TraceContextError {
            // What comes from outside may be of any length.
            text: traceparent.chars().take(2 * PARENT_LENGTH).collect(),
        })
    }

    fn read(text: &str) -> Option<Self> {
        let (head, tail) = text.split_at_checked(PARENT_LENGTH)?;
        let mut fields = head.split('-');
        let version = hex(fields.next()?, 2)?;
        let trace_id = hex(fields.next()?, 32)?;
        let parent_id = hex(fields.next()?, 16)?;
        let flags = hex(fields.next()?, 2)?;
        let may_go_on = match version {
            0 => tail.is_empty(),
            0xff => false,
            _ => tail.is_empty() || tail.starts_with('-'),
        };
        let is_valid = may_go_on && fields.next().is_none() && trace_id != 0 && parent_id != 0;
        is_valid.then_some(Self {
            trace_id,
            parent_id: u64::try_from(parent_id).ok()?,
            flags: u8::try_from(flags).ok()?,
            state: None,
        })
    }

    /// With a `tracestate`, the values of all its headers joined by commas. One that is malformed is dropped, and of one that has
    /// more than 512 characters whole entries are, as the standard says.
    #[must_use]
    pub fn with_state(mut self, tracestate: &str) -> Self {
        self.state = state(tracestate);
        self
    }

    /// The `tracestate`.
    #[must_use]
    pub fn state(&self) -> Option<&str> {
        self.state.as_deref()
    }

    /// The id of the trace, as 32 hexadecimal digits.
    #[must_use]
    pub fn trace_id(&self) -> String {
        format!("{:032x}", self.trace_id)
    }

    /// The id of the span that asked, as 16 hexadecimal digits.
    #[must_use]
    pub fn parent_id(&self) -> String {
        format!("{:016x}", self.parent_id)
    }

    /// Whether the one that asked may have recorded its span.
    #[must_use]
    pub const fn is_sampled(&self) -> bool {
        self.flags & 1 == 1
    }
}

/// The `traceparent`, in version 00.
impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            trace_id,
            parent_id,
            flags,
            ..
        } = self;
        write!(f, "00-{trace_id:032x}-{parent_id:016x}-{flags:02x}")
    }
}

/// A field of so many lower-case hexadecimal digits.
fn hex(field: &str, digits: usize) -> Option<u128> {
    let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let is_field = field.len() == digits && field.bytes().all(is_hex);
    is_field.then(|| u128::from_str_radix(field, 16).ok())?
}

/// What is kept of a `tracestate`; `None` when it is malformed or nothing is left.
fn state(text: &str) -> Option<Box<str>> {
    let entries = text.split(',').map(|entry| entry.trim_matches([' ', '\t']));
    let mut entries: Vec<&str> = entries.filter(|entry| !entry.is_empty()).collect();
    let is_distinct =
        |(at, entry): (usize, &&str)| !entries[..at].iter().any(|e| key(e) == key(entry));
    let is_valid = entries.len() <= MAX_ENTRIES
        && entries.iter().all(|entry| is_entry(entry))
        && entries.iter().enumerate().all(is_distinct);
    if !is_valid {
        return None;
    }
    let length = |entries: &[&str]| entries.iter().map(|entry| entry.len() + 1).sum::<usize>();
    while length(&entries) > MAX_STATE + 1 {
        let large = entries.iter().rposition(|entry| entry.len() > LARGE_ENTRY);
        entries.remove(large.unwrap_or(entries.len() - 1));
    }
    (!entries.is_empty()).then(|| entries.join(",").into())
}

fn key(entry: &str) -> Option<&str> {
    Some(entry.split_once('=')?.0)
}

/// Whether an entry is `key=value` in the characters of the standard.
fn is_entry(entry: &str) -> bool {
    let Some((key, value)) = entry.split_once('=') else {
        return false;
    };
    let is_word = |text: &str, max: usize, first: fn(u8) -> bool| {
        let rest = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'*' | b'/');
        (1..=max).contains(&text.len())
            && text.bytes().next().is_some_and(first)
            && text.bytes().all(rest)
    };
    let (letter, letter_or_digit) = (
        |b: u8| b.is_ascii_lowercase(),
        |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit(),
    );
    let is_key = match key.split_once('@') {
        Some((tenant, system)) => {
            is_word(tenant, 241, letter_or_digit) && is_word(system, 14, letter)
        }
        None => is_word(key, 256, letter),
    };
    let in_value = |b: u8| matches!(b, b' '..=b'~') && b != b'=' && b != b',';
    is_key && (1..=256).contains(&value.len()) && value.bytes().all(in_value)
}

/// The stored form: the two headers.
#[derive(Serialize, Deserialize)]
struct Headers {
    traceparent: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tracestate: Option<String>,
}

impl TryFrom<Headers> for TraceContext {
    type Error = TraceContextError;

    fn try_from(headers: Headers) -> Result<Self, TraceContextError> {
        let trace = Self::parse(&headers.traceparent)?;
        Ok(match headers.tracestate {
            Some(state) => trace.with_state(&state),
            None => trace,
        })
    }
}

impl From<TraceContext> for Headers {
    fn from(trace: TraceContext) -> Self {
        Self {
            traceparent: trace.to_string(),
            tracestate: trace.state.map(Into::into),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn kept(state: &str) -> Option<String> {
        let trace = TraceContext::parse(PARENT).unwrap().with_state(state);
        trace.state().map(str::to_owned)
    }

    #[test]
    fn a_traceparent_reads_back_what_it_says() {
        let trace = TraceContext::parse(PARENT).unwrap();
        assert_eq!(trace.trace_id(), "0af7651916cd43dd8448eb211c80319c");
        assert_eq!(trace.parent_id(), "b7ad6b7169203331");
        assert!(trace.is_sampled());
        let later = format!("cc{}-what-will-be", &PARENT[2..]);
        assert_eq!(TraceContext::parse(&later), Ok(trace));
    }

    #[test]
    fn a_malformed_traceparent_is_none() {
        for text in [
            "",
            "00",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01.x",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b716920333-011",
            "00-0af7651916cd43dd8448eb211c8031+9-b7ad6b7169203331-01",
            " 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b716920333\u{e9}-01",
        ] {
            assert!(TraceContext::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_tracestate_is_kept_when_it_is_well_formed() {
        for (state, expected) in [
            ("a=1", Some("a=1")),
            ("a=1 , b@sys= 2,,\t", Some("a=1,b@sys= 2")),
            ("0tenant@sys=x", Some("0tenant@sys=x")),
            ("", None),
            (",", None),
            ("a", None),
            ("a=", None),
            ("A=1", None),
            ("0a=1", None),
            ("a=1,a=2", None),
            ("a=b=c", None),
            ("a=\u{e9}", None),
            ("a@0sys=1", None),
        ] {
            assert_eq!(kept(state).as_deref(), expected, "{state:?}");
        }
        let many = |n: usize| {
            (0..n)
                .map(|n| format!("k{n}=v"))
                .collect::<Vec<_>>()
                .join(",")
        };
        assert_eq!(kept(&many(32)), Some(many(32)));
        assert_eq!(kept(&many(33)), None);
    }

    #[test]
    fn of_a_long_tracestate_large_entries_go_first_and_then_the_last() {
        let entry = |key: &str, length: usize| format!("{key}={}", "v".repeat(length));
        let (large, middle) = (entry("large", 200), entry("m", 120));
        let others = ["n", "o", "p"].map(|key| entry(key, 120));
        let long = format!("{large},{middle},{}", others.join(","));
        assert_eq!(kept(&long), Some(format!("{middle},{}", others.join(","))));
        let long = format!("{middle},{},{},q=1", others.join(","), entry("r", 100));
        assert_eq!(kept(&long), Some(format!("{middle},{}", others.join(","))));
    }

    #[test]
    fn the_stored_form_is_the_two_headers() {
        let trace = TraceContext::parse(PARENT).unwrap().with_state("a=1");
        let text = serde_json::to_string(&trace).unwrap();
        assert_eq!(
            text,
            format!(r#"{{"traceparent":"{PARENT}","tracestate":"a=1"}}"#)
        );
        assert_eq!(serde_json::from_str::<TraceContext>(&text).unwrap(), trace);
    }

    proptest! {
        #[test]
        fn whatever_is_sent_is_read_or_refused(
            parent in "[0-9a-f]{2}-[0-9a-fA-F]{31,33}-[0-9a-f]{15,17}-[0-9a-f]{2}.{0,3}|\\PC{0,60}",
            state in "([a-zA-Z0-9@_*/-]{0,4}=[ -~]{0,9},?){0,40}|\\PC{0,600}",
        ) {
            if let Ok(trace) = TraceContext::parse(&parent) {
                let trace = trace.with_state(&state);
                prop_assert!(parent[2..].starts_with(&trace.to_string()[2..]));
                prop_assert!(trace.state().is_none_or(|state| (1..=MAX_STATE).contains(&state.len())));
                let text = serde_json::to_string(&trace).unwrap();
                prop_assert_eq!(serde_json::from_str::<TraceContext>(&text).unwrap(), trace);
            }
        }

        #[test]
        fn every_well_formed_traceparent_is_read(trace in 1_u128.., parent in 1_u64.., flags: u8) {
            let text = format!("00-{trace:032x}-{parent:016x}-{flags:02x}");
            let context = TraceContext::parse(&text).unwrap();
            prop_assert_eq!(context.to_string(), text);
        }
    }
}
