//! The store without an engine: the writes of a hello sequence, as the engine makes them, again and again under other ids.

use std::time::Instant;

use steadfast::model::instance::{ExecutionId, Incarnation, InstanceId};
use steadfast::store::{Epoch, Store, Write, Written};

use crate::definitions::hello;
use crate::stores::{Bench, StoreKind};

/// The writes of one hello sequence, in order.
pub struct Pattern(Vec<Write>);

impl Pattern {
    /// Runs one hello sequence and keeps what it writes.
    pub async fn record() -> Self {
        let bench = Bench::start(StoreKind::Memory).await;
        bench.commits.keep();
        let hello = bench.steadfast.client().start(hello()).await.unwrap();
        hello.output().await.unwrap();
        Self(bench.commits.take())
    }

    /// Writes `count` hello sequences in transactions of `batch` writes, each of another instance.
    pub async fn hellos_per_s(&self, kind: StoreKind, batch: usize, count: usize) -> f64 {
        let directory = tempfile::tempdir().unwrap();
        let store = kind.open(directory.path());
        let epoch = store.acquire(None).await.unwrap().epoch;
        let elapsed = self.write(&*store, epoch, batch, count).await;
        count as f64 / elapsed
    }

    /// Writes them to a store, and says how long it took.
    pub async fn write(&self, store: &dyn Store, epoch: Epoch, batch: usize, count: usize) -> f64 {
        let mut elapsed = 0.0;
        for first in (0..count).step_by(batch) {
            let instances = first..(first + batch).min(count);
            let mut incarnations: Vec<Incarnation> = Vec::new();
            for (step, write) in self.0.iter().enumerate() {
                // Made before the clock runs: this is the engine's part.
                let writes: Vec<Write> = instances
                    .clone()
                    .enumerate()
                    .map(|(index, number)| of(write, number, incarnations.get(index)))
                    .collect();
                let began = Instant::now();
                let results = store.commit(epoch, &writes).await.unwrap();
                elapsed += began.elapsed().as_secs_f64();
                for result in results {
                    match result.unwrap() {
                        Written::Created { incarnation, .. } if step == 0 => {
                            incarnations.push(incarnation);
                        }
                        _ => {}
                    }
                }
            }
        }
        elapsed
    }
}

/// The same write for another instance.
fn of(write: &Write, number: usize, incarnation: Option<&Incarnation>) -> Write {
    let execution = ExecutionId::from_u128(number as u128 + 1);
    let mut write = write.clone();
    match (&mut write, incarnation) {
        (Write::Create(create), _) => {
            create.id =
                InstanceId::parse(format!("pattern-{number:016}-of-the-same-length")).unwrap();
            create.execution_id = execution;
        }
        (Write::Episode(episode), Some(incarnation)) => {
            episode.incarnation = *incarnation;
            episode.execution_id = execution;
        }
        (other, _) => panic!("a hello sequence writes no {other:?}"),
    }
    write
}
