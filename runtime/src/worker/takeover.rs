//! What those who wait for a shard's answer learn when its thread is given up.

use std::collections::HashSet;
use std::sync::Arc;

use tokio::sync::watch;

use super::message::RequestError;

/// The number of a request.
pub(crate) type Ticket = u64;

/// What has become of the threads of a shard, the last time that one was given up.
#[derive(Clone, Debug, Default)]
pub(crate) struct Takeover {
    /// The requests that it had not taken: they go to the thread that follows.
    pub(super) spared: Arc<HashSet<Ticket>>,
    /// None follows.
    pub(super) closed: bool,
}

/// The end of hope for the answer to one request.
#[derive(Debug)]
pub(crate) struct Lost {
    ticket: Ticket,
    takeovers: watch::Receiver<Takeover>,
}

impl Lost {
    /// Whatever becomes of the shard from now on counts.
    pub(super) fn of(ticket: Ticket, takeovers: &watch::Sender<Takeover>) -> Self {
        let takeovers = takeovers.subscribe();
        Self { ticket, takeovers }
    }

    /// Waits until the thread that took the request has been given up.
    pub(crate) async fn lost(&mut self) -> RequestError {
        if self.takeovers.borrow().closed {
            return RequestError::ShutDown;
        }
        while self.takeovers.changed().await.is_ok() {
            if let Some(error) = self.look() {
                return error;
            }
        }
        RequestError::ShutDown
    }

    /// What the last change means for the request; `None` when the next thread takes it.
    fn look(&mut self) -> Option<RequestError> {
        let takeover = self.takeovers.borrow_and_update();
        if takeover.closed {
            Some(RequestError::ShutDown)
        } else if takeover.spared.contains(&self.ticket) {
            None
        } else {
            Some(RequestError::GivenUp)
        }
    }

    /// Why whoever took the request has dropped it.
    pub(crate) fn why_dropped(&mut self) -> RequestError {
        let has_changed = self.takeovers.has_changed().unwrap_or_default();
        let error = has_changed.then(|| self.look()).flatten();
        error.unwrap_or(RequestError::ShutDown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_dropped_by_a_thread_that_was_given_up_or_with_the_worker() {
        let takeovers = watch::Sender::default();
        let why_after = |closed, spared: &[Ticket]| {
            let mut lost = Lost::of(7, &takeovers);
            let spared = Arc::new(spared.iter().copied().collect());
            takeovers.send_replace(Takeover { spared, closed });
            lost.why_dropped()
        };
        assert!(matches!(why_after(false, &[8]), RequestError::GivenUp));
        assert!(matches!(why_after(false, &[7]), RequestError::ShutDown));
        assert!(matches!(why_after(true, &[]), RequestError::ShutDown));
        let since = Lost::of(7, &takeovers).why_dropped();
        assert!(matches!(since, RequestError::ShutDown));
    }
}
