//! When serving is to end: what answers for longer than a moment ends then.

use std::fmt;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared, pending, select};

/// Resolves once serving is to end, for everyone who waits for it, and at once for those who come later.
#[derive(Clone)]
pub(super) struct Ending(Shared<BoxFuture<'static, ()>>);

impl Ending {
    /// Also when this one resolves. Those that have been cloned before are told nothing of it.
    pub(super) fn or(self, other: impl Future<Output = ()> + Send + 'static) -> Self {
        let first = select(self.0, other.boxed()).map(drop);
        Self(first.boxed().shared())
    }

    /// Resolves once serving is to end.
    pub(super) fn begun(&self) -> impl Future<Output = ()> + Send + use<> {
        self.0.clone()
    }

    /// What a future gives; `None` when serving is to end before.
    pub(super) async fn or_end<T>(&self, future: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.begun() => None,
            value = future => Some(value),
        }
    }
}

impl Default for Ending {
    /// Serving goes on for ever.
    fn default() -> Self {
        Self(pending().boxed().shared())
    }
}

impl fmt::Debug for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ending").finish_non_exhaustive()
    }
}
