//! Runs a scenario in every way that it can go: undisturbed, replayed for every episode or after it, in many orders, with a failing commit
//! anywhere, and with a worker that dies at any step. However it goes, it must end the same.

use std::sync::Arc;

use steadfast::store::memory::MemoryStore;
use steadfast::testing::{CommitFault, EpisodeReplays, FaultyStore, Order, SingleThreaded};
use steadfast::{ClientError, Registration};

use crate::support::World;

/// What happens to a worker's instances.
pub(crate) struct Scenario {
    pub(crate) definitions: fn() -> Vec<Registration>,
    /// What clients do. It is done again by a later worker, and so must be safe to repeat.
    pub(crate) ask: fn(&mut SingleThreaded),
    /// Runs to the end, and checks it.
    pub(crate) finish: fn(&mut SingleThreaded),
}

/// Tries again until the store takes it.
pub(crate) fn insist<T>(
    worker: &mut SingleThreaded,
    mut request: impl AsyncFnMut() -> Result<T, ClientError>,
) -> T {
    loop {
        match worker.block_on(request()) {
            Err(ClientError::Store(_)) => {}
            answer => return answer.unwrap(),
        }
    }
}

impl Scenario {
    pub(crate) fn in_every_way(&self) {
        self.undisturbed();
        self.in_any_order();
        self.with_a_failing_commit();
        self.with_a_death();
    }

    fn undisturbed(&self) {
        let ways = [
            (100, EpisodeReplays::Never),
            (0, EpisodeReplays::Never),
            (100, EpisodeReplays::Spaced),
            (100, EpisodeReplays::Always),
            (0, EpisodeReplays::Always),
        ];
        for (max_live_instances, replays) in ways {
            let world = World {
                max_live_instances,
                replays,
                ..World::new()
            };
            let mut worker = world.worker((self.definitions)());
            (self.ask)(&mut worker);
            (self.finish)(&mut worker);
        }
    }

    fn in_any_order(&self) {
        for seed in 0..16 {
            let world = World {
                max_live_instances: if seed % 2 == 0 { 100 } else { 0 },
                order: Order::Seeded(seed),
                ..World::new()
            };
            let mut worker = world.worker((self.definitions)());
            (self.ask)(&mut worker);
            (self.finish)(&mut worker);
        }
    }

    fn with_a_failing_commit(&self) {
        for fault in [CommitFault::Lost, CommitFault::Unacknowledged] {
            for failing in 0.. {
                let store = Arc::new(FaultyStore::new(MemoryStore::new(), move |commit| {
                    (commit == failing).then_some(fault)
                }));
                let world = World {
                    store: Arc::clone(&store) as _,
                    ..World::new()
                };
                let mut worker = world.worker((self.definitions)());
                (self.ask)(&mut worker);
                (self.finish)(&mut worker);
                if store.commits() <= failing {
                    break;
                }
            }
        }
    }

    fn with_a_death(&self) {
        for max_live_instances in [100, 0] {
            for steps in 0.. {
                let world = World {
                    max_live_instances,
                    ..World::new()
                };
                let mut worker = world.worker((self.definitions)());
                (self.ask)(&mut worker);
                let went_on = (0..steps).all(|_| worker.step() || worker.advance());
                drop(worker);
                let mut worker = world.worker((self.definitions)());
                (self.ask)(&mut worker);
                (self.finish)(&mut worker);
                if !went_on {
                    break;
                }
            }
        }
    }
}
