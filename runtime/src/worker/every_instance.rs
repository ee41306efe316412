//! Watchers of all instances.
//!
//! As with the streams of one instance, what was told last is kept once for all of them while there is one, within bounds. It is apart
//! from the watched instances: who lists is in nobody's way.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::recent::{Bounds, Found, Recent};
use super::update::Published;
use super::watchers::{Notice, Watchers};
use crate::model::instance::InstanceId;

/// How much is kept.
const KEPT: Bounds = Bounds {
    entries: 4096,
    size: 8 * 1024 * 1024,
};

/// What takes more is not kept, but that it is in the store: a few large outputs would take the place of everything else.
const LARGEST: usize = 32 * 1024;

/// How many a listener takes at once: fewer turns at the lock, and little to hold for one that does not go on.
const AT_ONCE: usize = 32;

/// What those who listen to all instances are told.
#[derive(Clone, Debug)]
pub(crate) enum Told {
    /// This was committed. What is too large to be kept is an [outline](Published::outline).
    Update(Arc<Published>),
    /// Something may have been committed of this instance: the store knows.
    Uncertain(InstanceId),
    /// Any instance may be gone, or any change may have been missed: the store knows.
    Any,
}

impl Told {
    pub(super) fn of(id: &InstanceId, notice: &Notice) -> Self {
        match notice {
            Notice::Update(update) if update.size() > LARGEST => Self::Update(update.outline()),
            Notice::Update(update) => Self::Update(Arc::clone(update)),
            Notice::Uncertain => Self::Uncertain(id.clone()),
        }
    }

    /// About how many bytes keeping it takes.
    pub(crate) fn size(&self) -> usize {
        size_of::<Self>()
            + match self {
                Self::Update(update) => update.size(),
                Self::Uncertain(id) => id.as_str().len(),
                Self::Any => 0,
            }
    }
}

/// What is kept of all instances while somebody listens to all.
#[derive(Debug, Default)]
pub(super) struct EveryInstance {
    kept: Mutex<Kept>,
    /// So that a commit that nobody listens to takes no lock. Changed under the lock.
    has_listeners: AtomicBool,
    /// Something was told.
    told: Notify,
}

#[derive(Debug, Default)]
struct Kept {
    /// While there are listeners.
    recent: Option<Recent<Told>>,
    listeners: usize,
    closed: bool,
}

impl EveryInstance {
    pub(super) fn has_listeners(&self) -> bool {
        self.has_listeners.load(Ordering::SeqCst)
    }

    pub(super) fn tell(&self, told: impl FnOnce() -> Told) {
        if !self.has_listeners() {
            return;
        }
        let told = told();
        let size = told.size();
        if let Some(recent) = &mut self.kept().recent {
            recent.push(told, size);
        }
        self.told.notify_waiters();
    }

    pub(super) fn close(&self) {
        self.kept().closed = true;
        self.told.notify_waiters();
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place among those who listen to all instances.
#[derive(Debug)]
pub(crate) struct Listener {
    watchers: Arc<Watchers>,
    /// What it has taken and not been given yet.
    taken: VecDeque<Told>,
    /// The place of what it takes next.
    next: u64,
}

impl Watchers {
    /// Listens to all instances from now on.
    pub(crate) fn listen(self: &Arc<Self>) -> Listener {
        let every = &self.every_instance;
        let mut kept = every.kept();
        kept.listeners += 1;
        let next = kept
            .recent
            .get_or_insert_with(|| Recent::new(0, KEPT))
            .end();
        every.has_listeners.store(true, Ordering::SeqCst);
        drop(kept);
        self.stream_opened();
        Listener {
            watchers: Arc::clone(self),
            taken: VecDeque::new(),
            next,
        }
    }
}

impl Listener {
    /// The place of what is told next.
    pub(crate) fn place(&self) -> u64 {
        self.next - self.taken.len() as u64
    }

    /// The place behind everything that has been told.
    pub(crate) fn end(&self) -> u64 {
        let kept = self.watchers.every_instance.kept();
        kept.recent.as_ref().map_or(self.next, Recent::end)
    }

    /// Leaves out everything that has been told.
    pub(crate) fn skip(&mut self) {
        self.next = self.end();
        self.taken.clear();
    }

    /// What has been told, when there is something that it was not given yet.
    pub(crate) fn ready(&mut self) -> Option<Told> {
        if self.taken.is_empty() {
            self.take();
        }
        self.taken.pop_front()
    }

    /// What is told next; `None` when the worker is gone.
    pub(crate) async fn next(&mut self) -> Option<Told> {
        loop {
            let watchers = Arc::clone(&self.watchers);
            // Older than the look at what is kept, so that nothing between the two is missed.
            let told = watchers.every_instance.told.notified();
            let closed = self.taken.is_empty() && self.take();
            if let Some(told) = self.taken.pop_front() {
                return Some(told);
            }
            if closed {
                return None;
            }
            let _waiting = watchers.waits();
            told.await;
        }
    }

    /// Takes some of what was told, and says whether there will be no more.
    fn take(&mut self) -> bool {
        let kept = self.watchers.every_instance.kept();
        let recent = kept.recent.as_ref();
        while self.taken.len() < AT_ONCE {
            match recent.map_or(Found::Nothing, |recent| recent.at(self.next)) {
                Found::Next(told) => {
                    self.taken.push_back(told.clone());
                    self.next += 1;
                }
                Found::Behind => {
                    self.taken.push_back(Told::Any);
                    self.next = recent.map_or(self.next, Recent::end);
                }
                Found::Nothing => break,
            }
        }
        kept.closed
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.watchers.stream_closed();
        let every = &self.watchers.every_instance;
        let mut kept = every.kept();
        kept.listeners -= 1;
        if kept.listeners == 0 {
            kept.recent = None;
            every.has_listeners.store(false, Ordering::SeqCst);
        }
    }
}
