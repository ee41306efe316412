//! Group commit: everything that waits goes into one transaction.
//!
//! The writer never waits for more: while one transaction is on its way to the disk the next batch gathers by itself, so batches
//! grow with the load and a lone write has the disk to itself.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::hash::Map;
use crate::model::instance::Incarnation;
use crate::store::{Refused, StoreError, StoreErrorKind, Write, WriteResult};

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

/// What a store says of a transaction.
type Answered = Result<Vec<WriteResult>, StoreError>;

/// One transaction.
#[derive(Debug)]
pub(crate) struct Batch {
    origins: Vec<Origin>,
    writes: Vec<Write>,
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
    /// Commits it, and gives the answers in order.
    ///
    /// What one write finds damaged, or holds that cannot be encoded, fails no other: they are tried again in two halves, so that the rest
    /// goes on.
    pub(crate) fn commit(self, store: &mut dyn FnMut(&[Write]) -> Answered) -> Vec<Answer> {
        let result = store(&self.writes);
        let is_of_one = matches!(&result, Err(error) if error.is_of_one_write());
        if is_of_one && self.writes.len() > 1 {
            let [first, second] = self.halves();
            let (before, behind) = (first.instances(), second.instances());
            let mut answers = first.commit(store);
            let failed: Map<_, _> = before
                .into_iter()
                .zip(&answers)
                .filter_map(|(instance, (_, answer))| {
                    Some((instance?, answer.as_ref().err()?.clone()))
                })
                .collect();
            let second = second.commit(store).into_iter().zip(behind);
            answers.extend(second.map(|((origin, answer), instance)| {
                let failed = instance.and_then(|instance| failed.get(&instance));
                match (answer, failed) {
                    // What builds on a write that failed fails with it, and not because its instance is gone.
                    (Ok(Err(Refused::Stale)), Some(error)) => (origin, Err(Arc::clone(error))),
                    (answer, _) => (origin, answer),
                }
            }));
            return answers;
        }
        self.answers(result)
    }

    /// The instance that each write goes on with.
    fn instances(&self) -> Vec<Option<Incarnation>> {
        let instance = |write: &Write| match write {
            Write::Episode(episode) => Some(episode.incarnation),
            Write::Enqueue { incarnation, .. }
            | Write::SetStalled { incarnation, .. }
            | Write::Progress { incarnation, .. } => Some(*incarnation),
            _ => None,
        };
        self.writes.iter().map(instance).collect()
    }

    fn halves(mut self) -> [Self; 2] {
        let half = self.writes.len() / 2;
        let second = Self {
            origins: self.origins.split_off(half),
            writes: self.writes.split_off(half),
        };
        [self, second]
    }

    /// The answers that the store's answer means, in order. A store that does not answer every write is not believed.
    fn answers(self, result: Answered) -> Vec<Answer> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::instance::InstanceId;
    use crate::store::Written;

    fn purge(id: &str) -> Write {
        let id = InstanceId::parse(id).unwrap();
        Write::Purge { id }
    }

    #[test]
    fn write_that_finds_damage_or_is_not_encoded_fails_alone_and_in_its_place() {
        for kind in [StoreErrorKind::Corrupt, StoreErrorKind::Codec] {
            fails_alone_and_in_its_place(kind);
        }
    }

    fn fails_alone_and_in_its_place(kind: StoreErrorKind) {
        let mut writer = Writer::default();
        for shard in 0..20 {
            let origin = Origin {
                shard,
                generation: 0,
            };
            writer.push(origin, purge(&shard.to_string()));
        }
        let damaged = [purge("3"), purge("4"), purge("19")];
        let mut store = |writes: &[Write]| {
            if writes.iter().any(|write| damaged.contains(write)) {
                return Err(StoreError::new(kind, "damaged"));
            }
            Ok(vec![Ok(Written::Stored); writes.len()])
        };
        let batch = writer.next_batch(MAX_BATCH).unwrap();
        let answers = batch.commit(&mut store);
        for (number, (origin, answer)) in answers.iter().enumerate() {
            assert_eq!(origin.shard, number);
            assert_eq!(answer.is_err(), [3, 4, 19].contains(&number), "{number}");
        }
        assert_eq!(answers.len(), 20);
    }

    #[test]
    fn what_builds_on_a_write_that_found_damage_fails_with_it() {
        let mut writer = Writer::default();
        for incarnation in [1, 2, 1, 2] {
            let write = Write::SetStalled {
                incarnation: Incarnation(incarnation),
                reason: None,
            };
            writer.push(Origin::default(), write);
        }
        let mut tries = 0;
        let mut store = |writes: &[Write]| {
            tries += 1;
            match (writes, tries) {
                ([_], 3) => Err(StoreError::new(StoreErrorKind::Corrupt, "damaged")),
                ([_], _) => Ok(vec![Ok(Written::Stored)]),
                (_, ..5) => Err(StoreError::new(StoreErrorKind::Corrupt, "damaged")),
                _ => Ok(vec![Err(Refused::Stale); writes.len()]),
            }
        };
        let answers = writer.next_batch(MAX_BATCH).unwrap().commit(&mut store);
        assert!(answers[0].1.is_err());
        assert!(matches!(answers[1].1, Ok(Ok(_))));
        assert!(answers[2].1.is_err());
        assert!(matches!(answers[3].1, Ok(Err(Refused::Stale))));
    }
}
