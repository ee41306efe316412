//! The HTTP API over real sockets: bytes in, bytes out.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod addresses;
mod authorize;
mod azure;
mod batch;
mod cross_origin;
mod definitions;
mod embedding;
mod forwarded;
mod health;
mod history;
mod instances;
mod keys;
mod list;
mod list_stream;
mod log;
mod long_poll;
mod long_reads;
mod metrics;
mod openapi;
mod operations;
mod orchestrators;
mod purge;
mod raise_event;
mod serving;
mod signed;
mod stream;
mod support;
mod trace_context;
mod wait;
mod watch;
