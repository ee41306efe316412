//! Before a deploy: whether what a store holds fits new code, and histories of it for tests.
//!
//! [`check()`] replays every unfinished instance of a store against the definitions of this program, and says which of them would be set
//! aside. [`record()`] writes histories to files, for [`replay_tests!`](crate::replay_tests). Neither writes to the store, takes its
//! ownership or runs an activity, so both work beside the process that owns it.
//!
//! [`main()`] is both as a program, and [`Program`] is the same with options. Write `src/bin/deploy.rs`,
//!
//! ```no_run
//! # /*
//! use my_app as _; // links its definitions
//! # */
//!
//! fn main() -> std::process::ExitCode {
//!     steadfast::deploy::main()
//! }
//! ```
//!
//! and run `deploy check --store app.db` and `deploy record --store app.db --into tests/histories`.
//!
//! The guide [`deploying`](crate::deploying) explains all of it.

mod check;
mod instances;
mod lane;
mod program;
mod record;
mod report;

pub use check::{Check, CheckError, check};
pub use program::{Program, main};
pub use record::{RecordError, Recorded, Recording, record};
pub use report::{Finding, OrchestratorReport, Report, Unchecked};
