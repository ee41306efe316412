//! The worker on virtual time: the whole stack but threads and HTTP, through the public API.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on shall panic")]

mod answers;
mod attempts;
mod batch;
mod bounds;
mod calls;
mod changes;
mod children;
mod composition;
mod custom_status;
mod dependencies;
mod deploys;
mod diagnosis;
mod encryption;
mod everyway;
mod faults;
mod history;
mod identity;
mod instance_watch;
mod instances;
mod interleavings;
mod management;
mod orders;
mod purges;
mod queries;
mod simulated;
mod states;
mod support;
mod timers;
mod trace_context;
mod unencodable;
mod wrong_key;
