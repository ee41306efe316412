//! Choices that a seed repeats.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

/// SplitMix64: the same numbers for the same seed.
#[derive(Debug)]
pub struct Random(u64);

impl Random {
    /// Numbers that follow from the variable of the environment, or from chance when it is not set. Prints which.
    #[must_use]
    pub fn seeded_by(variable: &str) -> Self {
        let seed = setting(variable).unwrap_or_else(|| RandomState::new().build_hasher().finish());
        println!("{variable}={seed}");
        Self(seed)
    }

    /// The next number below a bound.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % bound
    }
}

/// The number in a variable of the environment.
#[must_use]
pub fn setting(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    Some(
        value
            .parse()
            .unwrap_or_else(|_| panic!("{name}={value} is not a number")),
    )
}
