//! The waker that an orchestrator is polled with.
//!
//! It tells a wake that an applied event caused from one that came from outside: another thread, or a time between episodes.
//! The second kind is proof that the orchestrator awaits something that is not durable.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::Wake;
use std::thread::{self, ThreadId};

use super::panicked::{Panicked, caught};

/// Told, from any thread, that a wake came from outside an episode.
type OnForeignWake = Arc<dyn Fn() + Send + Sync>;

pub(super) struct RootWaker {
    thread: ThreadId,
    inside: AtomicBool,
    woken: AtomicBool,
    on_foreign_wake: OnForeignWake,
}

impl RootWaker {
    /// The waker of an execution that stays on this thread.
    pub(super) fn new(on_foreign_wake: OnForeignWake) -> Self {
        Self {
            thread: thread::current().id(),
            inside: AtomicBool::new(false),
            woken: AtomicBool::new(false),
            on_foreign_wake,
        }
    }

    /// Runs code of the execution, or drops it.
    pub(super) fn run<T>(&self, code: impl FnOnce() -> T) -> Result<T, Panicked> {
        self.inside.store(true, Relaxed);
        let result = caught(code);
        self.inside.store(false, Relaxed);
        result
    }

    /// Asks for the first poll.
    pub(super) fn begin(&self) {
        self.woken.store(true, Relaxed);
    }

    /// Whether a poll was asked for since the last call.
    pub(super) fn take_woken(&self) -> bool {
        self.woken.swap(false, Relaxed)
    }
}

impl Wake for RootWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.inside.load(Relaxed) && thread::current().id() == self.thread {
            self.woken.store(true, Relaxed);
        } else {
            (self.on_foreign_wake)();
        }
    }
}

impl fmt::Debug for RootWaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RootWaker")
            .field("woken", &self.woken)
            .finish_non_exhaustive()
    }
}
