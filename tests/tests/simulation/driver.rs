//! A simulation: one seed, and everything that follows from it.

use std::sync::Arc;
use std::task::{Context, Waker};

use steadfast::clock::Clock as _;
use steadfast::limits::DEFAULT_MAX_PAYLOAD_BYTES;
use steadfast::store::memory::MemoryStore;
use steadfast::testing::{
    EpisodeReplays, ManualClock, Order, SingleThreaded, SingleThreadedOptions,
};
use steadfast::{Dependencies, Panics, SuspiciousAwaits, Timestamp};

use crate::faults::{Fault, SimulatedStore};
use crate::operations::{Asker, Operation, Pending};
use crate::population::{self, Bench, LATER, OUTSIDE};
use crate::world::Shared;

/// How many requests and watches are open at most.
const OPEN: usize = 12;

pub(crate) struct Running {
    pub(crate) number: u64,
    pub(crate) worker: SingleThreaded,
}

pub(crate) struct Simulation {
    pub(crate) world: Shared,
    pub(crate) memory: MemoryStore,
    store: Arc<SimulatedStore>,
    pub(crate) clock: Arc<ManualClock>,
    /// The last one owns the store, the others do not know yet that they do not.
    pub(crate) workers: Vec<Running>,
    pub(crate) pending: Vec<Pending>,
    started: u64,
    pub(crate) asked: u64,
    max_live_instances: usize,
    replays: EpisodeReplays,
    /// How often each operation is asked for.
    eagerness: [u32; Operation::ALL.len()],
    /// How often workers die and the like.
    pub(crate) roughness: u32,
}

/// What came of a simulation.
pub(crate) struct Report {
    pub(crate) seed: u64,
    pub(crate) steps: u64,
    pub(crate) hash: u64,
    pub(crate) instances: u64,
    pub(crate) operations: u64,
    pub(crate) commits: u64,
    pub(crate) activities: u64,
    pub(crate) faults: Vec<(Fault, u64)>,
    pub(crate) violations: Vec<String>,
    pub(crate) trace: String,
}

pub(crate) fn simulate(seed: u64, length: u64) -> Report {
    let mut simulation = Simulation::new(seed);
    let mut steps = 0;
    simulation.take_over();
    while steps < length && simulation.holds() {
        simulation.step();
        steps += 1;
    }
    if simulation.holds() {
        simulation.finish();
    }
    simulation.report(seed, steps)
}

impl Simulation {
    fn new(seed: u64) -> Self {
        LATER.set(false);
        let world = Shared::new(seed);
        let memory = MemoryStore::new();
        let store = SimulatedStore::new(memory.clone(), world.clone());
        let start = Timestamp::from_second(1_700_000_000).expect("a time within the calendar");
        let mut locked = world.lock();
        let random = &mut locked.random;
        let max_live_instances = [0, 1, 2, 8, 100][random.usize(0..5)];
        let replays = match random.u32(0..8) {
            0 => EpisodeReplays::Always,
            1 => EpisodeReplays::Spaced,
            _ => EpisodeReplays::Never,
        };
        let eagerness = Operation::ALL.map(|operation| match operation {
            Operation::Start | Operation::Raise => [6, 12][random.usize(0..2)],
            _ => [0, 1, 4][random.usize(0..3)],
        });
        let roughness = [1, 4, 12][random.usize(0..3)];
        locked.stage.broken = locked.random.bool();
        drop(locked);
        Self {
            world: world.clone(),
            memory,
            store,
            clock: Arc::new(ManualClock::new(start)),
            workers: Vec::new(),
            pending: Vec::new(),
            started: 0,
            asked: 0,
            max_live_instances,
            replays,
            eagerness,
            roughness,
        }
    }

    pub(crate) fn holds(&self) -> bool {
        self.world.lock().ledger.violations.is_empty()
    }

    /// A new worker takes the store over. The program may lack something.
    pub(crate) fn take_over(&mut self) {
        self.started += 1;
        let number = self.started;
        let mut definitions = population::definitions();
        let (lacks, seed) = {
            let random = &mut self.world.lock().random;
            let lacks = random.u32(0..30) < self.roughness;
            (
                lacks.then(|| random.usize(0..definitions.len())),
                random.u64(..),
            )
        };
        self.world.lock().stage.owner_lacks = lacks.is_some();
        if let Some(lacking) = lacks {
            let lacking = definitions.swap_remove(lacking);
            let world = &mut *self.world.lock();
            world.faults.count(Fault::Lacking);
            world
                .trace
                .note(format!("worker {number} lacks `{}`", lacking.name));
        }
        if self.world.one_in(4) {
            LATER.set(true);
        }
        let bench = Bench {
            worker: number,
            world: self.world.clone(),
        };
        let options = SingleThreadedOptions {
            definitions,
            dependencies: Dependencies::new().with_shared(Arc::new(bench)),
            clock: Arc::clone(&self.clock),
            max_live_instances: self.max_live_instances,
            panics: Panics::Fail,
            max_payload_bytes: DEFAULT_MAX_PAYLOAD_BYTES,
            suspicious_awaits: SuspiciousAwaits::SetAside,
            replays: self.replays,
            order: Order::Seeded(seed),
        };
        match SingleThreaded::start(Arc::clone(&self.store) as _, options) {
            Ok(worker) => {
                self.world
                    .note(|| format!("worker {number} owns the store"));
                self.workers.push(Running { number, worker });
                self.world.lock().stage.owner = number;
            }
            Err(error) => self
                .world
                .note(|| format!("worker {number} cannot start: {error}")),
        }
    }

    pub(crate) fn owner(&mut self) -> &mut Running {
        while self.workers.last().map(|running| running.number) != Some(self.owner_number()) {
            self.take_over();
        }
        self.workers.last_mut().expect("a worker was started")
    }

    fn owner_number(&self) -> u64 {
        self.world.lock().stage.owner
    }

    /// A worker is gone between two steps.
    pub(crate) fn kill(&mut self, index: usize) {
        let number = self.workers.remove(index).number;
        self.world.note(|| format!("worker {number} dies"));
        self.poll();
        // Whoever watches by a dead worker is never told.
        self.pending.retain(|pending| pending.worker != number);
        self.world.lock().stage.worker_died(number);
    }

    fn step(&mut self) {
        OUTSIDE.set(self.world.lock().random.u64(0..1_000));
        let roll = self.world.below(1_000);
        match roll {
            0..600 => {
                self.owner().worker.step();
            }
            600..640 => {
                let at = self.world.below(self.workers.len().max(1));
                if let Some(running) = self.workers.get_mut(at) {
                    running.worker.step();
                }
            }
            640..740 => self.operate(),
            740..860 => self.open_a_gate(),
            860..920 => {
                self.owner().worker.advance();
            }
            _ => self.disturb(),
        }
        self.poll();
    }

    fn operate(&mut self) {
        if self.pending.len() >= OPEN {
            return;
        }
        let sum = self.eagerness.iter().sum();
        let mut at = self.world.lock().random.u32(0..sum);
        let mut chosen = Operation::Start;
        for (operation, eagerness) in Operation::ALL.into_iter().zip(self.eagerness) {
            chosen = operation;
            match at.checked_sub(eagerness) {
                Some(rest) => at = rest,
                None => break,
            }
        }
        self.owner();
        let at = self
            .world
            .below(self.workers.len() + 3)
            .min(self.workers.len() - 1);
        let asker = self.asker(at);
        self.asked += 1;
        let pending = asker.ask(chosen, self.asked);
        self.pending.push(pending);
    }

    pub(crate) fn asker(&self, at: usize) -> Asker {
        let Running { number, worker } = &self.workers[at];
        Asker {
            client: worker.client().clone(),
            worker: *number,
            world: self.world.clone(),
            now: self.clock.now(),
        }
    }

    fn open_a_gate(&self) {
        let world = &mut *self.world.lock();
        let gates = world.stage.gates();
        if gates > 0 {
            let gate = world.random.usize(0..gates);
            world.stage.open(gate);
        }
    }

    /// Something goes wrong.
    fn disturb(&mut self) {
        if self.world.lock().random.u32(0..30) >= self.roughness {
            return;
        }
        match self.world.below(12) {
            0 | 1 => {
                let world = &mut *self.world.lock();
                let calm = world.random.bool();
                world.faults.end();
                if !calm {
                    world.faults.commits = world.random.u32(20..500);
                    world.faults.loads = world.random.u32(0..300);
                    world.faults.reads = world.random.u32(0..300);
                }
                world.trace.note(if calm { "calm" } else { "storm" }.into());
            }
            2 => {
                let world = &mut *self.world.lock();
                world.stage.broken = !world.stage.broken;
            }
            3 | 4 if !self.workers.is_empty() => {
                self.world.lock().faults.count(Fault::Death);
                let at = self.world.below(self.workers.len());
                self.kill(at);
                self.owner();
            }
            5 if self.workers.len() < 3 => {
                self.world.lock().faults.count(Fault::Takeover);
                self.take_over();
            }
            6 => self.jump(Fault::ClockForwards),
            7 => self.jump(Fault::ClockBackwards),
            8 | 9 => self.lull(),
            10 if !self.workers.is_empty() => self.give_up_a_thread(),
            _ => {}
        }
    }

    fn give_up_a_thread(&mut self) {
        self.world.lock().faults.count(Fault::Thread);
        let at = self.world.below(self.workers.len());
        let Running { number, worker } = &mut self.workers[at];
        worker.give_up_thread();
        let world = &mut *self.world.lock();
        world.stage.thread_given_up(*number);
        world.ledger.tasks.thread_given_up(*number);
        world
            .trace
            .note(format!("worker {number} gives up its thread"));
    }

    fn jump(&self, fault: Fault) {
        let world = &mut *self.world.lock();
        world.faults.count(fault);
        let seconds = world.random.i64(1..400);
        let seconds = if fault == Fault::ClockBackwards {
            -seconds
        } else {
            seconds
        };
        world.trace.note(format!("the clock jumps by {seconds} s"));
        let now = self.clock.now().as_second() + seconds;
        self.clock
            .set(Timestamp::from_second(now).expect("a time within the calendar"));
    }

    /// Lets clients look whether they have their answers.
    pub(crate) fn poll(&mut self) {
        let mut context = Context::from_waker(Waker::noop());
        self.pending
            .retain_mut(|pending| pending.future.as_mut().poll(&mut context).is_pending());
    }

    fn report(self, seed: u64, steps: u64) -> Report {
        let world = self.world.lock();
        Report {
            seed,
            steps,
            hash: world.trace.hash(),
            instances: world.ledger.instances,
            operations: self.asked,
            commits: world.ledger.commits(),
            activities: world.stage.runs,
            faults: world.faults.counts().collect(),
            violations: world.ledger.violations.clone(),
            trace: if world.ledger.violations.is_empty() {
                String::new()
            } else {
                world.trace.shown()
            },
        }
    }
}
