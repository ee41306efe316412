//! Types whose JSON has a greatest length, so that publishing them as custom status cannot fail.

use serde::Serialize;

use crate::limits::MAX_CUSTOM_STATUS_UNITS;

/// A type that is certain to fit into a custom status: its longest JSON is known at compile time.
///
/// Derived by `#[derive(CustomStatus)]` for structs and enums whose parts implement it: numbers, `bool`, `char`,
/// [`BoundedStr`](crate::BoundedStr), options, arrays and tuples of them, and other derived types. The derive also checks
/// that the length is within the limit of 8,192 UTF-16 units (16 KB).
///
/// ```
/// use steadfast::{BoundedStr, StatusType};
///
/// assert_eq!(u8::MAX_UTF16_UNITS, "255".len());
/// assert_eq!(<[bool; 2]>::MAX_UTF16_UNITS, "[false,false]".len());
/// assert_eq!(BoundedStr::<10>::MAX_UTF16_UNITS, 62); // each of the ten may be written as \u0000
/// ```
#[diagnostic::on_unimplemented(
    message = "the JSON of `{Self}` has no greatest length, so it may not fit into a custom status",
    label = "its length is not bounded by the type",
    note = "write `BoundedStr<N>` for text of at most N characters instead of `String`, `[T; N]` or `Option<T>` instead of a \
            collection, and derive `CustomStatus` for your own types",
    note = "or take `OrchestrationContext` without a type parameter: the size is then checked at each call"
)]
pub trait StatusType: Serialize {
    /// The greatest number of UTF-16 code units of its compact JSON text.
    const MAX_UTF16_UNITS: usize;
}

/// `null`.
const NULL: usize = 4;

macro_rules! longest {
    ($($longest:literal: $($type:ty)*;)*) => {$($(
        impl StatusType for $type {
            const MAX_UTF16_UNITS: usize = $longest.len();
        }
    )*)*};
}

longest! {
    "false": bool;
    "null": ();
    "255": u8;
    "-128": i8;
    "65535": u16;
    "-32768": i16;
    "4294967295": u32;
    "-2147483648": i32;
    "18446744073709551615": u64 usize;
    "-9223372036854775808": i64 isize;
    "340282366920938463463374607431768211455": u128;
    "-170141183460469231731687303715884105728": i128;
    "\"\\u0000\"": char;
    // Shortest form that reads back as the same number, without an exponent down to 0.00001. Not a number is `null`.
    "-0.0000123456789": f32;
    "-1.2345678901234567e-308": f64;
}

impl<T: StatusType> StatusType for Option<T> {
    const MAX_UTF16_UNITS: usize = if T::MAX_UTF16_UNITS > NULL {
        T::MAX_UTF16_UNITS
    } else {
        NULL
    };
}

impl<T: StatusType + ?Sized> StatusType for &T {
    const MAX_UTF16_UNITS: usize = T::MAX_UTF16_UNITS;
}

impl<T: StatusType + ?Sized> StatusType for Box<T> {
    const MAX_UTF16_UNITS: usize = T::MAX_UTF16_UNITS;
}

impl<T: StatusType, const N: usize> StatusType for [T; N]
where
    Self: Serialize,
{
    const MAX_UTF16_UNITS: usize = sequence(N, N.saturating_mul(T::MAX_UTF16_UNITS));
}

macro_rules! tuples {
    ($first:ident $($rest:ident)*) => {
        impl<$first: StatusType, $($rest: StatusType),*> StatusType for ($first, $($rest,)*) {
            const MAX_UTF16_UNITS: usize = list(&[$first::MAX_UTF16_UNITS, $($rest::MAX_UTF16_UNITS),*]);
        }
        tuples!($($rest)*);
    };
    () => {};
}

tuples!(A B C D E F G H I J K L);

/// The units of a JSON array or object of so many entries, which have so many units together.
const fn sequence(entries: usize, units: usize) -> usize {
    let commas = entries.saturating_sub(1);
    units.saturating_add(commas).saturating_add("[]".len())
}

/// The units of a JSON array or object of entries of these units.
#[must_use]
pub const fn list(entries: &[usize]) -> usize {
    let (mut units, mut rest) = (0_usize, entries);
    while let [first, others @ ..] = rest {
        units = units.saturating_add(*first);
        rest = others;
    }
    sequence(entries.len(), units)
}

/// The units of what is around a value, and of the value.
#[must_use]
pub const fn plus(around: usize, value: usize) -> usize {
    around.saturating_add(value)
}

/// The greatest of these.
#[must_use]
pub const fn greatest(alternatives: &[usize]) -> usize {
    let (mut units, mut rest) = (0, alternatives);
    while let [first, others @ ..] = rest {
        units = if *first > units { *first } else { units };
        rest = others;
    }
    units
}

/// Fails to compile when a status type of this name and length does not fit.
///
/// # Panics
///
/// When `units` is greater than the limit.
#[track_caller]
pub const fn assert_fits(name: &str, units: usize) {
    if units > MAX_CUSTOM_STATUS_UNITS {
        let message = Message::new()
            .text("the JSON of `")
            .text(name)
            .text("` can have ")
            .number(units)
            .text(" UTF-16 units, and a custom status holds at most ")
            .number(MAX_CUSTOM_STATUS_UNITS)
            .text(" (16 KB): lower the bounds of its texts and arrays, or publish a reference to the data");
        panic!("{}", message.as_str());
    }
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

    const fn as_str(&self) -> &str {
        match str::from_utf8(self.bytes.split_at(self.len).0) {
            Ok(text) => text,
            Err(_) => "the custom status may not fit",
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::bounded::BoundedStr;
    use crate::model::custom_status::utf16_units;

    fn units<T: Serialize>(value: &T) -> usize {
        utf16_units(&serde_json::to_string(value).unwrap())
    }

    #[track_caller]
    fn is_exact<T: StatusType>(longest: T) {
        assert_eq!(units(&longest), T::MAX_UTF16_UNITS);
    }

    #[test]
    fn bounds_are_reached() {
        is_exact(false);
        is_exact(());
        is_exact((u8::MAX, u16::MAX, u32::MAX, u64::MAX, u128::MAX, usize::MAX));
        is_exact((i8::MIN, i16::MIN, i32::MIN, i64::MIN, i128::MIN, isize::MIN));
        is_exact('\0');
        is_exact(-1.234_567_890_123_456_7e-308_f64);
        is_exact(Some(12_345_u16));
        is_exact(None::<u8>);
        is_exact([i8::MIN; 3]);
        is_exact([0_u8; 0]);
        is_exact((-1_i8 - 127,));
        is_exact(Box::new(&[false; 32]));
        is_exact(BoundedStr::<3>::new("\0\0\0").unwrap());
        is_exact(BoundedStr::<0>::new("").unwrap());
    }

    proptest! {
        #[test]
        fn no_value_is_longer_than_its_bound(
            double in any::<f64>(),
            bits in any::<u32>(),
            character in any::<char>(),
            text in prop::collection::vec(any::<char>(), 0..20),
        ) {
            let float = f32::from_bits(bits);
            prop_assert!(units(&double) <= f64::MAX_UTF16_UNITS);
            prop_assert!(units(&float) <= f32::MAX_UTF16_UNITS, "{float}");
            prop_assert!(units(&character) <= char::MAX_UTF16_UNITS);
            let text = BoundedStr::<16>::truncated(text.into_iter().collect::<String>());
            prop_assert!(units(&text) <= BoundedStr::<16>::MAX_UTF16_UNITS);
            let all = (Some(float), [double; 2], character, Box::new(text));
            prop_assert!(units(&all) <= <(Option<f32>, [f64; 2], char, Box<BoundedStr<16>>)>::MAX_UTF16_UNITS);
        }

        #[test]
        fn small_floats_are_within_their_bound(digits in any::<u32>(), exponent in -12_i32..0) {
            #[allow(clippy::cast_precision_loss, reason = "any value will do")]
            let float = -(digits as f32) * 10_f32.powi(exponent);
            prop_assert!(units(&float) <= f32::MAX_UTF16_UNITS, "{float}");
            prop_assert!(units(&f64::from(float)) <= f64::MAX_UTF16_UNITS, "{float}");
            let double = -f64::from(digits) / 3.0 * 10_f64.powi(exponent);
            prop_assert!(units(&double) <= f64::MAX_UTF16_UNITS, "{double}");
        }
    }

    #[test]
    fn messages_are_put_together() {
        let message = Message::new()
            .text("a")
            .number(0)
            .text(" ")
            .number(16_384)
            .text(&"x".repeat(600));
        assert!(message.as_str().starts_with("a0 16384xxx"));
        assert_eq!(message.as_str().len(), 512);
        assert_fits("Small", MAX_CUSTOM_STATUS_UNITS);
    }

    #[test]
    #[should_panic(
        expected = "the JSON of `Large` can have 8193 UTF-16 units, and a custom status holds at most 8192"
    )]
    fn one_unit_too_many_does_not_fit() {
        assert_fits("Large", MAX_CUSTOM_STATUS_UNITS + 1);
    }
}
