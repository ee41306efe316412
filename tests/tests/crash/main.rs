//! Kills a program again and again, and proves that nothing it acknowledged is lost and nothing it recorded is done twice.
//!
//! The program is `victim`. Its answers come through a pipe, so what it said before it died counts. After each kill the database,
//! which nobody owns then, is compared with all that was ever acknowledged, and checked by SQLite.
//!
//! `STEADFAST_CRASH_ROUNDS` sets the number of kills under load, to which those at particular moments are added in proportion;
//! `STEADFAST_CRASH_SEED` repeats the choices of an earlier run. For some thousand kills:
//!
//! ```text
//! STEADFAST_CRASH_ROUNDS=3000 cargo test -p steadfast-tests --test crash -- --nocapture
//! ```

#![cfg(unix)] // elsewhere the end of a child is not that of a crash
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bulk;
mod checkpoint;
mod instance;
mod load;
mod log;
mod opening;
mod power;
mod stored;

use std::path::Path;

use steadfast_tests::program::Program;
use steadfast_tests::random::setting;

/// Kills under load in an ordinary run.
const ROUNDS: u64 = 30;

/// How many kills under load there are to be.
fn rounds() -> u64 {
    setting("STEADFAST_CRASH_ROUNDS").unwrap_or(ROUNDS)
}

/// How many kills at one particular moment there are to be.
fn rounds_at_a_moment() -> u64 {
    rounds().div_ceil(10)
}

fn program(database: &Path, directory: &Path) -> Program {
    Program::start(env!("CARGO_BIN_EXE_victim"), database, directory)
}

/// Lets some time pass: a few milliseconds at most, which is about what a commit takes.
fn spin(spins: u64) {
    (0..spins).for_each(|_| std::hint::spin_loop());
}
