//! Disks that are full, read-only, damaged or taken by somebody else: what users are told, and what goes on.
//!
//! A program with a worker, `victim`, has its store on a disk that the test breaks. What a machine does not let the test do is skipped
//! with a word: mounting needs root, and some faults are those of Linux.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod damage;
mod fault;
mod log;
mod outage;
mod read_only;
mod strange;
mod unreadable;

use std::path::Path;

use steadfast_tests::program::Program;

fn program(database: &Path, directory: &Path) -> Program {
    Program::start(env!("CARGO_BIN_EXE_victim"), database, directory)
}
