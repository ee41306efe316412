//! Stores around another store.

/// Passes methods of [`Store`](crate::store::Store) on to another store: for a store that changes a few of them.
///
/// The methods are named one by one, so that the compiler tells about those that a wrapper has forgotten.
///
/// ```
/// use std::sync::atomic::{AtomicU64, Ordering};
///
/// use steadfast::InstanceId;
/// use steadfast::store::{BoxFuture, InstanceRows, Store, StoreError, delegate_store};
///
/// /// Counts how often somebody reads.
/// #[derive(Debug)]
/// struct CountsReads<S> {
///     store: S,
///     reads: AtomicU64,
/// }
///
/// impl<S: Store> Store for CountsReads<S> {
///     delegate_store!(|self| self.store; acquire, commit, load, needing_attention, timers, inbox, changes, query, counts);
///
///     fn read<'a>(&'a self, id: &'a InstanceId) -> BoxFuture<'a, Result<Option<InstanceRows>, StoreError>> {
///         self.reads.fetch_add(1, Ordering::Relaxed);
///         self.store.read(id)
///     }
/// }
/// ```
#[macro_export]
macro_rules! delegate_store {
    (|$self:ident| $store:expr; $($method:ident),+ $(,)?) => {
        $($crate::__delegate_store_method! { $method, $self, $store })+
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __delegate_store_method {
    (acquire, $self:ident, $store:expr) => {
        fn acquire(
            &$self,
            task_hub: Option<&str>,
        ) -> $crate::store::BoxFuture<'_, Result<$crate::store::Ownership, $crate::store::StoreError>> {
            $crate::store::Store::acquire(&$store, task_hub)
        }
    };
    (commit, $self:ident, $store:expr) => {
        fn commit<'a>(
            &'a $self,
            epoch: $crate::store::Epoch,
            writes: &'a [$crate::store::Write],
        ) -> $crate::store::BoxFuture<
            'a,
            Result<Vec<$crate::store::WriteResult>, $crate::store::StoreError>,
        > {
            $crate::store::Store::commit(&$store, epoch, writes)
        }
    };
    (load, $self:ident, $store:expr) => {
        fn load<'a>(
            &'a $self,
            id: &'a $crate::InstanceId,
        ) -> $crate::store::BoxFuture<
            'a,
            Result<Option<$crate::store::StoredInstance>, $crate::store::StoreError>,
        > {
            $crate::store::Store::load(&$store, id)
        }
    };
    (read, $self:ident, $store:expr) => {
        fn read<'a>(
            &'a $self,
            id: &'a $crate::InstanceId,
        ) -> $crate::store::BoxFuture<
            'a,
            Result<Option<$crate::store::InstanceRows>, $crate::store::StoreError>,
        > {
            $crate::store::Store::read(&$store, id)
        }
    };
    (needing_attention, $self:ident, $store:expr) => {
        fn needing_attention(
            &$self,
            after: $crate::model::instance::Incarnation,
            limit: usize,
        ) -> $crate::store::BoxFuture<
            '_,
            Result<
                Vec<($crate::model::instance::Incarnation, $crate::InstanceId)>,
                $crate::store::StoreError,
            >,
        > {
            $crate::store::Store::needing_attention(&$store, after, limit)
        }
    };
    (timers, $self:ident, $store:expr) => {
        fn timers(
            &$self,
            after: $crate::store::TimerPosition,
            limit: usize,
        ) -> $crate::store::BoxFuture<
            '_,
            Result<
                Vec<($crate::store::TimerPosition, $crate::InstanceId)>,
                $crate::store::StoreError,
            >,
        > {
            $crate::store::Store::timers(&$store, after, limit)
        }
    };
    (inbox, $self:ident, $store:expr) => {
        fn inbox<'a>(
            &'a $self,
            id: &'a $crate::InstanceId,
            incarnation: $crate::model::instance::Incarnation,
            after: u64,
        ) -> $crate::store::BoxFuture<
            'a,
            Result<Vec<$crate::store::InboxRow>, $crate::store::StoreError>,
        > {
            $crate::store::Store::inbox(&$store, id, incarnation, after)
        }
    };
    (changes, $self:ident, $store:expr) => {
        fn changes(
            &$self,
            incarnation: $crate::model::instance::Incarnation,
            after: u64,
            limit: usize,
        ) -> $crate::store::BoxFuture<
            '_,
            Result<Vec<$crate::store::ChangeRow>, $crate::store::StoreError>,
        > {
            $crate::store::Store::changes(&$store, incarnation, after, limit)
        }
    };
    (query, $self:ident, $store:expr) => {
        fn query<'a>(
            &'a $self,
            filter: &'a $crate::InstanceFilter,
            page: &'a $crate::store::PageRequest,
        ) -> $crate::store::BoxFuture<
            'a,
            Result<$crate::store::InstancePage, $crate::store::StoreError>,
        > {
            $crate::store::Store::query(&$store, filter, page)
        }
    };
    (counts, $self:ident, $store:expr) => {
        fn counts<'a>(
            &'a $self,
            filter: &'a $crate::InstanceFilter,
        ) -> $crate::store::BoxFuture<
            'a,
            Result<Vec<($crate::RuntimeStatus, u64)>, $crate::store::StoreError>,
        > {
            $crate::store::Store::counts(&$store, filter)
        }
    };
    ($other:ident, $self:ident, $store:expr) => {
        compile_error!(concat!("`Store` has no method `", stringify!($other), "`"));
    };
}
