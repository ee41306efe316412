//! Reads that may take a while.

use std::panic::resume_unwind;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio::runtime::Handle;

use super::{Client, ClientError};
use crate::store::{Store, StoreError};

impl Client {
    /// Reads from the store what grows with how much is stored, on a thread that may take its time.
    ///
    /// An embedded store reads in the thread that asks. On those of the async runtime activities run and probes are answered, so that as
    /// many such reads as there are threads would stop them all. Who has no runtime holds up nobody but itself.
    pub(super) async fn read_at_length<T: Send + 'static>(
        &self,
        read: impl for<'a> FnOnce(&'a dyn Store) -> BoxFuture<'a, Result<T, StoreError>>
        + Send
        + 'static,
    ) -> Result<T, ClientError> {
        let runtime = Handle::try_current();
        let read = match runtime.ok().filter(|_| !self.0.reads_in_place) {
            Some(runtime) => {
                let store = Arc::clone(&self.0.store);
                let within = runtime.clone();
                let reading = runtime.spawn_blocking(move || within.block_on(read(&*store)));
                reading
                    .await
                    .map_err(|error| match error.try_into_panic() {
                        Ok(panic) => resume_unwind(panic),
                        Err(_) => ClientError::ShutDown,
                    })?
            }
            None => read(&*self.0.store).await,
        };
        read.map_err(|error| ClientError::Store(Arc::new(error)))
    }
}
