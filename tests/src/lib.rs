//! What the end-to-end tests share.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::print_stdout, reason = "it is shown when a test fails")]

pub mod database;
pub mod fuzz;
pub mod program;
pub mod random;
