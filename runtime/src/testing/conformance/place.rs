//! Where the stores of a case are, and how a case is run there.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use futures_executor::block_on;
use tokio::runtime::{Builder, Runtime};

use super::Reopen;
use crate::store::Store;

/// A place for the store of one case, such as a database of its own: for stores that are opened by async code, or leave something
/// behind that is to be deleted.
///
/// Its methods run in a tokio runtime, which lives until it is torn down. The methods of the store are called from outside of it, as a
/// worker does.
///
/// ```
/// use steadfast::store::sqlite::SqliteStore;
/// use steadfast::testing::conformance::Place;
///
/// struct Directory(tempfile::TempDir);
///
/// impl Directory {
///     async fn create() -> Self {
///         Self(tempfile::tempdir().unwrap())
///     }
/// }
///
/// impl Place for Directory {
///     type Store = SqliteStore;
///
///     async fn open(&self) -> SqliteStore {
///         SqliteStore::open(self.0.path().join("app.db")).unwrap()
///     }
///
///     async fn tear_down(self) {
///         self.0.close().unwrap();
///     }
/// }
///
/// steadfast::testing::store_conformance!(sqlite, place: Directory::create);
/// ```
pub trait Place {
    /// The store.
    type Store: Store;

    /// Opens the store, with what was committed here before. There is at most one at a time.
    fn open(&self) -> impl Future<Output = Self::Store>;

    /// Deletes what is left of it. Called at the end of the case, whether it has failed or not.
    fn tear_down(self) -> impl Future<Output = ()>
    where
        Self: Sized,
    {
        async {}
    }
}

/// Runs one case on the store that `open` makes.
///
/// # Panics
///
/// When the store breaks its promise.
pub fn run<S: Store>(open: impl Fn() -> S, case: impl AsyncFnOnce(&dyn Store)) {
    block_on(case(&open()));
}

/// Runs one case on the stores that `open` makes, one after the other, of the same data.
///
/// # Panics
///
/// When the store breaks its promise.
pub fn run_reopen<S: Store>(open: impl Fn() -> S, case: impl AsyncFnOnce(Reopen<'_>)) {
    block_on(case(&|| Box::new(open())));
}

/// Runs one case on the store of a new place.
///
/// # Panics
///
/// When the store breaks its promise.
pub fn run_in<P: Place>(create: impl AsyncFnOnce() -> P, case: impl AsyncFnOnce(&dyn Store)) {
    within(create, |runtime, place| {
        let store = runtime.block_on(place.open());
        block_on(case(&store));
    });
}

/// Runs one case on the stores of a new place, one after the other.
///
/// # Panics
///
/// When the store breaks its promise.
pub fn run_reopen_in<P: Place>(
    create: impl AsyncFnOnce() -> P,
    case: impl AsyncFnOnce(Reopen<'_>),
) {
    within(create, |runtime, place| {
        block_on(case(&|| Box::new(runtime.block_on(place.open()))));
    });
}

/// Does something in a new place, and tears it down whatever comes of it.
fn within<P: Place>(create: impl AsyncFnOnce() -> P, act: impl FnOnce(&Runtime, &P)) {
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build();
    let runtime = runtime.expect("a runtime can be built");
    let place = runtime.block_on(create());
    let outcome: Result<(), Box<dyn Any + Send>> =
        catch_unwind(AssertUnwindSafe(|| act(&runtime, &place)));
    runtime.block_on(place.tear_down());
    if let Err(broken) = outcome {
        resume_unwind(broken);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::store::memory::MemoryStore;

    struct Counted {
        store: MemoryStore,
        opened: AtomicU32,
        torn_down: Arc<AtomicU32>,
    }

    impl Place for Counted {
        type Store = MemoryStore;

        async fn open(&self) -> MemoryStore {
            tokio::task::yield_now().await;
            self.opened.fetch_add(1, Ordering::SeqCst);
            self.store.clone()
        }

        async fn tear_down(self) {
            tokio::task::yield_now().await;
            let opened = self.opened.load(Ordering::SeqCst);
            self.torn_down.fetch_add(opened, Ordering::SeqCst);
        }
    }

    #[test]
    fn a_place_is_torn_down_also_when_a_case_fails() {
        let torn_down = Arc::new(AtomicU32::new(0));
        let create = || async {
            Counted {
                store: MemoryStore::new(),
                opened: AtomicU32::new(0),
                torn_down: Arc::clone(&torn_down),
            }
        };
        run_in(create, async |store| {
            assert!(tokio::runtime::Handle::try_current().is_err());
            assert!(store.acquire(None).await.is_ok());
        });
        assert_eq!(torn_down.load(Ordering::SeqCst), 1);
        run_reopen_in(create, async |open| drop((open(), open())));
        assert_eq!(torn_down.load(Ordering::SeqCst), 3);
        let failed = catch_unwind(AssertUnwindSafe(|| {
            run_in(create, async |_| panic!("the case fails"));
        }));
        let message = failed.expect_err("the case fails");
        assert_eq!(message.downcast_ref(), Some(&"the case fails"));
        assert_eq!(torn_down.load(Ordering::SeqCst), 4);
    }
}
