//! Requests to a task hub that this program does not have. It behaves as an empty one.

use axum::response::Response;

use super::error::HttpError;
use super::guard::Operation;
use super::list::page_of;
use super::route::Route;

/// Answers a request to the hub of this name; `None` when it is not about a hub, or, as a batch, not about one as a whole.
pub(super) fn answer_as_empty(hub: &str, route: &Route) -> Option<Result<Response, HttpError>> {
    match route {
        Route::Live
        | Route::Ready
        | Route::Metrics
        | Route::OpenApi
        | Route::Docs
        | Route::SignalEntity
        | Route::DeleteEntity
        | Route::Batch => None,
        Route::List => Some(Ok(page_of(&[], true, None))),
        Route::Start { .. }
        | Route::PurgeWhere
        | Route::Status { .. }
        | Route::Watch { .. }
        | Route::WatchAll
        | Route::Purge { .. }
        | Route::RaiseEvent { .. }
        | Route::Terminate { .. }
        | Route::Suspend { .. }
        | Route::Resume { .. }
        | Route::Rewind { .. }
        | Route::Restart { .. } => {
            let id = route.instance().unwrap_or_default();
            let error = HttpError::of_other_hub(Operation::of(route), id, hub);
            Some(Err(error))
        }
    }
}
