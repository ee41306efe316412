//! Watchers of an instance that want to see every change.
//!
//! What was told last is kept for them, once for all of them and within bounds, for as long as there is one. So one that is slow
//! holds a number and nothing else; when what it wants next is gone, it goes on with the latest.

use std::sync::Arc;

use tokio::sync::Mutex;

use super::recent::{Bounds, Found, Recent};
use super::update::{Published, Update};
use super::watchers::{Notice, Subscription};
use crate::model::instance::Cursor;

/// How much is kept of one instance: enough for bursts of a fast orchestrator, and for the greatest custom statuses not much.
const OF_AN_INSTANCE: Bounds = Bounds {
    entries: 256,
    size: 1024 * 1024,
};

/// What is kept of an instance whose every change somebody wants to see.
#[derive(Debug)]
pub(super) struct Streamed {
    recent: Recent<Notice>,
    readers: usize,
    /// Held while the store is read, so that those who must know what it has ask once for all.
    reading: Arc<Mutex<()>>,
    /// What the store had, and how many notices had come before it was asked.
    read: Option<(u64, Arc<Published>)>,
}

impl Streamed {
    fn new(count: u64) -> Self {
        Self {
            recent: Recent::new(count, OF_AN_INSTANCE),
            readers: 0,
            reading: Arc::default(),
            read: None,
        }
    }

    pub(super) fn push(&mut self, notice: Notice) {
        let size = notice.size();
        self.recent.push(notice, size);
    }
}

/// A place among an instance's watchers that sees every notice, or the latest one when it is far behind.
#[derive(Debug)]
pub(crate) struct Stream(Subscription);

impl Subscription {
    /// Sees every notice from now on.
    pub(crate) fn stream(mut self) -> Stream {
        {
            let mut state = self.instance.state();
            let count = state.count;
            let streamed = state
                .streamed
                .get_or_insert_with(|| Box::new(Streamed::new(count)));
            streamed.readers += 1;
            self.seen = count;
        }
        self.watchers.stream_opened();
        Stream(self)
    }
}

impl Stream {
    /// The next notice; `None` when the worker is gone.
    pub(crate) async fn next(&mut self) -> Option<Notice> {
        let Subscription {
            instance,
            seen,
            watchers,
            ..
        } = &mut self.0;
        loop {
            // Older than the look at the state, so that nothing between the two is missed.
            let changed = instance.changed.notified();
            {
                let state = instance.state();
                let recent = state.streamed.as_ref().map(|streamed| &streamed.recent);
                match recent.map_or(Found::Nothing, |recent| recent.at(*seen)) {
                    Found::Next(notice) => {
                        *seen += 1;
                        return Some(notice.clone());
                    }
                    Found::Behind => {
                        *seen = state.count;
                        return Some(state.latest.clone());
                    }
                    Found::Nothing if state.closed => return None,
                    Found::Nothing => {}
                }
            }
            let _waiting = watchers.waits();
            changed.await;
        }
    }

    /// The state now, as it was published last.
    pub(crate) fn latest(&mut self) -> Option<Arc<Published>> {
        self.0.latest()
    }

    /// The state in the store, which is not before this cursor when the store has such a one. Whoever asks while somebody is reading
    /// shares the answer, and so does whoever asks before there is another notice.
    pub(crate) async fn read<E>(
        &mut self,
        at_least: Option<Cursor>,
        read: impl Future<Output = Result<Update, E>>,
    ) -> Result<Arc<Published>, E> {
        let reading = {
            let state = self.0.instance.state();
            let streamed = state.streamed.as_ref();
            streamed.map_or_else(Arc::default, |streamed| Arc::clone(&streamed.reading))
        };
        let _turn = reading.lock().await;
        let count = {
            let state = self.0.instance.state();
            let streamed = state.streamed.as_ref();
            if let Some((count, update)) = streamed.and_then(|streamed| streamed.read.as_ref())
                && *count == state.count
                && at_least.is_none_or(|cursor| cursor <= update.cursor)
            {
                self.0.seen = *count;
                return Ok(Arc::clone(update));
            }
            state.count
        };
        let update = Published::new(read.await?);
        let mut state = self.0.instance.state();
        if let Some(streamed) = &mut state.streamed {
            streamed.read = Some((count, Arc::clone(&update)));
        }
        drop(state);
        self.0.seen = count;
        Ok(update)
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.0.watchers.stream_closed();
        let mut state = self.0.instance.state();
        if let Some(streamed) = &mut state.streamed {
            streamed.readers -= 1;
            if streamed.readers == 0 {
                state.streamed = None;
            }
        }
    }
}
