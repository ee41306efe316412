//! Histories against code, through the public API: replay tests, their macro, recording, and the check before a deploy.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on shall panic")]

mod check;
mod diverges;
mod fits;
mod program;
mod record;
mod support;
