//! Help for tests: of stores, and later of orchestrations.
//!
//! Everything here is behind the feature `testing` and panics when an expectation is not met.

pub mod conformance;
mod faulty_store;
mod single_threaded;

pub use faulty_store::{CommitFault, FaultyStore};
pub use single_threaded::{Options as SingleThreadedOptions, Order, SingleThreaded};

pub use crate::clock::ManualClock;

#[doc(inline)]
pub use crate::store_conformance;
