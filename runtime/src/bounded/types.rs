//! The bounds of numbers, and of the types of the standard library and of others that a status is made of.

use std::cmp::Reverse;
use std::marker::PhantomData;
use std::num::{
    NonZeroI8, NonZeroI16, NonZeroI32, NonZeroI64, NonZeroI128, NonZeroIsize, NonZeroU8,
    NonZeroU16, NonZeroU32, NonZeroU64, NonZeroU128, NonZeroUsize, Saturating, Wrapping,
};
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::json::{BoundedJson, list, plus, sequence};

/// The length of `null`.
const NULL: usize = 4;

macro_rules! longest {
    ($($longest:literal: $($type:ty)*;)*) => {$($(
        impl BoundedJson for $type {
            const MAX_UNITS: usize = $longest.len();
        }
    )*)*};
}

longest! {
    "false": bool;
    "null": ();
    "255": u8 NonZeroU8;
    "-128": i8 NonZeroI8;
    "65535": u16 NonZeroU16;
    "-32768": i16 NonZeroI16;
    "4294967295": u32 NonZeroU32;
    "-2147483648": i32 NonZeroI32;
    "18446744073709551615": u64 usize NonZeroU64 NonZeroUsize;
    "-9223372036854775808": i64 isize NonZeroI64 NonZeroIsize;
    "340282366920938463463374607431768211455": u128 NonZeroU128;
    "-170141183460469231731687303715884105728": i128 NonZeroI128;
    "\"\\u0000\"": char;
    // Shortest form that reads back as the same number, without an exponent down to 0.00001. Not a number is `null`.
    "-0.0000123456789": f32;
    "-1.2345678901234567e-308": f64;
    "\"01234567-89ab-cdef-0123-456789abcdef\"": Uuid;
    "\"-009999-01-02T01:59:59.123456789Z\"": Timestamp;
    "{\"secs\":18446744073709551615,\"nanos\":999999999}": Duration;
}

impl<T: ?Sized> BoundedJson for PhantomData<T> {
    const MAX_UNITS: usize = NULL;
}

impl<T: BoundedJson> BoundedJson for Option<T> {
    const MAX_UNITS: usize = if T::MAX_UNITS > NULL {
        T::MAX_UNITS
    } else {
        NULL
    };
}

impl<T: BoundedJson, E: BoundedJson> BoundedJson for Result<T, E> {
    const MAX_UNITS: usize = {
        let (ok, err) = (
            plus("{\"Ok\":}".len(), T::MAX_UNITS),
            plus("{\"Err\":}".len(), E::MAX_UNITS),
        );
        if ok > err { ok } else { err }
    };
}

/// Types that serde writes as what is in them.
macro_rules! as_their_content {
    ($($type:ty)*) => {$(
        impl<T: BoundedJson> BoundedJson for $type {
            const MAX_UNITS: usize = T::MAX_UNITS;
        }
    )*};
}

as_their_content!(&T Box<T> Reverse<T> Wrapping<T> Saturating<T>);

impl<T: BoundedJson, const N: usize> BoundedJson for [T; N]
where
    Self: Serialize,
{
    const MAX_UNITS: usize = sequence(N, N.saturating_mul(T::MAX_UNITS));
}

macro_rules! tuples {
    ($first:ident $($rest:ident)*) => {
        impl<$first: BoundedJson, $($rest: BoundedJson),*> BoundedJson for ($first, $($rest,)*) {
            const MAX_UNITS: usize = list(&[("", $first::MAX_UNITS), $(("", $rest::MAX_UNITS)),*]);
        }
        tuples!($($rest)*);
    };
    () => {};
}

tuples!(A B C D E F G H I J K L M N O P);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::bounded::{BoundedStr, BoundedVec};
    use crate::model::custom_status::utf16_units;

    fn units<T: Serialize>(value: &T) -> usize {
        utf16_units(&serde_json::to_string(value).unwrap())
    }

    #[track_caller]
    fn is_exact<T: BoundedJson>(longest: T) {
        assert_eq!(units(&longest), T::MAX_UNITS);
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
        is_exact(NonZeroI64::MIN);
        is_exact(Wrapping(Reverse(u8::MAX)));
        is_exact(PhantomData::<str>);
        is_exact(Ok::<u32, u8>(u32::MAX));
        is_exact(Err::<u8, u32>(u32::MAX));
        is_exact(Uuid::nil());
        is_exact(Timestamp::MIN + Duration::from_nanos(1));
        is_exact(Duration::MAX);
        is_exact(BoundedVec::<u8, 3>::new([255; 3]).unwrap());
        is_exact(BoundedVec::<u8, 0>::default());
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
            prop_assert!(units(&double) <= f64::MAX_UNITS);
            prop_assert!(units(&float) <= f32::MAX_UNITS, "{float}");
            prop_assert!(units(&character) <= char::MAX_UNITS);
            let text = BoundedStr::<16>::truncated(text.into_iter().collect::<String>());
            prop_assert!(units(&text) <= BoundedStr::<16>::MAX_UNITS);
            let all = (Some(float), [double; 2], character, Box::new(text));
            prop_assert!(units(&all) <= <(Option<f32>, [f64; 2], char, Box<BoundedStr<16>>)>::MAX_UNITS);
        }

        #[test]
        fn small_floats_are_within_their_bound(digits in any::<u32>(), exponent in -12_i32..0) {
            #[allow(clippy::cast_precision_loss, reason = "any value will do")]
            let float = -(digits as f32) * 10_f32.powi(exponent);
            prop_assert!(units(&float) <= f32::MAX_UNITS, "{float}");
            prop_assert!(units(&f64::from(float)) <= f64::MAX_UNITS, "{float}");
            let double = -f64::from(digits) / 3.0 * 10_f64.powi(exponent);
            prop_assert!(units(&double) <= f64::MAX_UNITS, "{double}");
        }
    }
}
