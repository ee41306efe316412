//! A list of a bounded length.

use std::fmt;
use std::ops::{Deref, DerefMut};

use serde::{Deserialize, Deserializer, Serialize, de};

use super::json::{BoundedJson, sequence};

/// A list of at most `N` items, for fields of a custom status.
///
/// ```
/// use steadfast::BoundedVec;
///
/// let mut cities = BoundedVec::<&str, 2>::new(vec!["Tokyo"])?;
/// cities.try_push("Seattle")?;
/// assert!(cities.try_push("London").is_err());
/// assert_eq!(cities.len(), 2); // a `BoundedVec` is a slice
///
/// // Of a list that grows for ever, the last items.
/// cities.push_keep_last("London");
/// assert_eq!(cities, ["Seattle", "London"]);
/// # Ok::<(), steadfast::TooMany>(())
/// ```
///
/// It cannot be collected into: what becomes of the items that are too many is said by [`new`](Self::new), which refuses them, and by
/// [`truncated`](Self::truncated), which leaves them out.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct BoundedVec<T, const N: usize>(Vec<T>);

/// A list has more items than its type allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a list of {actual} items does not fit into {limit}")]
pub struct TooMany {
    actual: usize,
    limit: usize,
}

impl TooMany {
    /// How many items the list has.
    #[must_use]
    pub const fn actual(&self) -> usize {
        self.actual
    }

    /// How many items are allowed.
    #[must_use]
    pub const fn limit(&self) -> usize {
        self.limit
    }
}

impl<T, const N: usize> BoundedVec<T, N> {
    /// Takes a list that has at most `N` items.
    ///
    /// # Errors
    ///
    /// [`TooMany`] when it has more.
    pub fn new(items: impl Into<Vec<T>>) -> Result<Self, TooMany> {
        let items = items.into();
        match items.len() {
            actual if actual > N => Err(TooMany { actual, limit: N }),
            _ => Ok(Self(items)),
        }
    }

    /// Takes the first `N` items.
    #[must_use]
    pub fn truncated(items: impl IntoIterator<Item = T>) -> Self {
        Self(items.into_iter().take(N).collect())
    }

    /// Adds an item behind the others.
    ///
    /// # Errors
    ///
    /// [`TooMany`] when there are `N` already; the list stays as it is.
    pub fn try_push(&mut self, item: T) -> Result<(), TooMany> {
        if self.0.len() >= N {
            return Err(TooMany {
                actual: self.0.len() + 1,
                limit: N,
            });
        }
        self.0.push(item);
        Ok(())
    }

    /// Adds an item behind the others. When there are `N` already, the first one goes.
    pub fn push_keep_last(&mut self, item: T) {
        if N == 0 {
            return;
        }
        if self.0.len() >= N {
            self.0.remove(0);
        }
        self.0.push(item);
    }

    /// Removes all items.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// The items.
    #[must_use]
    pub fn as_slice(&self) -> &[T] {
        &self.0
    }
}

impl<T: BoundedJson, const N: usize> BoundedJson for BoundedVec<T, N> {
    const MAX_UNITS: usize = sequence(N, N.saturating_mul(T::MAX_UNITS));
}

impl<T, const N: usize> Default for BoundedVec<T, N> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T, const N: usize> Deref for BoundedVec<T, N> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T, const N: usize> DerefMut for BoundedVec<T, N> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.0
    }
}

impl<T: fmt::Debug, const N: usize> fmt::Debug for BoundedVec<T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl<T: PartialEq<U>, U, const N: usize> PartialEq<[U]> for BoundedVec<T, N> {
    fn eq(&self, other: &[U]) -> bool {
        self.0 == other
    }
}

impl<T: PartialEq<U>, U, const N: usize, const M: usize> PartialEq<[U; M]> for BoundedVec<T, N> {
    fn eq(&self, other: &[U; M]) -> bool {
        self.0 == other
    }
}

impl<T, const N: usize> TryFrom<Vec<T>> for BoundedVec<T, N> {
    type Error = TooMany;

    fn try_from(items: Vec<T>) -> Result<Self, TooMany> {
        Self::new(items)
    }
}

impl<T, const N: usize> From<BoundedVec<T, N>> for Vec<T> {
    fn from(items: BoundedVec<T, N>) -> Self {
        items.0
    }
}

impl<T, const N: usize> IntoIterator for BoundedVec<T, N> {
    type Item = T;
    type IntoIter = std::vec::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a, T, const N: usize> IntoIterator for &'a BoundedVec<T, N> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl<'de, T: Deserialize<'de>, const N: usize> Deserialize<'de> for BoundedVec<T, N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(Vec::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_is_refused_and_changes_nothing() {
        let error = BoundedVec::<u8, 2>::new([1, 2, 3]).unwrap_err();
        assert_eq!((error.actual(), error.limit()), (3, 2));
        assert_eq!(error.to_string(), "a list of 3 items does not fit into 2");
        let mut list = BoundedVec::<u8, 2>::new([1, 2]).unwrap();
        assert_eq!(list.try_push(3), Err(error));
        assert_eq!(list, [1, 2]);
        list.clear();
        assert_eq!(list.try_push(3), Ok(()));
        assert_eq!(list, [3]);
    }

    #[test]
    fn truncation_keeps_the_first_and_pushing_the_last() {
        let mut list = BoundedVec::<u8, 3>::truncated(1..);
        assert_eq!(list, [1, 2, 3]);
        list.push_keep_last(4);
        assert_eq!(list, [2, 3, 4]);
        assert_eq!(list.iter().sum::<u8>(), 9);
        let mut short = BoundedVec::<u8, 3>::default();
        short.push_keep_last(1);
        assert_eq!(short, [1]);
        let mut none = BoundedVec::<u8, 0>::truncated([1]);
        none.push_keep_last(1);
        assert!(none.is_empty());
    }

    #[test]
    fn what_is_read_is_checked() {
        let read = serde_json::from_str::<BoundedVec<u8, 2>>;
        assert_eq!(read("[1,2]").unwrap(), [1, 2]);
        let error = read("[1,2,3]").unwrap_err().to_string();
        assert!(
            error.starts_with("a list of 3 items does not fit into 2"),
            "{error}"
        );
        let list = BoundedVec::<u8, 2>::new([1, 2]).unwrap();
        assert_eq!(serde_json::to_string(&list).unwrap(), "[1,2]");
        assert_eq!(Vec::from(list), [1, 2]);
    }
}
