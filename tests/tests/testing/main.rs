//! The kit for tests of users, through its public interface: as a user's test would use it, without an async runtime.

#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "a test that cannot go on shall panic, and has nobody to explain itself to"
)]

mod attempts;
mod crashes;
mod errors;
mod events;
mod json;
mod mocks;
mod places;
mod replays;
mod seeds;
mod statuses;
mod support;
mod workers;
