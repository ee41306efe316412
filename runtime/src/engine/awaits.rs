//! Whether an orchestrator awaits a durable operation, as far as its polls tell.
//!
//! A durable future keeps the waker that it was last polled with. When a poll leaves the orchestrator pending, it awaits a durable
//! operation if that poll came to one that is still open, or if one keeps a waker of a combinator: `FuturesUnordered` and the
//! like poll only what was woken. What else could be woken is not durable. A channel between two branches needs no rule of its
//! own: the branch that sends awaits something durable, or there is nobody who will send.

use std::cell::Cell;
use std::fmt;
use std::rc::Rc;
use std::task::Waker;

/// The wakers that durable futures may keep.
#[derive(Debug)]
pub(super) struct Awaits {
    root: Waker,
    /// How many durable futures keep the waker of a combinator.
    through: Rc<Cell<usize>>,
}

impl Awaits {
    pub(super) fn new(root: Waker) -> Self {
        Self {
            root,
            through: Rc::default(),
        }
    }

    /// A waker for a durable future to keep.
    pub(super) fn keep(&self, waker: Waker) -> Kept {
        let through = (!waker.will_wake(&self.root)).then(|| Through::new(&self.through));
        Kept { waker, through }
    }

    /// Whether a combinator awaits something durable.
    pub(super) fn through_a_combinator(&self) -> bool {
        self.through.get() > 0
    }
}

/// A waker that a durable future keeps. It may be user code: see the invariant of [`State`](super::state::State).
pub(super) struct Kept {
    waker: Waker,
    through: Option<Through>,
}

impl Kept {
    pub(super) fn wake(self) {
        self.waker.wake();
    }

    /// Whether it is the orchestrator's own.
    pub(super) const fn is_root(&self) -> bool {
        self.through.is_none()
    }
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept").finish_non_exhaustive()
    }
}

/// Counts while it lives.
struct Through(Rc<Cell<usize>>);

impl Through {
    fn new(count: &Rc<Cell<usize>>) -> Self {
        count.set(count.get() + 1);
        Self(Rc::clone(count))
    }
}

impl Drop for Through {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}
