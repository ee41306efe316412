//! The end of anyone's interest in an activity, and why.

use std::fmt;
use std::sync::{Arc, OnceLock};

use tokio_util::sync::CancellationToken;

/// Why nobody waits for an activity any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CancelReason {
    /// The orchestration was terminated.
    Terminated,
    /// The orchestrator dropped the call: it lost a race, for instance.
    Withdrawn,
    /// The attempt took longer than its timeout. There may be a further attempt.
    TimedOut,
    /// The worker is shutting down. The activity runs again after the next start, unless it ends in time.
    ShutDown,
    /// The orchestration was replaced by another one of the same id, or rewound.
    Replaced,
}

impl fmt::Display for CancelReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Terminated => "the orchestration was terminated",
            Self::Withdrawn => "the orchestrator dropped the call",
            Self::TimedOut => "the attempt took longer than its timeout",
            Self::ShutDown => "the worker is shutting down",
            Self::Replaced => "the orchestration was replaced",
        })
    }
}

/// A flag that is raised once, with a reason. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cancellation {
    token: CancellationToken,
    /// Set before the token is cancelled.
    reason: Arc<OnceLock<CancelReason>>,
}

impl Cancellation {
    /// Raises it; the first reason stays.
    pub(crate) fn cancel(&self, reason: CancelReason) {
        self.reason.get_or_init(|| reason);
        self.token.cancel();
    }

    pub(crate) fn reason(&self) -> Option<CancelReason> {
        self.reason.get().copied()
    }

    /// Waits until it is raised.
    pub(crate) async fn raised(&self) -> CancelReason {
        self.token.cancelled().await;
        self.reason().expect("the reason is set first")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_reason_stays() {
        let cancellation = Cancellation::default();
        let activity = cancellation.clone();
        assert_eq!(activity.reason(), None);
        cancellation.cancel(CancelReason::TimedOut);
        cancellation.cancel(CancelReason::ShutDown);
        assert_eq!(activity.reason(), Some(CancelReason::TimedOut));
        let raised = futures_executor::block_on(activity.raised());
        assert_eq!(raised, CancelReason::TimedOut);
    }
}
