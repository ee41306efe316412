//! Help for tests: of stores, and later of orchestrations.
//!
//! Everything here is behind the feature `testing` and panics when an expectation is not met.

pub mod conformance;

#[doc(inline)]
pub use crate::store_conformance;
