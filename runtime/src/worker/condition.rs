//! Whether the worker runs, for those who ask from outside.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

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
pub(crate) struct Condition {
    state: AtomicU8,
    /// Whether a thread is kept by an orchestrator that does not return, and gets no successor any more.
    is_stuck: AtomicBool,
}

impl Default for Condition {
    fn default() -> Self {
        Self {
            state: AtomicU8::new(State::Running as u8),
            is_stuck: AtomicBool::new(false),
        }
    }
}

impl Condition {
    pub(crate) fn state(&self) -> State {
        let worse = [State::Broken, State::Fenced, State::Stopping];
        let stored = self.state.load(Ordering::Relaxed);
        let found = worse.into_iter().find(|state| stored == *state as u8);
        found.unwrap_or(State::Running)
    }

    pub(crate) fn becomes(&self, state: State) {
        self.state.fetch_max(state as u8, Ordering::Relaxed);
    }

    /// Whether some instances do not go on, because a thread is kept and gets no successor.
    pub(crate) fn is_stuck(&self) -> bool {
        self.is_stuck.load(Ordering::Relaxed)
    }

    pub(crate) fn set_stuck(&self, is_stuck: bool) {
        self.is_stuck.store(is_stuck, Ordering::Relaxed);
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
