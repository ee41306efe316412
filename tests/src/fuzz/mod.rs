//! What must hold for every input, however strange: one function for each thing that parses.
//!
//! Each [`Target`] takes bytes, makes of them what it tests, and panics when a law is broken: the text that is read is what was written, a
//! wrong one is refused, an instance goes on or says why not. They use nothing but what the crate shows its users, and what its
//! attributes use.
//!
//! Two run them: the test `fuzz`, over the seeds of the repository and some thousand generated inputs, and `tests/fuzz/run`, with
//! libFuzzer for as long as one likes.

#![allow(
    clippy::unwrap_used,
    reason = "a target panics when something is not as it should be"
)]

mod arguments;
mod call_http;
mod custom_status;
mod events;
mod filters;
mod forwarded;
mod history;
mod http;
mod import;
mod names;
mod programs;
mod replay;
mod rows;
mod signed_urls;
mod trace_context;
mod worker;

/// A function that must hold for every input.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name: that of its module, of its binary and of the folder of its seeds.
    pub name: &'static str,
    /// Panics when a law is broken.
    pub run: fn(&[u8]),
}

macro_rules! targets {
    ($($name:ident),* $(,)?) => {
        &[$(Target { name: stringify!($name), run: $name::run }),*]
    };
}

/// All of them.
pub const TARGETS: &[Target] = targets![
    arguments,
    call_http,
    custom_status,
    filters,
    forwarded,
    history,
    http,
    import,
    names,
    replay,
    rows,
    signed_urls,
    trace_context,
];

/// Runs the target of this name.
///
/// # Panics
///
/// When a law is broken, or there is no such target.
pub fn run(name: &str, data: &[u8]) {
    let target = TARGETS.iter().find(|target| target.name == name);
    (target
        .unwrap_or_else(|| panic!("there is no target `{name}`"))
        .run)(data);
}
