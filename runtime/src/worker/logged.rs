//! What the worker's own threads log.
//!
//! A log may be on the disk that has no room left. A subscriber that cannot write may panic, as `eprintln!` does; a thread that owns
//! instances must not end with it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tracing::dispatcher;
use tracing::subscriber::NoSubscriber;

/// Logs something, whatever becomes of it.
pub(super) fn logged(log: impl FnOnce()) {
    // The panic hook has told of it, as far as anything can be told.
    let _ = catch_unwind(AssertUnwindSafe(log));
}

/// Says something on the standard error where no subscriber of `tracing` is installed: nobody would learn it otherwise.
///
/// That a subscriber was once set says nothing: replays are silenced by one.
pub(super) fn aloud(what: impl FnOnce() -> String) {
    if nobody_listens() {
        logged(|| eprintln!("steadfast: {}", what()));
    }
}

fn nobody_listens() -> bool {
    dispatcher::get_default(|installed| installed.is::<NoSubscriber>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subscriber_of_a_while_listens_to_nothing_behind_it() {
        dispatcher::with_default(&dispatcher::Dispatch::none(), || ());
        assert!(dispatcher::has_been_set());
        assert!(nobody_listens());
    }

    #[test]
    fn a_log_that_panics_ends_nobody() {
        logged(|| panic!("failed printing to stderr"));
    }
}
