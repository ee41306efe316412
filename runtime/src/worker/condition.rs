//! Whether the worker runs, for those who ask from outside.

use std::sync::atomic::{AtomicU8, Ordering};

/// What has become of a worker. It only ever gets worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum State {
    Running,
    /// Nothing new is taken.
    Stopping,
    /// Another owner has taken the store over.
    Fenced,
    /// One of its threads has panicked.
    Broken,
}

/// The [`State`] of a worker, shared.
#[derive(Debug)]
pub(crate) struct Condition(AtomicU8);

impl Default for Condition {
    fn default() -> Self {
        Self(AtomicU8::new(State::Running as u8))
    }
}

impl Condition {
    pub(crate) fn state(&self) -> State {
        let worse = [State::Broken, State::Fenced, State::Stopping];
        let stored = self.0.load(Ordering::Relaxed);
        let found = worse.into_iter().find(|state| stored == *state as u8);
        found.unwrap_or(State::Running)
    }

    pub(crate) fn becomes(&self, state: State) {
        self.0.fetch_max(state as u8, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_gets_only_worse() {
        let condition = Condition::default();
        assert_eq!(condition.state(), State::Running);
        for (next, state) in [
            (State::Fenced, State::Fenced),
            (State::Stopping, State::Fenced),
            (State::Broken, State::Broken),
        ] {
            condition.becomes(next);
            assert_eq!(condition.state(), state);
        }
    }
}
