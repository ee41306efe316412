//! Types whose JSON has a greatest length, and the arithmetic of such lengths. It saturates: what is beyond the calculable
//! does not fit either.

use serde::Serialize;

/// A type whose JSON has a greatest length, which is known at compile time: what a custom status is made of.
///
/// Derived by [`#[derive(CustomStatus)]`](derive@crate::CustomStatus). These have it too:
///
/// | | |
/// | --- | --- |
/// | numbers | integers of every size, `f32` and `f64`, `NonZero`, `Wrapping`, `Saturating` |
/// | texts | [`BoundedStr<N>`](crate::BoundedStr), `char`, [`Uuid`](crate::Uuid), [`Timestamp`](crate::Timestamp) |
/// | lists | [`BoundedVec<T, N>`](crate::BoundedVec), `[T; N]` up to 32 items, as in serde, tuples up to 16 |
/// | others | `bool`, `()`, `Duration`, `PhantomData`, `Option`, `Result`, `Box`, `Reverse` and references of such types |
///
/// ```
/// use steadfast::{BoundedJson, BoundedStr};
///
/// assert_eq!(u8::MAX_UNITS, "255".len());
/// assert_eq!(<[bool; 2]>::MAX_UNITS, "[false,false]".len());
/// assert_eq!(BoundedStr::<10>::MAX_UNITS, 62); // each of the ten may be written as \u0000
/// ```
///
/// It can be implemented by hand, for a `Serialize` that is written by hand. A value that is longer after all is noticed when it is
/// published, and fails the instance.
#[diagnostic::on_unimplemented(
    message = "the JSON of `{Self}` has no greatest length, so it may not fit into a custom status",
    label = "its length is not bounded by the type",
    note = "write `BoundedStr<N>` for text of at most N characters, `BoundedVec<T, N>` for a list of at most N items, and derive \
            `CustomStatus` for your own types",
    note = "or write `#[custom_status(unbounded)]` on the field that holds it: setting the status then returns a `Result`",
    note = "or take `OrchestrationContext` without a type parameter, which checks the size at each call"
)]
pub trait BoundedJson: Serialize {
    /// The greatest number of UTF-16 code units of its compact JSON text.
    const MAX_UNITS: usize;
}

/// A type whose JSON is a bounded object, so that serde can put its entries into another object: under `#[serde(flatten)]`, and
/// as the content of a variant in an enum with `#[serde(tag = "..")]`.
///
/// Derived together with [`BoundedJson`] for structs with named fields and for enums with a `tag`.
#[diagnostic::on_unimplemented(
    message = "the JSON of `{Self}` is not certain to be an object of bounded length",
    label = "serde puts the entries of this object into the one around it",
    note = "derive `CustomStatus` for it: for a struct with named fields, or an enum with `#[serde(tag = \"..\")]`",
    note = "or write `#[custom_status(unbounded)]` on the field that holds it: setting the status then returns a `Result`"
)]
pub trait BoundedObject: BoundedJson {
    /// The same without the braces.
    #[doc(hidden)]
    const MAX_INNER_UNITS: usize = Self::MAX_UNITS.saturating_sub("{}".len());
}

/// The units of a JSON array or object of so many entries, which have so many units together.
pub(super) const fn sequence(entries: usize, units: usize) -> usize {
    let commas = entries.saturating_sub(1);
    units.saturating_add(commas).saturating_add("[]".len())
}

/// The units of a JSON array or object of these entries, each a name for messages and its units.
#[must_use]
pub const fn list(entries: &[(&str, usize)]) -> usize {
    let (mut units, mut rest) = (0_usize, entries);
    while let [(_, first), others @ ..] = rest {
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

/// The greatest of these alternatives, each a name for messages and its units.
#[must_use]
pub const fn greatest(alternatives: &[(&str, usize)]) -> usize {
    let (mut units, mut rest) = (0, alternatives);
    while let [(_, first), others @ ..] = rest {
        units = if *first > units { *first } else { units };
        rest = others;
    }
    units
}
