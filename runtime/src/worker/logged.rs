//! What the worker's own threads log.
//!
//! A log may be on the disk that has no room left. A subscriber that cannot write may panic, as `eprintln!` does; a thread that owns
//! instances must not end with it.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Logs something, whatever becomes of it.
pub(super) fn logged(log: impl FnOnce()) {
    // The panic hook has told of it, as far as anything can be told.
    let _ = catch_unwind(AssertUnwindSafe(log));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_that_panics_ends_nobody() {
        logged(|| panic!("failed printing to stderr"));
    }
}
