//! Kills while much is going on.
//!
//! The test reads a random number of the lines that the program says and kills it. Each line stands for an answer or an activity, so
//! that the kills are spread over all that a life does, however fast the machine is; a short random spin after the line moves
//! them to moments between the lines, such as the middle of a commit. Some lives end while they open the store, some while they
//! shut down.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::fs;

use steadfast_tests::database::beside;
use steadfast_tests::program::{Answer, Program, Said};
use steadfast_tests::random::Random;
use tempfile::TempDir;

use crate::instance::Instance;
use crate::stored::{Stored, Task};

/// Instances that each round adds.
const STARTS_PER_ROUND: u64 = 14;

/// More lines than a life usually says, so that some are killed when they have nothing left to do.
const MAX_LINES: u64 = 160;

/// At most a few milliseconds: about what a commit takes.
const MAX_SPINS: u64 = 1_000_000;

/// Rounds after which a new store takes the place of the old one, whose instances have all come to their end.
const ROUNDS_PER_STORE: u64 = 50;

#[test]
fn nothing_acknowledged_is_lost_and_nothing_recorded_is_done_twice() {
    let rounds = crate::rounds();
    let mut random = Random::seeded_by("STEADFAST_CRASH_SEED");
    let mut totals = Totals::default();
    while totals.kills < rounds {
        let mut parent = Parent::new(totals.instances);
        for _ in 0..ROUNDS_PER_STORE.min(rounds - totals.kills) {
            parent.add();
            parent.live_and_be_killed(&mut random);
            parent.inspect();
            totals.kills += 1;
        }
        parent.live_to_the_end();
        parent.inspect();
        totals.add(&parent);
        println!("{totals}");
    }
}

#[derive(Default)]
struct Totals {
    kills: u64,
    instances: u64,
    activities: usize,
    runs: usize,
    answers: usize,
    events: usize,
}

impl Totals {
    fn add(&mut self, parent: &Parent) {
        assert!(parent.is_done());
        self.instances += parent.instances.len() as u64;
        self.activities += parent.logged.len();
        self.runs += parent.log_lines;
        for instance in parent.instances.values() {
            self.answers += instance.steps_acknowledged();
            self.events += instance.events_acknowledged();
        }
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} kills, {} integrity checks: {} instances, {} activities in {} runs, {} acknowledgements, {} of them of events; \
             nothing lost, nothing done twice",
            self.kills,
            self.kills,
            self.instances,
            self.activities,
            self.runs,
            self.answers,
            self.events
        )
    }
}

/// What the test knows.
struct Parent {
    directory: TempDir,
    first: u64,
    instances: BTreeMap<String, Instance>,
    /// The number of the last event.
    events: u64,
    /// Tasks whose completion was in the database after an earlier round.
    completed: HashSet<Task>,
    logged: HashSet<Task>,
    /// How much of the log has been looked at.
    log_lines: usize,
}

/// A program, and what it was asked.
struct Life {
    program: Program,
    asked: HashMap<u64, String>,
}

impl Parent {
    fn new(first: u64) -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
            first,
            instances: BTreeMap::new(),
            events: 0,
            completed: HashSet::new(),
            logged: HashSet::new(),
            log_lines: 0,
        }
    }

    fn add(&mut self) {
        for _ in 0..STARTS_PER_ROUND {
            let instance = Instance::new(self.first + self.instances.len() as u64);
            self.instances.insert(instance.id.clone(), instance);
        }
    }

    /// Begins a life, which is asked for what is not acknowledged yet, and for nothing that is: that has to be there by itself.
    fn begin(&mut self) -> Life {
        let database = self.directory.path().join("crash.db");
        let mut life = Life {
            program: crate::program(&database, self.directory.path()),
            asked: HashMap::new(),
        };
        for instance in self.instances.values_mut() {
            ask(instance, &mut self.events, &mut life);
        }
        life
    }

    fn live_and_be_killed(&mut self, random: &mut Random) {
        let mut life = self.begin();
        let lines = match random.below(10) {
            0 => 0, // It dies while it opens the store.
            _ => random.below(MAX_LINES),
        };
        for _ in 0..lines {
            if self.is_done() {
                break;
            }
            self.hear(&mut life);
        }
        if random.below(10) == 0 {
            life.program.stop();
        }
        crate::spin(random.below(MAX_SPINS));
        for said in life.program.kill() {
            if let Said::Answer(number, answer) = said {
                self.note(&life.asked[&number], answer);
            }
        }
    }

    fn live_to_the_end(&mut self) {
        let mut life = self.begin();
        while !self.is_done() {
            self.hear(&mut life);
        }
        assert!(life.program.end().success());
    }

    fn is_done(&self) -> bool {
        self.instances.values().all(Instance::is_done)
    }

    fn hear(&mut self, life: &mut Life) {
        match life.program.hear().expect("it lives until it is killed") {
            Said::Open | Said::Ran => {}
            Said::Answer(number, answer) => {
                let id = life.asked.remove(&number).unwrap();
                self.note(&id, answer);
                let instance = self.instances.get_mut(&id).unwrap();
                ask(instance, &mut self.events, life);
            }
            Said::Closed(kind, text) => panic!("{kind}: {text}"),
        }
    }

    /// Takes an acknowledgement down.
    fn note(&mut self, id: &str, answer: Answer) {
        self.instances.get_mut(id).unwrap().take(answer);
    }

    /// Compares the database and the log with what was acknowledged.
    fn inspect(&mut self) {
        let database = self.directory.path().join("crash.db");
        let stored = Stored::read(&database);
        // A kill leaves nothing that looks like damage.
        assert!(!beside(&database, "-wal.damaged-0").exists());
        for instance in self.instances.values() {
            instance.inspect(&stored);
        }
        let log = self.directory.path().join("activities.log");
        let log = fs::read_to_string(log).unwrap_or_default();
        let mut runs = HashSet::new();
        for (number, line) in log.lines().enumerate() {
            let [task, process, instance] = *line.split(' ').collect::<Vec<_>>() else {
                panic!("line {number} of the log is `{line}`");
            };
            let is_new = number >= self.log_lines;
            assert!(
                !(is_new && self.completed.contains(task)),
                "{task} of {instance} ran again after its completion was recorded"
            );
            assert!(
                runs.insert((task.to_owned(), process.to_owned())),
                "{task} of {instance} ran twice in process {process}"
            );
            self.logged.insert(task.into());
        }
        self.log_lines = log.lines().count();
        for task in self.completed.difference(&stored.completed) {
            let (execution, _) = task.split_once(':').unwrap();
            assert!(
                !stored.executions.contains(execution),
                "the completion of {task} is lost"
            );
        }
        self.completed.extend(stored.completed);
    }
}

fn ask(instance: &mut Instance, events: &mut u64, life: &mut Life) {
    if let Some(command) = instance.next_command(events) {
        life.asked
            .insert(life.program.ask(&command), instance.id.clone());
    }
}
