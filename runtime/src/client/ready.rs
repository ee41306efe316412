//! Whether requests should be sent here.

use std::sync::Arc;

use super::Client;
use crate::store::StoreError;
use crate::worker::condition::State;
use crate::worker::timers::START;

/// Why a worker should be sent no requests.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotReady {
    /// The worker is shutting down, or has been shut down.
    #[error("the worker is shut down")]
    ShutDown,
    /// Another worker has taken the store over, and this one has stopped for good.
    #[error("another worker has taken the store over")]
    Fenced,
    /// One of the worker's threads has ended by a panic: some instances do not go on until the program is started again.
    #[error("a thread of the worker has panicked")]
    Broken,
    /// Orchestrators that do not return keep as many threads as are replaced, and one more: some instances do not go on.
    #[error("orchestrators that do not return keep too many threads")]
    Stuck,
    /// The store cannot be read.
    #[error("the store does not answer")]
    Store(#[source] Arc<StoreError>),
}

impl NotReady {
    /// What the store said, for the log.
    #[cfg(feature = "http")]
    pub(crate) fn cause(&self) -> Option<String> {
        std::error::Error::source(self).map(ToString::to_string)
    }
}

impl Client {
    /// Whether the worker takes requests and its store answers: for a load balancer to ask every few seconds. It costs one small read
    /// of the store.
    ///
    /// # Errors
    ///
    /// [`NotReady`] says why not.
    pub async fn ready(&self) -> Result<(), NotReady> {
        match self.0.shared.condition.state() {
            State::Running => {}
            State::Stopping => return Err(NotReady::ShutDown),
            State::Fenced => return Err(NotReady::Fenced),
            State::Broken => return Err(NotReady::Broken),
        }
        if self.0.shared.condition.is_stuck() {
            return Err(NotReady::Stuck);
        }
        let read = self.store().timers(START, 1).await;
        read.map_err(|error| NotReady::Store(Arc::new(error)))?;
        Ok(())
    }
}
