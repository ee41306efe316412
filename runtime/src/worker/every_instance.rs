//! Watchers of all instances.
//!
//! As with the streams of one instance, what was told last is kept once for all of them while there is one, within bounds.

use std::sync::Arc;

use super::recent::{Bounds, Found, Recent};
use super::watchers::{Notice, Watchers};
use crate::model::instance::InstanceId;

/// How much is kept.
const KEPT: Bounds = Bounds {
    entries: 4096,
    size: 8 * 1024 * 1024,
};

/// What is kept of all instances while somebody listens to all.
#[derive(Debug)]
pub(super) struct EveryInstance {
    recent: Recent<Told>,
    listeners: usize,
}

/// What those who listen to all instances are told.
#[derive(Clone, Debug)]
pub(crate) enum Told {
    /// Of one instance.
    Of(InstanceId, Notice),
    /// Any instance may be gone, or any change may have been missed: the store knows.
    Any,
}

impl EveryInstance {
    pub(super) fn push(&mut self, id: &InstanceId, notice: Notice) {
        let size = notice.size();
        self.recent.push(Told::Of(id.clone(), notice), size);
    }

    pub(super) fn push_any(&mut self) {
        self.recent.push(Told::Any, 0);
    }
}

/// A place among those who listen to all instances.
#[derive(Debug)]
pub(crate) struct Listener {
    watchers: Arc<Watchers>,
    seen: u64,
}

impl Watchers {
    /// Listens to all instances from now on.
    pub(crate) fn listen(self: &Arc<Self>) -> Listener {
        let mut watched = self.watched();
        let every = watched.every_instance.get_or_insert_with(|| EveryInstance {
            recent: Recent::new(0, KEPT),
            listeners: 0,
        });
        every.listeners += 1;
        let seen = every.recent.end();
        drop(watched);
        self.stream_opened();
        Listener {
            watchers: Arc::clone(self),
            seen,
        }
    }
}

impl Listener {
    /// The place of what is told next.
    pub(crate) const fn place(&self) -> u64 {
        self.seen
    }

    /// The place behind everything that has been told.
    pub(crate) fn end(&self) -> u64 {
        let watched = self.watchers.watched();
        let every = watched.every_instance.as_ref();
        every.map_or(self.seen, |every| every.recent.end())
    }

    /// What is told next; `None` when the worker is gone.
    pub(crate) async fn next(&mut self) -> Option<Told> {
        loop {
            // Older than the look at what is kept, so that nothing between the two is missed.
            let told = self.watchers.told.notified();
            {
                let watched = self.watchers.watched();
                let recent = watched.every_instance.as_ref().map(|every| &every.recent);
                match recent.map_or(Found::Nothing, |recent| recent.at(self.seen)) {
                    Found::Next(told) => {
                        self.seen += 1;
                        return Some(told.clone());
                    }
                    Found::Behind => {
                        self.seen = recent.map_or(self.seen, Recent::end);
                        return Some(Told::Any);
                    }
                    Found::Nothing if watched.closed => return None,
                    Found::Nothing => {}
                }
            }
            let _waiting = self.watchers.waits();
            told.await;
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.watchers.stream_closed();
        let mut watched = self.watchers.watched();
        if let Some(every) = &mut watched.every_instance {
            every.listeners -= 1;
            if every.listeners == 0 {
                watched.every_instance = None;
            }
        }
    }
}
