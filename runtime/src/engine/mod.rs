//! The deterministic core: past events in, new events and actions out.
//!
//! An [`Execution`] is an orchestrator's future together with what it waits for. It advances in *episodes*:
//! [`Execution::deliver`] applies new events one at a time, polls the future when one of them woke it, and returns an
//! [`Episode`]: the events to append to history, the actions asked for, the change of the custom status, and whether the
//! execution ended. [`Execution::replay`] rebuilds an execution from its history by the same path, checking that the code asks
//! for what was recorded.
//!
//! Invariant: no I/O, no clock, no async runtime, no randomness of its own, no knowledge of stores. Time is an argument. The
//! same history and events always give the same episode.
//!
//! # Waking
//!
//! A durable future keeps the waker it was polled with and wakes it when its event is applied. After each event the engine
//! polls until nothing inside the orchestrator has asked for another poll. An event that wakes nothing causes no poll. So
//! the order of events in history decides every race, on replay as it did live.
//!
//! # Dropping
//!
//! | dropped while pending | what happens |
//! | --- | --- |
//! | an activity or timer, by the running orchestrator | withdrawn with the episode's commit; a late result is ignored |
//! | a wait for an event | the wait ends; an event it was given and did not observe goes to the next wait, in its old place |
//! | an activity or timer that was never awaited, as the orchestrator returns | it goes on and its result is dropped; an ended instance is not looked at after a restart, so it is not started again then |
//! | anything, when the execution is evicted, shut down or unwinds | nothing |
//!
//! Nothing of this is in history: on replay the same code drops the same futures.

mod calls;
mod describe;
mod episode;
mod execution;
mod fault;
mod handle;
mod mailbox;
mod operation;
mod options;
mod random;
mod silence;
mod state;
mod waker;

#[cfg(test)]
mod tests;

pub use episode::{Continued, Ended, Episode, OpenChild, Outcome, UncaughtFailure};
#[cfg(feature = "local")]
pub(crate) use execution::panic_message;
pub use execution::{Execution, OpenTask, Panics, Start};
pub use fault::{Fault, NonDeterminismError};
pub use handle::{ExecutionHandle, ExecutionInfo};
pub use operation::{EventWait, Operation};
pub use options::{ChildOptions, Limits, RetryIf, TaskOptions};
