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
//! When a poll leaves the orchestrator pending that came to no durable operation, it awaits something else: see `foreign`.
//!
//! # Dropping
//!
//! | dropped while pending | what happens |
//! | --- | --- |
//! | an activity, sub-orchestration or timer, by the running orchestrator | withdrawn with the episode's commit; a late result is ignored |
//! | a wait for an event | the wait ends; an event it was given and did not observe goes to the next wait, in its old place |
//! | an activity or sub-orchestration that was never awaited, as the orchestrator returns or continues as new | it goes on and its result is dropped; an ended instance is not looked at after a restart, so an activity is not started again then |
//! | anything, when the execution is evicted, shut down or unwinds | nothing |
//!
//! Nothing of this is in history: on replay the same code drops the same futures.
//!
//! # Retries
//!
//! A failed attempt is answered where its event is applied: with a timer, and when that fires, with the next attempt. Both are
//! actions with ids of their own, which lead to the operation that the first attempt began. The policy in force, the number of the
//! attempt and the timeouts are in the tags of each attempt, and a replay reads them there.
//!
//! # What the engine records for itself
//!
//! Side values, patches and refusals are events that an instance sends to itself under reserved names: the confirmation carries
//! the value, and nothing is delivered. Payloads are refused for their size when they are asked for; since the limit may be another
//! one tomorrow, the refusal is recorded.
//!
//! # Rewinding
//!
//! A rewound history keeps all its events. What lies before the event that marks the rewind is read as if nothing had failed in it: the
//! failures do not happen, and the operations stay open. Where the code then asks for something else than was recorded, it parts
//! from the path that the rewind undid: what was recorded for that path up to the marker is forgotten with its results, and what the
//! code asks for is confirmed behind the marker, under ids that were not used before. Up to the marker inputs and due times are
//! compared as well, because another input means another path; behind the last marker the rules of replay hold.

mod agreement;
mod asked;
mod awaits;
mod calls;
mod describe;
mod episode;
mod execution;
mod fault;
mod foreign;
mod handle;
mod mailbox;
mod notes;
mod operation;
mod options;
mod panicked;
mod random;
mod repetition;
mod replay;
mod silence;
mod state;
mod waker;

#[cfg(test)]
mod tests;

#[cfg(any(feature = "deploy", feature = "testing"))]
pub(crate) use describe::in_full;
pub use episode::{Continued, Ended, Episode, OpenChild, Outcome, UncaughtFailure};
pub use execution::{Execution, OpenTask, Start};
pub use fault::{Against, Fault, NonDeterminismError};
#[cfg(feature = "testing")]
pub(crate) use foreign::needs_runtime;
pub use handle::{ExecutionHandle, ExecutionInfo};
pub use operation::{EventWait, Operation};
pub use options::{
    ChildOptions, EpisodeReplays, Limits, Panics, RetryIf, Settings, SuspiciousAwaits, TaskOptions,
};
#[cfg(feature = "local")]
pub(crate) use panicked::{note_places_of_panics, panic_message};
#[cfg(feature = "testing")]
pub(crate) use random::Random;
