//! The bounds that `#[derive(CustomStatus)]` computes, against what serde writes: no value of a shape is longer than its bound, and
//! some value is exactly as long, or shorter by what the derive documents.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on shall panic")]

use std::fmt::Debug;
use std::marker::PhantomData;
use std::num::NonZeroU8;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde::Serialize;
use steadfast::{BoundedJson, BoundedStr, BoundedVec, CustomStatus, Timestamp, Uuid};

fn units<T: Serialize>(value: &T) -> usize {
    let json = serde_json::to_string(value).unwrap();
    json.encode_utf16().count()
}

/// No generated value is longer than the bound, and the longest comes as near to it as said.
#[track_caller]
fn is_bound<T: BoundedJson + Debug>(any: impl Strategy<Value = T>, longest: &T, slack: usize) {
    let json = serde_json::to_string(longest).unwrap();
    assert_eq!(units(longest) + slack, T::MAX_UNITS, "{json}");
    let checked = TestRunner::default().run(&any, |value| {
        prop_assert!(units(&value) <= T::MAX_UNITS);
        Ok(())
    });
    assert!(checked.is_ok(), "{checked:?}");
}

#[track_caller]
fn is_exact<T: BoundedJson + Debug + Clone>(longest: T) {
    is_bound(Just(longest.clone()), &longest, 0);
}

/// What is in most of the shapes.
#[derive(CustomStatus, Serialize, Clone, Debug)]
#[serde(rename_all = "camelCase")]
struct Leaf {
    small_number: u8,
    large_number: i128,
    ratio: f64,
    single: f32,
    letter: char,
    text: BoundedStr<4>,
    maybe: Option<i16>,
    list: BoundedVec<Option<bool>, 3>,
    pair: (NonZeroU8, [u16; 2]),
    result: Result<(), BoundedStr<2>>,
    #[serde(rename = "\"\u{1}é😀\u{ffff}\\")]
    renamed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    left_out: Option<u64>,
    #[serde(skip)]
    _skipped: Vec<String>,
}

fn single() -> impl Strategy<Value = f32> {
    let near_zero = any::<f32>().prop_map(|float| float.fract() / 10_000.0);
    prop_oneof![any::<u32>().prop_map(f32::from_bits), near_zero]
}

fn double() -> impl Strategy<Value = f64> {
    let near_zero = any::<f64>().prop_map(|float| float.fract() / 10_000.0);
    let extreme = prop::sample::select(vec![f64::MIN, f64::MIN_POSITIVE, 5e-324, f64::NAN, -0.0]);
    prop_oneof![any::<u64>().prop_map(f64::from_bits), near_zero, extreme]
}

/// Characters of all lengths: escapes, of one and of two units.
fn character() -> impl Strategy<Value = char> {
    let special = prop::sample::select(vec!['\0', '"', '\\', '\n', '\u{1f}', '\u{7f}', '한', '😀']);
    prop_oneof![special, any::<char>()]
}

fn text<const N: usize>() -> impl Strategy<Value = BoundedStr<N>> {
    prop::collection::vec(character(), 0..=N)
        .prop_map(|characters| BoundedStr::new(characters.into_iter().collect::<String>()).unwrap())
}

fn leaf() -> impl Strategy<Value = Leaf> {
    let numbers = (any::<u8>(), any::<i128>(), double(), single());
    let texts = (character(), text(), text());
    let others = (
        any::<Option<i16>>(),
        prop::collection::vec(any::<Option<bool>>(), 0..=3),
        (any::<NonZeroU8>(), any::<[u16; 2]>()),
        any::<bool>(),
        any::<Option<u64>>(),
    );
    (numbers, texts, others).prop_map(|(numbers, texts, others)| {
        let (small_number, large_number, ratio, single) = numbers;
        let (letter, text, reason) = texts;
        let (maybe, list, pair, renamed, left_out) = others;
        Leaf {
            small_number,
            large_number,
            ratio,
            single,
            letter,
            text,
            maybe,
            list: BoundedVec::new(list).unwrap(),
            pair,
            result: if renamed { Ok(()) } else { Err(reason) },
            renamed,
            left_out,
            _skipped: vec!["x".to_owned(); 9],
        }
    })
}

fn longest_single() -> f32 {
    let first = 1.2e-5_f32.to_bits();
    let floats = (first..first + 1_000).map(|bits| -f32::from_bits(bits));
    floats.max_by_key(units).unwrap()
}

fn longest_leaf() -> Leaf {
    Leaf {
        small_number: u8::MAX,
        large_number: i128::MIN,
        ratio: -1.234_567_890_123_456_7e-308,
        single: longest_single(),
        letter: '\0',
        text: BoundedStr::new("\0\0\0\0").unwrap(),
        maybe: Some(i16::MIN),
        list: BoundedVec::new([Some(false); 3]).unwrap(),
        pair: (NonZeroU8::MAX, [u16::MAX; 2]),
        result: Err(BoundedStr::new("\0\0").unwrap()),
        renamed: false,
        left_out: Some(u64::MAX),
        _skipped: vec!["x".to_owned(); 9],
    }
}

#[test]
fn a_struct_with_named_fields() {
    is_bound(leaf(), &longest_leaf(), 0);
}

/// Every kind of variant in one representation, each alone, so that each is reached; and all of them together.
macro_rules! representation {
    ($name:ident, $attribute:tt, { $($more:ident($($more_type:ty),*) = $more_any:expr, $more_longest:expr;)* }) => {
        mod $name {
            use super::*;

            #[derive(CustomStatus, Serialize, Clone, Debug)]
            #[serde $attribute]
            enum Unit { TheUnit }

            #[derive(CustomStatus, Serialize, Clone, Debug)]
            #[serde $attribute]
            enum Newtype { OfALeaf(Leaf) }

            #[derive(CustomStatus, Serialize, Clone, Debug)]
            #[serde $attribute]
            enum Named { WithFields { done_of: u8, #[serde(skip)] _note: String, leaf: Box<Leaf> } }

            #[derive(CustomStatus, Serialize, Clone, Debug)]
            #[serde $attribute]
            enum Empty { Nothing {} }

            #[derive(CustomStatus, Serialize, Clone, Debug)]
            #[serde $attribute]
            enum Skipped { Left(#[serde(skip)] String) }

            #[derive(CustomStatus, Serialize, Clone, Debug)]
            #[serde $attribute]
            enum Renamed { #[serde(rename = "\n\u{2}\"한😀")] A, #[serde(other)] B }

            #[derive(CustomStatus, Serialize, Clone, Debug)]
            #[serde $attribute]
            enum Mixed { Short, Long { leaf: Leaf }, #[serde(untagged)] Bare([u8; 2]) }

            $(
                #[derive(CustomStatus, Serialize, Clone, Debug)]
                #[serde $attribute]
                enum $more { OfThis($($more_type),*) }
            )*

            #[test]
            fn every_variant_is_bounded_and_reached() {
                is_exact(Unit::TheUnit);
                is_exact(Empty::Nothing {});
                is_exact(Skipped::Left("x".repeat(99)));
                is_bound(leaf().prop_map(Newtype::OfALeaf), &Newtype::OfALeaf(longest_leaf()), 0);
                let named = |(done_of, leaf)| Named::WithFields { done_of, leaf: Box::new(leaf), _note: "x".repeat(99) };
                is_bound((any::<u8>(), leaf()).prop_map(named), &named((255, longest_leaf())), 0);
                let renamed = prop_oneof![Just(Renamed::A), Just(Renamed::B)];
                is_bound(renamed, &Renamed::A, 0);
                let mixed = prop_oneof![
                    Just(Mixed::Short),
                    leaf().prop_map(|leaf| Mixed::Long { leaf }),
                    any::<[u8; 2]>().prop_map(Mixed::Bare),
                ];
                is_bound(mixed, &Mixed::Long { leaf: longest_leaf() }, 0);
                $(is_bound($more_any, &$more_longest, 0);)*
            }
        }
    };
}

representation!(external, (rename_all = "snake_case", rename_all_fields = "PascalCase"), {
    Tuple(Leaf, u8) = (leaf(), any::<u8>()).prop_map(|(a, b)| Tuple::OfThis(a, b)), Tuple::OfThis(longest_leaf(), 255);
    Nothing() = Just(Nothing::OfThis()), Nothing::OfThis();
    Number(Option<i64>) = any::<Option<i64>>().prop_map(Number::OfThis), Number::OfThis(Some(i64::MIN));
});

representation!(internal, (tag = "the \"kind\"", rename_all = "kebab-case"), {
    Inner(Inside) = any::<u8>().prop_map(|done| Inner::OfThis(Inside::Two { done })), Inner::OfThis(Inside::Two { done: 255 });
});

representation!(adjacent, (tag = "한", content = "\t", rename_all = "SCREAMING-KEBAB-CASE"), {
    Tuple(Leaf, u8) = (leaf(), any::<u8>()).prop_map(|(a, b)| Tuple::OfThis(a, b)), Tuple::OfThis(longest_leaf(), 255);
    Nothing() = Just(Nothing::OfThis()), Nothing::OfThis();
    Number(Option<i64>) = any::<Option<i64>>().prop_map(Number::OfThis), Number::OfThis(Some(i64::MIN));
});

/// The content of a variant with a tag may be an enum with one itself.
#[derive(CustomStatus, Serialize, Clone, Debug)]
#[serde(tag = "inside")]
enum Inside {
    One,
    Two { done: u8 },
}

#[derive(CustomStatus, Serialize, Clone, Debug)]
#[serde(untagged)]
enum Untagged {
    Unit,
    Number(u8),
    Tuple(bool, char),
    Named { leaf: Leaf },
}

#[test]
fn an_untagged_enum() {
    let any = prop_oneof![
        Just(Untagged::Unit),
        any::<u8>().prop_map(Untagged::Number),
        (any::<bool>(), character()).prop_map(|(a, b)| Untagged::Tuple(a, b)),
        leaf().prop_map(|leaf| Untagged::Named { leaf }),
    ];
    is_bound(
        any,
        &Untagged::Named {
            leaf: longest_leaf(),
        },
        0,
    );
}

#[derive(CustomStatus, Serialize, Clone, Debug)]
struct Unit;

#[derive(CustomStatus, Serialize, Clone, Debug)]
#[allow(dead_code, reason = "serde leaves one of them out")]
struct Tuple(Leaf, #[serde(skip)] String, u8);

#[derive(CustomStatus, Serialize, Clone, Debug)]
struct Newtype(Leaf);

/// Of a newtype serde ignores `skip`.
#[derive(CustomStatus, Serialize, Clone, Debug)]
struct NewtypeSkipped(#[serde(skip)] u8);

#[derive(CustomStatus, Serialize, Clone, Debug)]
#[serde(transparent)]
struct Transparent {
    leaf: Leaf,
    #[serde(skip)]
    _note: String,
    kind: PhantomData<String>,
}

#[derive(CustomStatus, Serialize, Clone, Debug)]
#[serde(tag = "type", rename = "a \"name\"")]
struct Tagged {
    done: u8,
}

#[derive(CustomStatus, Serialize, Clone, Debug)]
struct Nothing {}

#[test]
fn structs_of_every_kind() {
    is_exact(Unit);
    is_exact(Nothing {});
    is_exact(NewtypeSkipped(255));
    is_exact(Tagged { done: 255 });
    let tuple = |(leaf, small)| Tuple(leaf, "x".repeat(99), small);
    is_bound(
        (leaf(), any::<u8>()).prop_map(tuple),
        &tuple((longest_leaf(), 255)),
        0,
    );
    is_bound(leaf().prop_map(Newtype), &Newtype(longest_leaf()), 0);
    let transparent = |leaf| Transparent {
        leaf,
        _note: "x".repeat(99),
        kind: PhantomData,
    };
    is_bound(
        leaf().prop_map(transparent),
        &transparent(longest_leaf()),
        0,
    );
}

#[derive(CustomStatus, Serialize, Clone, Debug)]
struct Flattened {
    #[serde(flatten)]
    leaf: Leaf,
    done: u8,
    #[serde(flatten)]
    step: Inside,
}

#[derive(CustomStatus, Serialize, Clone, Debug)]
struct FlattenedNothing {
    done: u8,
    #[serde(flatten)]
    nothing: Nothing,
}

#[test]
fn flattened_objects() {
    let flattened = |(leaf, step)| Flattened {
        leaf,
        done: 255,
        step,
    };
    let two = any::<u8>().prop_map(|done| Inside::Two { done });
    let step = prop_oneof![Just(Inside::One), two];
    let any = (leaf(), step).prop_map(flattened);
    let longest = flattened((longest_leaf(), Inside::Two { done: 255 }));
    is_bound(any, &longest, 0);
    // An empty object counts a comma.
    let nothing = FlattenedNothing {
        done: 255,
        nothing: Nothing {},
    };
    is_bound(Just(nothing.clone()), &nothing, 1);
}

/// The rules for names, on variants and on fields.
macro_rules! cases {
    ($($name:ident = $case:literal)*) => {$(
        mod $name {
            use super::*;

            #[derive(CustomStatus, Serialize, Clone, Debug)]
            #[serde(rename_all = $case)]
            enum Variant { InTokyoNow }

            #[derive(CustomStatus, Serialize, Clone, Debug)]
            #[serde(rename_all_fields = $case)]
            enum Fields { A { cities_done_: u8, _of: u8, r#type: u8 } }

            #[derive(CustomStatus, Serialize, Clone, Debug)]
            enum Own { #[serde(rename_all = $case)] A { cities_done_: u8 } }

            #[test]
            fn names_have_the_length_that_serde_gives_them() {
                is_exact(Variant::InTokyoNow);
                is_exact(Fields::A { cities_done_: 255, _of: 255, r#type: 255 });
                is_exact(Own::A { cities_done_: 255 });
            }
        }
    )*};
}

cases! {
    lower = "lowercase"
    upper = "UPPERCASE"
    pascal = "PascalCase"
    camel = "camelCase"
    snake = "snake_case"
    screaming_snake = "SCREAMING_SNAKE_CASE"
    kebab = "kebab-case"
    screaming_kebab = "SCREAMING-KEBAB-CASE"
}

#[derive(CustomStatus, Serialize, Clone, Debug)]
struct Times {
    at: Timestamp,
    took: Duration,
    id: Uuid,
}

#[test]
fn times_and_ids() {
    let (first, last) = (
        Timestamp::MIN.as_nanosecond(),
        Timestamp::MAX.as_nanosecond(),
    );
    let times = |(at, took, id)| Times {
        at: Timestamp::from_nanosecond(at).unwrap(),
        took,
        id: Uuid::from_u128(id),
    };
    let any = (first..=last, any::<Duration>(), any::<u128>()).prop_map(times);
    is_bound(any, &times((first + 1, Duration::MAX, 0)), 0);
}

/// Names for reading in keys of their own.
#[derive(CustomStatus, Serialize, Clone, Debug)]
#[serde(
    rename_all(serialize = "snake_case"),
    rename_all(deserialize = "lowercase")
)]
enum ReadByOtherNames {
    #[serde(
        rename_all(serialize = "camelCase"),
        rename_all(deserialize = "lowercase")
    )]
    AbCdEfGh {
        #[serde(rename(serialize = "a much longer name"), rename(deserialize = "b"))]
        renamed: u8,
        other_field: u8,
    },
}

#[test]
fn a_name_for_reading_does_not_hide_the_one_for_writing() {
    is_exact(ReadByOtherNames::AbCdEfGh {
        renamed: 255,
        other_field: 255,
    });
}
