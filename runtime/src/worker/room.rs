//! Room for requests: a flood of them waits with those who ask, and not in the memory of the worker.
//!
//! A request takes its place when it is sent and gives it away when it is answered, so that what is on its way is bounded, wherever it is.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::message::Request;
use super::takeover::Lost;
use crate::limits::MAX_REQUEST_BYTES;
use crate::model::instance::InstanceId;

/// What a request is counted as at least: what the worker keeps of one that has no payload.
const UNIT: usize = 1024;

/// The way in for requests.
pub(crate) trait WayIn: Send + Sync {
    /// The room for requests about an instance, or about none. None is needed where there is none.
    fn room(&self, id: Option<&InstanceId>) -> Option<Arc<Semaphore>>;

    /// Sends a request. Tells when there is no hope for an answer any more, where that can be.
    fn send(&self, request: Request) -> Option<Lost>;
}

/// The room of one shard.
pub(super) fn room() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(MAX_REQUEST_BYTES / UNIT))
}

/// A place for a request, once there is one.
pub(crate) async fn place(way: &dyn WayIn, request: &Request) -> Option<OwnedSemaphorePermit> {
    let units = (1 + request.bytes() / UNIT).min(MAX_REQUEST_BYTES / UNIT);
    let units = u32::try_from(units).unwrap_or(u32::MAX);
    loop {
        let room = way.room(request.id())?;
        // One that is closed has been replaced, with the thread that kept what was in it.
        if let Ok(place) = room.acquire_many_owned(units).await {
            return Some(place);
        }
    }
}
