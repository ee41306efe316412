//! The local worker: runs the instances of one store in this process.
//!
//! It is made of step functions. Each takes an input, changes its own state and leaves outputs; none of them waits, sleeps or
//! does I/O. A driver moves inputs and outputs between them:
//!
//! | step function | owns | inputs | outputs |
//! | --- | --- | --- | --- |
//! | [`shard`] | live instances | requests, loaded rows, results, due timers, acknowledgements | loads, writes, activities |
//! | [`writer`] | the queue of writes | writes, the store's answer | batches, acknowledgements |
//! | [`timers`] | the next due times | new due times, rows, the time | due instances, loads |
//! | [`activities`] | the queue of activities | activities, ends | activities to start or cancel |
//! | [`watchdog`] | how long each shard is at one instance | the pulses of the shards | shards that need another thread |
//!
//! [`threaded`] drives them in production: one thread for each shard, one for the writer, one for the timers, one for the watchdog, and
//! tokio for activities. `testing::SingleThreaded` drives them all in one thread on virtual time, for tests.
//!
//! Invariant: nothing that an episode asked for (activities, replies, notifications) leaves a shard before the writer has
//! acknowledged the episode's commit.

pub(crate) mod activities;
pub(crate) mod condition;
pub(crate) mod culprits;
pub(crate) mod every_instance;
pub(crate) mod ids;
mod logged;
pub(crate) mod message;
pub(crate) mod meters;
pub(crate) mod ownership;
pub(crate) mod pulse;
mod recent;
pub(crate) mod room;
pub(crate) mod shard;
pub(crate) mod streams;
pub(crate) mod takeover;
pub(crate) mod threaded;
pub(crate) mod timers;
mod turn;
pub(crate) mod update;
mod watchdog;
pub(crate) mod watchers;
pub(crate) mod writer;
