//! The worker on virtual time: the whole stack but threads and HTTP, through the public API.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on shall panic")]

mod attempts;
mod composition;
mod dependencies;
mod deploys;
mod everyway;
mod faults;
mod identity;
mod instances;
mod management;
mod support;
mod timers;
