//! Group commit: everything that waits goes into one transaction.
//!
//! The writer never waits for more: while one transaction is on its way to the disk the next batch gathers by itself, so batches
//! grow with the load and a lone write has the disk to itself.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::store::{StoreError, StoreErrorKind, Write, WriteResult};

/// A bound on one transaction, so that an acknowledgement does not wait for a whole flood.
pub(crate) const MAX_BATCH: usize = 2_048;

/// The queue of writes, in order of arrival.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    shards: VecDeque<usize>,
    writes: VecDeque<Write>,
}

/// The answer for one shard's oldest unanswered write.
pub(crate) type Answer = (usize, Result<WriteResult, Arc<StoreError>>);

/// One transaction.
#[derive(Debug)]
pub(crate) struct Batch {
    shards: Vec<usize>,
    pub(crate) writes: Vec<Write>,
}

impl Writer {
    pub(crate) fn push(&mut self, shard: usize, write: Write) {
        self.shards.push_back(shard);
        self.writes.push_back(write);
    }

    /// How many writes wait.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn len(&self) -> usize {
        self.writes.len()
    }

    /// The next transaction of at most so many writes, when anything waits.
    pub(crate) fn next_batch(&mut self, limit: usize) -> Option<Batch> {
        let count = self.writes.len().min(limit);
        (count > 0).then(|| Batch {
            shards: self.shards.drain(..count).collect(),
            writes: self.writes.drain(..count).collect(),
        })
    }
}

impl Batch {
    /// The answers that the store's answer means, in order. A store that does not answer every write is not believed.
    pub(crate) fn answers(self, result: Result<Vec<WriteResult>, StoreError>) -> Vec<Answer> {
        let result = result.and_then(|results| {
            let (answers, writes) = (results.len(), self.writes.len());
            let message = || format!("the store gave {answers} answers to {writes} writes");
            if answers == writes {
                Ok(results)
            } else {
                Err(StoreError::new(StoreErrorKind::Unavailable, message()))
            }
        });
        match result {
            Ok(results) => self
                .shards
                .into_iter()
                .zip(results.into_iter().map(Ok))
                .collect(),
            Err(error) => {
                let error = Arc::new(error);
                self.shards
                    .into_iter()
                    .map(|shard| (shard, Err(Arc::clone(&error))))
                    .collect()
            }
        }
    }
}
