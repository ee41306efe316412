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
    pub(crate) async fn lost(mut self) -> RequestError {
        while self.takeovers.changed().await.is_ok() {
            let takeover = self.takeovers.borrow_and_update();
            if takeover.closed {
                break;
            }
            if !takeover.spared.contains(&self.ticket) {
                return RequestError::GivenUp;
            }
        }
        RequestError::ShutDown
    }
}
