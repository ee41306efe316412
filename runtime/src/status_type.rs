//! Types that can be the custom status of an orchestrator, and what is checked about them at compile time.

use std::any::type_name;

use serde::Serialize;

use crate::bounded::BoundedJson;
use crate::limits::{MAX_CUSTOM_STATUS_BYTES, MAX_CUSTOM_STATUS_UNITS};
use crate::model::custom_status::CustomStatusError;

/// The type of an orchestrator's custom status: `S` in [`OrchestrationContext<S>`](crate::OrchestrationContext).
///
/// Every type whose JSON is bounded is one ([`BoundedJson`]); setting it cannot fail. A type that derives
/// [`CustomStatus`](derive@crate::CustomStatus) with the word `unbounded` is one too; setting it returns a `Result`.
///
/// ```
/// use serde::Serialize;
/// use steadfast::{CustomStatus, StatusType};
///
/// #[derive(CustomStatus, Serialize)]
/// struct Log {
///     #[custom_status(unbounded)]
///     lines: Vec<String>,
/// }
///
/// assert_eq!(u8::MAX_UTF16_UNITS, 3);
/// assert_eq!(Log::MAX_UTF16_UNITS, usize::MAX);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the custom status of an orchestrator, as its JSON has no greatest length",
    label = "its length is not bounded by the type",
    note = "write `BoundedStr<N>` for text of at most N characters, `BoundedVec<T, N>` for a list of at most N items, and derive \
            `CustomStatus` for your own types",
    note = "or put it into a type of your own that derives `CustomStatus`, with `#[custom_status(unbounded)]` on the field",
    note = "or take `OrchestrationContext` without a type parameter, which checks the size at each call"
)]
pub trait StatusType: Serialize {
    /// The greatest number of UTF-16 code units of its compact JSON text; `usize::MAX` when it is unbounded.
    const MAX_UTF16_UNITS: usize;

    /// What setting it returns: `()`, or a `Result` when it is unbounded.
    type Published: Published;
}

impl<T: BoundedJson> StatusType for T {
    const MAX_UTF16_UNITS: usize = T::MAX_UNITS;
    type Published = ();
}

/// What setting a custom status returns: `()` where it cannot fail, and a `Result` where it can.
pub trait Published: sealed::Sealed {
    #[doc(hidden)]
    #[track_caller]
    fn of<S>(set: Result<(), CustomStatusError>) -> Self;
}

mod sealed {
    use super::CustomStatusError;

    pub trait Sealed {}

    impl Sealed for () {}
    impl Sealed for Result<(), CustomStatusError> {}
}

impl Published for () {
    #[track_caller]
    fn of<S>(set: Result<(), CustomStatusError>) {
        if let Err(error) = set {
            panic!(
                "the custom status type `{}` breaks its bound: {error}",
                type_name::<S>()
            );
        }
    }
}

impl Published for Result<(), CustomStatusError> {
    fn of<S>(set: Result<(), CustomStatusError>) -> Self {
        set
    }
}

/// Fails to compile when a status type of this name and length does not fit.
///
/// # Panics
///
/// When `units` is greater than the limit.
#[track_caller]
pub const fn assert_fits(name: &str, units: usize) {
    assert_parts_fit(name, units, &[]);
}

/// The same, for a type of which the parts are known: it names the greatest.
///
/// # Panics
///
/// When `units` is greater than the limit.
#[track_caller]
pub const fn assert_parts_fit(name: &str, units: usize, parts: &[(&str, usize)]) {
    if units <= MAX_CUSTOM_STATUS_UNITS {
        return;
    }
    let mut message = Message::new()
        .text("the JSON of `")
        .text(name)
        .text("` can have ")
        .size(units)
        .text(", and a custom status holds at most ")
        .size(MAX_CUSTOM_STATUS_UNITS);
    message = match first_of_the_greatest(parts) {
        Some((part, units)) => message
            .text("; the greatest part is `")
            .text(part)
            .text("` with ")
            .number(units)
            .text(
                " units: lower the bounds of its texts and lists, or write \
                 `#[custom_status(unbounded)]` on the type, so that setting it returns a `Result`",
            ),
        None => message
            .text(": lower the bounds of its texts and lists, or publish a reference to the data"),
    };
    panic!("{}", message.as_str());
}

/// Fails to compile when a type that says `unbounded` would fit without the word: everybody who sets it would handle an error that
/// cannot come.
///
/// # Panics
///
/// When `units` is within the limit.
#[track_caller]
pub const fn assert_unbounded(name: &str, units: usize) {
    if units <= MAX_CUSTOM_STATUS_UNITS {
        let message = Message::new()
            .text("the JSON of `")
            .text(name)
            .text("` has at most ")
            .size(units)
            .text(" and always fits: remove `#[custom_status(unbounded)]`, and setting it cannot fail");
        panic!("{}", message.as_str());
    }
}

/// The same for a field. A bounded one may be too large together with others: then it is the type that says `unbounded`.
///
/// # Panics
///
/// When `units` is a bound.
#[track_caller]
pub const fn assert_unbounded_field(name: &str, field: &str, units: usize) {
    if units < usize::MAX {
        let message = Message::new()
            .text("the JSON of `")
            .text(field)
            .text("` has at most ")
            .size(units)
            .text(": remove `#[custom_status(unbounded)]`, or put it on `")
            .text(name)
            .text("` if all fields together may be too large");
        panic!("{}", message.as_str());
    }
}

/// Fails to compile when a status type of this name cannot be written as JSON.
///
/// # Panics
///
/// When it cannot.
#[track_caller]
pub const fn assert_serialize(name: &str, is_serialize: bool) {
    if !is_serialize {
        let message = Message::new()
            .text("`")
            .text(name)
            .text("` cannot be written as JSON: derive serde's `Serialize` for it too, as in `#[derive(CustomStatus, Serialize)]`");
        panic!("{}", message.as_str());
    }
}

const fn first_of_the_greatest<'a>(parts: &[(&'a str, usize)]) -> Option<(&'a str, usize)> {
    let (mut greatest, mut rest) = (None, parts);
    while let [(name, units), others @ ..] = rest {
        greatest = match greatest {
            Some((_, before)) if before >= *units => greatest,
            _ => Some((*name, *units)),
        };
        rest = others;
    }
    greatest
}

/// A text that is put together at compile time. What does not fit is left out.
struct Message {
    bytes: [u8; 512],
    len: usize,
}

impl Message {
    const fn new() -> Self {
        Self {
            bytes: [0; 512],
            len: 0,
        }
    }

    const fn text(mut self, text: &str) -> Self {
        let mut rest = text.as_bytes();
        while let [first, others @ ..] = rest {
            if self.len < self.bytes.len() {
                self.bytes[self.len] = *first;
                self.len += 1;
            }
            rest = others;
        }
        self
    }

    const fn number(self, number: usize) -> Self {
        let digit = (number % 10) as u8 + b'0';
        let this = if number < 10 {
            self
        } else {
            self.number(number / 10)
        };
        match str::from_utf8(&[digit]) {
            Ok(digit) => this.text(digit),
            Err(_) => this,
        }
    }

    /// So many units, also in bytes.
    const fn size(self, units: usize) -> Self {
        const BYTES_PER_UNIT: usize = MAX_CUSTOM_STATUS_BYTES / MAX_CUSTOM_STATUS_UNITS;
        self.number(units)
            .text(" UTF-16 units (")
            .number(units.saturating_mul(BYTES_PER_UNIT))
            .text(" bytes)")
    }

    const fn as_str(&self) -> &str {
        match str::from_utf8(self.bytes.split_at(self.len).0) {
            Ok(text) => text,
            Err(_) => "the custom status may not fit",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_put_together() {
        let message = Message::new()
            .text("a")
            .number(0)
            .text(" ")
            .size(8_192)
            .text(&"x".repeat(600));
        assert!(
            message
                .as_str()
                .starts_with("a0 8192 UTF-16 units (16384 bytes)xxx")
        );
        assert_eq!(message.as_str().len(), 512);
    }

    #[test]
    fn what_fits_to_the_unit_passes() {
        assert_fits("Small", MAX_CUSTOM_STATUS_UNITS);
        assert_unbounded("Large", MAX_CUSTOM_STATUS_UNITS + 1);
        assert_serialize("Small", true);
    }

    #[test]
    #[should_panic(
        expected = "the JSON of `Large` can have 8193 UTF-16 units (16386 bytes), and a custom status holds at most 8192 UTF-16 \
                    units (16384 bytes); the greatest part is `b` with 5000 units: lower the bounds"
    )]
    fn one_unit_too_many_does_not_fit() {
        let parts = [("a", 3_000), ("b", 5_000), ("c", 5_000)];
        assert_parts_fit("Large", MAX_CUSTOM_STATUS_UNITS + 1, &parts);
    }

    #[test]
    #[should_panic(
        expected = "`Small` has at most 8192 UTF-16 units (16384 bytes) and always fits"
    )]
    fn a_word_that_is_not_needed_is_refused() {
        assert_unbounded("Small", MAX_CUSTOM_STATUS_UNITS);
    }

    #[test]
    #[should_panic(expected = "the custom status type `u8` breaks its bound")]
    fn a_bound_that_does_not_hold_is_noticed() {
        <() as Published>::of::<u8>(Err(CustomStatusError::TooLarge {
            actual: 16_386,
            limit: MAX_CUSTOM_STATUS_BYTES,
        }));
    }
}
