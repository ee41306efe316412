//! Deterministic simulation of the whole local stack: workers that die, are fenced and lack definitions, a store that fails, a clock that
//! jumps, clients that do anything at any time. Everything follows from a seed.
//!
//! ```text
//! cargo test -p steadfast-tests --test simulation
//! STEADFAST_SIMULATION_STEPS=1000000 cargo test --release -p steadfast-tests --test simulation -- soak --nocapture
//! STEADFAST_SIMULATION_SEED=7 STEADFAST_SIMULATION_LENGTH=600 cargo test -p steadfast-tests --test simulation -- one_seed --nocapture
//! ```

#![allow(clippy::unwrap_used, reason = "a test that cannot go on shall panic")]
#![allow(clippy::print_stdout, reason = "the summary is for people")]

mod driver;
mod faults;
mod ledger;
mod life;
mod operations;
mod population;
mod rest;
mod row;
mod stage;
mod summary;
mod survey;
mod tasks;
mod trace;
mod waits;
mod world;

use std::sync::Once;

use driver::{Report, simulate};
use summary::Summary;

/// How many seeds the ordinary test tries, and how many steps each has.
const SEEDS: u64 = 100;
const LENGTH: u64 = 600;

/// How many steps a seed of a soak has.
const SOAK_LENGTH: u64 = 4_000;

fn from_environment(name: &str) -> Option<u64> {
    let text = std::env::var(format!("STEADFAST_SIMULATION_{name}")).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{name} is not a number: {text}")),
    )
}

/// Activities that panic on purpose say nothing on the standard error.
fn be_quiet() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let text = info.payload().downcast_ref::<String>();
            if !text.is_some_and(|text| text.starts_with("on purpose")) {
                before(info);
            }
        }));
    });
}

fn run(seed: u64, length: u64) -> Report {
    be_quiet();
    let report = simulate(seed, length);
    assert!(
        report.violations.is_empty(),
        "{}\nseed {seed} after {} steps: {}\n\nagain:\nSTEADFAST_SIMULATION_SEED={seed} STEADFAST_SIMULATION_LENGTH={length} \
         cargo test -p steadfast-tests --test simulation -- one_seed --nocapture",
        report.trace,
        report.steps,
        report.violations.join("\n"),
    );
    report
}

fn run_all(seeds: impl Iterator<Item = u64>, length: u64) {
    let mut summary = Summary::default();
    for seed in seeds {
        summary.add(&run(seed, length));
    }
    println!("{summary}");
}

#[test]
fn many_seeds_break_no_promise() {
    run_all(0..SEEDS, LENGTH);
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    for seed in 1_000..1_010 {
        let (first, second) = (run(seed, LENGTH), run(seed, LENGTH));
        assert_eq!(first.hash, second.hash, "seed {seed}");
    }
}

/// One seed, to look at it again.
#[test]
fn one_seed() {
    let seed = from_environment("SEED").unwrap_or_default();
    let report = run(seed, from_environment("LENGTH").unwrap_or(LENGTH));
    let mut summary = Summary::default();
    summary.add(&report);
    println!("seed {}, hash {:016x}: {summary}", report.seed, report.hash);
}

/// As many steps as are asked for, with seeds of their own.
#[test]
fn soak() {
    let steps = from_environment("STEPS").unwrap_or(SOAK_LENGTH);
    let first = from_environment("SEED").unwrap_or(1_000_000);
    run_all(first..first + steps.div_ceil(SOAK_LENGTH), SOAK_LENGTH);
}
