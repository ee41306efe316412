//! Who is told when an instance changes.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::every_instance::{EveryInstance, Told};
use super::streams::Streamed;
use super::update::Published;
use crate::hash::Map;
use crate::model::instance::{Incarnation, InstanceId};

/// What watchers are told.
#[derive(Clone, Debug)]
pub(crate) enum Notice {
    /// This was committed.
    Update(Arc<Published>),
    /// Something may have been committed: the store knows.
    Uncertain,
}

impl Notice {
    fn may_be_an_end(&self) -> bool {
        match self {
            Self::Update(update) => update.runtime_status.is_terminal(),
            Self::Uncertain => true,
        }
    }

    /// About how many bytes keeping it takes.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::Update(update) => update.size(),
            Self::Uncertain => 0,
        }
    }
}

/// The watched instances. Costs nothing for the others.
#[derive(Debug, Default)]
pub(crate) struct Watchers {
    watched: Mutex<Watched>,
    pub(super) every_instance: EveryInstance,
    streams: AtomicUsize,
    waiting: AtomicUsize,
}

#[derive(Debug, Default)]
struct Watched {
    closed: bool,
    instances: Map<InstanceId, Arc<Instance>>,
}

/// A watched instance. Every start has one for a while, so that it is small.
#[derive(Debug)]
pub(super) struct Instance {
    state: Mutex<State>,
    pub(super) changed: Notify,
    /// Apart from `changed`, so that who waits for the end is not woken by everything else.
    ended: Notify,
    /// How many subscriptions there are: the first comes and the last goes under the lock of the list.
    subscriptions: AtomicUsize,
}

#[derive(Debug)]
pub(super) struct State {
    /// How many notices there were.
    pub(super) count: u64,
    /// The last one.
    pub(super) latest: Notice,
    /// Whether there will be none any more: the worker is gone.
    pub(super) closed: bool,
    /// While somebody wants to see every notice.
    pub(super) streamed: Option<Box<Streamed>>,
}

impl Instance {
    fn new(closed: bool) -> Self {
        Self {
            state: Mutex::new(State {
                count: 0,
                latest: Notice::Uncertain,
                closed,
                streamed: None,
            }),
            changed: Notify::new(),
            ended: Notify::new(),
            subscriptions: AtomicUsize::new(0),
        }
    }

    fn tell(&self, notice: Notice) {
        let may_have_ended = notice.may_be_an_end();
        let mut state = self.state();
        state.count += 1;
        if let Some(streamed) = &mut state.streamed {
            streamed.push(notice.clone());
        }
        state.latest = notice;
        drop(state);
        self.changed.notify_waiters();
        if may_have_ended {
            self.ended.notify_waiters();
        }
    }

    fn close(&self) {
        self.state().closed = true;
        self.changed.notify_waiters();
        self.ended.notify_waiters();
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place among an instance's watchers. It sees the latest update; when it is slow, those between are skipped.
#[derive(Debug)]
pub(crate) struct Subscription {
    id: InstanceId,
    pub(super) instance: Arc<Instance>,
    /// How many notices there were when it looked last.
    pub(super) seen: u64,
    pub(super) watchers: Arc<Watchers>,
}

impl Watchers {
    /// Begins to watch an instance. Updates that are published from now on are seen.
    pub(crate) fn subscribe(self: &Arc<Self>, id: &InstanceId) -> Subscription {
        let mut watched = self.watched();
        let instance = match watched.instances.get(id) {
            Some(instance) => Arc::clone(instance),
            None => {
                let instance = Arc::new(Instance::new(watched.closed));
                if !watched.closed {
                    watched.instances.insert(id.clone(), Arc::clone(&instance));
                }
                instance
            }
        };
        Subscription::new(id.clone(), instance, Arc::clone(self))
    }

    /// Tells an instance's watchers, when it has any, of an update that is committed.
    pub(crate) fn publish(&self, id: &InstanceId, update: Arc<Published>) {
        self.tell(id, || Notice::Update(update));
    }

    /// Tells an instance's watchers, when it has any, to read the store: the outcome of a commit is unknown.
    pub(crate) fn publish_uncertain(&self, id: &InstanceId) {
        self.tell(id, || Notice::Uncertain);
    }

    /// The same unless they have been told of this incarnation. What an orchestration starts is told of only when it runs.
    pub(crate) fn publish_incarnation(&self, id: &InstanceId, incarnation: Incarnation) {
        let instance = self.watched().instances.get(id).cloned();
        let is_behind = |instance: &Arc<Instance>| match &instance.state().latest {
            Notice::Update(update) => update.cursor.incarnation < incarnation,
            Notice::Uncertain => false,
        };
        if let Some(instance) = instance.filter(is_behind) {
            instance.tell(Notice::Uncertain);
        }
    }

    /// The same for all that may have ended: those are what was purged.
    pub(crate) fn publish_purge(&self) {
        self.publish_uncertain_of(|instance| instance.state().latest.may_be_an_end());
    }

    /// The same for all.
    pub(crate) fn publish_all_uncertain(&self) {
        self.publish_uncertain_of(|_| true);
    }

    fn publish_uncertain_of(&self, these: impl Fn(&Instance) -> bool) {
        let instances: Vec<_> = self.watched().instances.values().cloned().collect();
        for instance in instances {
            if these(&instance) {
                instance.tell(Notice::Uncertain);
            }
        }
        self.every_instance.tell(|| Told::Any);
    }

    /// The lock is not held while somebody is woken.
    fn tell(&self, id: &InstanceId, notice: impl FnOnce() -> Notice) {
        let instance = self.watched().instances.get(id).cloned();
        let has_listeners = self.every_instance.has_listeners();
        if instance.is_none() && !has_listeners {
            return;
        }
        let notice = notice();
        if has_listeners {
            self.every_instance.tell(|| Told::of(id, &notice));
        }
        if let Some(instance) = instance {
            instance.tell(notice);
        }
    }

    fn watched(&self) -> MutexGuard<'_, Watched> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many wait to be told something.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Somebody waits, until what is given is dropped.
    pub(super) fn waits(&self) -> Waiting<'_> {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        Waiting(&self.waiting)
    }

    /// How many streams are open.
    pub(crate) fn streams(&self) -> usize {
        self.streams.load(Ordering::Relaxed)
    }

    pub(super) fn stream_opened(&self) {
        self.streams.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn stream_closed(&self) {
        self.streams.fetch_sub(1, Ordering::Relaxed);
    }

    /// Whether the worker is gone.
    #[cfg(feature = "http")]
    pub(crate) fn is_closed(&self) -> bool {
        self.watched().closed
    }

    /// Ends every subscription, also later ones: the worker is gone.
    pub(crate) fn close(&self) {
        let instances = {
            let mut watched = self.watched();
            watched.closed = true;
            std::mem::take(&mut watched.instances)
        };
        for instance in instances.values() {
            instance.close();
        }
        self.every_instance.close();
    }
}

/// Somebody who waits to be told something.
pub(super) struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Subscription {
    fn new(id: InstanceId, instance: Arc<Instance>, watchers: Arc<Watchers>) -> Self {
        instance.subscriptions.fetch_add(1, Ordering::Relaxed);
        let seen = instance.state().count;
        Self {
            id,
            instance,
            seen,
            watchers,
        }
    }

    /// What was committed last, as far as it was published since the instance is watched.
    pub(crate) fn latest(&mut self) -> Option<Arc<Published>> {
        let state = self.instance.state();
        match &state.latest {
            Notice::Update(update) if !state.closed => {
                self.seen = state.count;
                Some(Arc::clone(update))
            }
            Notice::Update(_) | Notice::Uncertain => None,
        }
    }

    /// The next notice; `None` when the worker is gone.
    pub(crate) async fn next(&mut self) -> Option<Notice> {
        loop {
            // Older than the look at the state, so that nothing between the two is missed.
            let changed = self.instance.changed.notified();
            {
                let state = self.instance.state();
                if state.count != self.seen {
                    self.seen = state.count;
                    return Some(state.latest.clone());
                }
                if state.closed {
                    return None;
                }
            }
            let _waiting = self.watchers.waits();
            changed.await;
        }
    }

    /// The next notice at which the instance may have ended; `None` when the worker is gone. What is not its end is not told.
    pub(crate) async fn next_end(&mut self) -> Option<Notice> {
        loop {
            let ended = self.instance.ended.notified();
            {
                let state = self.instance.state();
                if state.count != self.seen && state.latest.may_be_an_end() {
                    self.seen = state.count;
                    return Some(state.latest.clone());
                }
                if state.closed {
                    return None;
                }
            }
            let _waiting = self.watchers.waits();
            ended.await;
        }
    }

    /// Another place among the watchers of the same instance.
    pub(crate) fn again(&self) -> Self {
        let instance = Arc::clone(&self.instance);
        Self::new(self.id.clone(), instance, Arc::clone(&self.watchers))
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut watched = self.watchers.watched();
        // Others are made from this one, or under the lock: who is the last stays the last.
        let is_last = self.instance.subscriptions.fetch_sub(1, Ordering::Relaxed) == 1;
        let is_listed = |instance: &Arc<Instance>| Arc::ptr_eq(instance, &self.instance);
        if is_last && watched.instances.get(&self.id).is_some_and(is_listed) {
            watched.instances.remove(&self.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(id: &str) -> InstanceId {
        InstanceId::parse(id).unwrap()
    }

    #[test]
    fn an_instance_is_watched_for_as_long_as_it_has_a_subscription() {
        let watchers = Arc::new(Watchers::default());
        let first = watchers.subscribe(&id("a"));
        let (second, third) = (first.again(), watchers.subscribe(&id("a")));
        // As while somebody is told, which is not under the lock.
        let told = Arc::clone(&first.instance);
        for subscription in [first, third, second] {
            assert_eq!(watchers.watched().instances.len(), 1);
            drop(subscription);
        }
        assert_eq!(watchers.watched().instances.len(), 0);
        drop(told);
    }

    #[test]
    fn a_listener_is_told_everything_in_order_and_knows_its_place() {
        let watchers = Arc::new(Watchers::default());
        watchers.publish_uncertain(&id("before"));
        let mut listener = watchers.listen();
        assert!(listener.ready().is_none());
        for number in 0..100 {
            watchers.publish_uncertain(&id(&number.to_string()));
        }
        let (begin, end) = (listener.place(), listener.end());
        for number in 0..50 {
            assert_eq!(listener.place(), begin + number);
            match listener.ready() {
                Some(Told::Uncertain(id)) => assert_eq!(id.as_str(), number.to_string()),
                other => panic!("{other:?}"),
            }
        }
        listener.skip();
        assert_eq!((listener.place(), end), (end, begin + 100));
        assert!(listener.ready().is_none());
        watchers.publish_purge();
        assert!(matches!(listener.ready(), Some(Told::Any)));
        drop(listener);
        assert!(!watchers.every_instance.has_listeners());
    }
}
