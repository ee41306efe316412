//! Guids and random numbers that are the same on every replay.
//!
//! Both derive from the execution id. The algorithms are fixed for ever: changing one would change what running executions
//! compute on replay.

use uuid::Uuid;

use crate::model::instance::ExecutionId;

#[derive(Clone, Debug)]
pub(crate) struct Random {
    execution: ExecutionId,
    guids: u64,
    state: u64,
}

impl Random {
    pub(super) const fn new(execution: ExecutionId) -> Self {
        let bits = execution.as_u128();
        Self {
            execution,
            guids: 0,
            state: (bits >> 64) as u64 ^ bits as u64,
        }
    }

    /// For choices that belong to no execution.
    #[cfg(feature = "testing")]
    pub(crate) const fn of_seed(seed: u64) -> Self {
        Self::new(ExecutionId::from_u128(seed as u128))
    }

    /// A name-based guid (RFC 9562, version 5): the namespace is the execution, the name a counter.
    pub(super) fn guid(&mut self) -> Uuid {
        self.guids += 1;
        Uuid::new_v5(
            &Uuid::from_u128(self.execution.as_u128()),
            &self.guids.to_be_bytes(),
        )
    }

    /// The next of the SplitMix64 sequence (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
    pub(crate) const fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

/// How much of a policy's jitter applies behind this action, from 0 up to and without 1.
pub(super) fn jitter(execution: ExecutionId, action: i32) -> f64 {
    let mut random = Random::new(execution);
    random.state ^= u64::from(action.cast_unsigned()) << 32;
    // 53 bits are what an f64 holds exactly.
    (random.next() >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_are_fixed_for_ever() {
        let mut random = Random::new(ExecutionId::from_u128(0));
        assert_eq!(
            [random.next(), random.next()],
            [0xe220_a839_7b1d_cdaf, 0x6e78_9e6a_a1b9_65f4]
        );
        assert_eq!(
            random.guid().to_string(),
            "a4fa647d-efa2-51e1-b720-c856fd893973"
        );
    }

    #[test]
    fn jitter_is_spread_and_fixed_for_ever() {
        let execution = ExecutionId::from_u128(7);
        let parts: Vec<_> = (0..1_000).map(|id| jitter(execution, id)).collect();
        assert!(parts.iter().all(|part| (0.0..1.0).contains(part)));
        let mean = parts.iter().sum::<f64>() / 1_000.0;
        assert!((0.45..0.55).contains(&mean), "{mean}");
        assert_ne!(jitter(ExecutionId::from_u128(8), 0), parts[0]);
        assert_eq!(parts[0].to_bits(), jitter(execution, 0).to_bits());
    }

    #[test]
    fn executions_differ() {
        let [mut one, mut two] = [1, 2].map(|bits| Random::new(ExecutionId::from_u128(bits)));
        assert_ne!(one.next(), two.next());
        assert_ne!(one.guid(), two.guid());
        assert_ne!(one.guid(), one.guid());
    }
}
