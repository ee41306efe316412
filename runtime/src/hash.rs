//! Maps for what is looked up at every step.
//!
//! With the standard library's hasher, hashing took a seventh of the instructions of a small orchestration. This one is seeded at
//! random too. It is no defence against somebody who can choose keys and measure times; the keys are ids and small numbers.

use std::collections::HashMap;
#[cfg(feature = "local")]
use std::hash::{BuildHasher, Hash};

use foldhash::fast::RandomState;

/// A hash map for ids and keys.
pub(crate) type Map<K, V> = HashMap<K, V, RandomState>;

/// A hash that is the same for as long as the process lives.
#[cfg(feature = "local")]
pub(crate) fn hash_of(value: &impl Hash) -> u64 {
    foldhash::fast::FixedState::default().hash_one(value)
}
