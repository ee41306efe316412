//! What many simulations did, in one line.

use std::collections::BTreeMap;
use std::fmt;

use crate::driver::Report;
use crate::faults::Fault;

#[derive(Default)]
pub(crate) struct Summary {
    seeds: u64,
    steps: u64,
    instances: u64,
    operations: u64,
    activities: u64,
    commits: u64,
    faults: BTreeMap<Fault, u64>,
    violations: usize,
}

impl Summary {
    pub(crate) fn add(&mut self, report: &Report) {
        self.seeds += 1;
        self.steps += report.steps;
        self.instances += report.instances;
        self.operations += report.operations;
        self.activities += report.activities;
        self.commits += report.commits;
        for (fault, count) in &report.faults {
            *self.faults.entry(*fault).or_default() += count;
        }
        self.violations += report.violations.len();
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "simulation: {} seeds, {} steps, {} instances, {} operations, {} activity runs, {} commits; faults:",
            self.seeds, self.steps, self.instances, self.operations, self.activities, self.commits
        )?;
        for (fault, count) in &self.faults {
            write!(f, " {fault:?} {count}")?;
        }
        write!(f, "; violations {}", self.violations)
    }
}
