//! Asks of a type whether it is bounded, without requiring it.

use std::marker::PhantomData;

use serde::Serialize;

use super::json::{BoundedJson, BoundedObject};

/// What is known of a type. A constant of the type itself is found before one of a trait, so that `Known::<T>::MAX_UNITS` is that
/// of a bounded `T`, and the one of [`Unknown`] for any other. It works on concrete types only, which is what a derive has.
#[derive(Debug)]
pub struct Known<T: ?Sized>(PhantomData<T>);

impl<T: BoundedJson + ?Sized> Known<T> {
    /// Its greatest number of units.
    pub const MAX_UNITS: usize = T::MAX_UNITS;
}

impl<T: BoundedObject + ?Sized> Known<T> {
    /// The same without the braces.
    pub const MAX_INNER_UNITS: usize = T::MAX_INNER_UNITS;
}

impl<T: Serialize + ?Sized> Known<T> {
    /// Whether it has JSON.
    pub const IS_SERIALIZE: bool = true;
}

/// What holds of a type of which nothing is known.
pub trait Unknown {
    /// There is no greatest number.
    const MAX_UNITS: usize = usize::MAX;
    /// There is no greatest number.
    const MAX_INNER_UNITS: usize = usize::MAX;
    /// It has no JSON.
    const IS_SERIALIZE: bool = false;
}

impl<T: ?Sized> Unknown for Known<T> {}

#[cfg(test)]
mod tests {
    use super::*;

    struct Opaque;

    #[test]
    fn what_a_type_has_is_found_before_what_holds_of_any() {
        assert_eq!(Known::<u8>::MAX_UNITS, 3);
        assert_eq!(Known::<String>::MAX_UNITS, usize::MAX);
        assert_eq!(Known::<u8>::MAX_INNER_UNITS, usize::MAX);
        assert_eq!(
            (Known::<String>::IS_SERIALIZE, Known::<Opaque>::IS_SERIALIZE),
            (true, false)
        );
    }
}
