#![doc = include_str!("../../docs/testing.md")]

pub mod conformance;
mod faulty_store;
mod hub;
mod replay;
mod single_threaded;

pub use faulty_store::{CommitFault, FaultyStore};
pub use hub::{
    ActivityAttempt, ActivityFn, ByName, CrashesTried, Later, Mock, TestHub, TestInstance,
    TestOrchestration, VirtualTime, crash_everywhere,
};
pub use replay::{Replay, replay};
#[doc(hidden)]
pub use replay::{all_are_tested, replay_test};
pub use single_threaded::{Options as SingleThreadedOptions, Order, SingleThreaded};

pub use crate::clock::ManualClock;
pub use crate::engine::EpisodeReplays;

#[doc(inline)]
pub use crate::store_conformance;
