//! New ids. The only source of randomness in the worker.

use std::fmt;

use crate::model::instance::ExecutionId;

/// Makes ids that were never made before.
pub(crate) trait Ids: fmt::Debug + Send + Sync + 'static {
    /// A new execution id. Its text also serves as a generated instance id.
    fn new_execution(&self) -> ExecutionId;
}

/// Random ids (UUID version 4).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RandomIds;

impl Ids for RandomIds {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that makes random ids"
    )]
    fn new_execution(&self) -> ExecutionId {
        ExecutionId::from_u128(uuid::Uuid::new_v4().as_u128())
    }
}

/// Ids that count, for tests that must be the same on every run.
#[cfg(feature = "testing")]
#[derive(Debug)]
pub(crate) struct CountingIds(std::sync::atomic::AtomicU64);

#[cfg(feature = "testing")]
impl CountingIds {
    /// Counts from this number.
    pub(crate) const fn starting_at(first: u64) -> Self {
        Self(std::sync::atomic::AtomicU64::new(first))
    }
}

#[cfg(feature = "testing")]
impl Ids for CountingIds {
    fn new_execution(&self) -> ExecutionId {
        let before = self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        ExecutionId::from_u128(u128::from(before) + 1)
    }
}
