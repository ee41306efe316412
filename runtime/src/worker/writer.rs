//! Group commit: everything that waits goes into one transaction.
//!
//! The writer never waits for more: while one transaction is on its way to the disk the next batch gathers by itself, so batches
//! grow with the load and a lone write has the disk to itself.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::store::{StoreError, StoreErrorKind, Write, WriteResult};

/// A bound on one transaction, so that an acknowledgement does not wait for a whole flood.
pub(crate) const MAX_BATCH: usize = 2_048;

/// Where writes come from: a thread of a shard, by its number among those that the shard has had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) shard: usize,
    pub(crate) generation: u64,
}

/// The queue of writes, in order of arrival.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    origins: VecDeque<Origin>,
    writes: VecDeque<Write>,
}

/// The answer for the oldest unanswered write from there.
pub(crate) type Answer = (Origin, Result<WriteResult, Arc<StoreError>>);

/// One transaction.
#[derive(Debug)]
pub(crate) struct Batch {
    origins: Vec<Origin>,
    pub(crate) writes: Vec<Write>,
}

impl Writer {
    pub(crate) fn push(&mut self, origin: Origin, write: Write) {
        self.origins.push_back(origin);
        self.writes.push_back(write);
    }

    /// Forgets what comes from where nothing is taken from any more, unless it is far behind.
    pub(crate) fn retain(&mut self, is_taken: impl Fn(Origin) -> bool) {
        let mut next = self.origins.iter().take(MAX_BATCH);
        if next.all(|origin| is_taken(*origin)) {
            return;
        }
        let all = self.origins.drain(..).zip(self.writes.drain(..));
        let kept: Vec<_> = all.filter(|(origin, _)| is_taken(*origin)).collect();
        (self.origins, self.writes) = kept.into_iter().unzip();
    }

    /// How many writes wait.
    pub(crate) fn len(&self) -> usize {
        self.writes.len()
    }

    /// The next transaction of at most so many writes, when anything waits.
    pub(crate) fn next_batch(&mut self, limit: usize) -> Option<Batch> {
        let count = self.writes.len().min(limit);
        (count > 0).then(|| Batch {
            origins: self.origins.drain(..count).collect(),
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
                .origins
                .into_iter()
                .zip(results.into_iter().map(Ok))
                .collect(),
            Err(error) => {
                let error = Arc::new(error);
                self.origins
                    .into_iter()
                    .map(|origin| (origin, Err(Arc::clone(&error))))
                    .collect()
            }
        }
    }
}
