//! The vocabulary of durable execution: plain data, shared by every other module.
//!
//! Invariant: nothing here runs, stores or transports anything, and no other module of the crate is named.
//! Kinds of events and actions keep the names of the Durable Task protocol.

pub mod action;
pub mod custom_status;
pub(crate) mod encoded;
pub mod failure;
pub mod history;
pub mod instance;
pub mod on_existing;
pub mod query;
pub mod retry;
pub mod status;
pub mod tags;
pub(crate) mod time;
pub mod trace_context;
pub mod waiting;
