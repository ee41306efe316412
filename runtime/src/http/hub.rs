//! Requests to a task hub that this program does not have. It behaves as an empty one.

use axum::response::Response;

use super::error::HttpError;
use super::list::page_of;
use super::route::Route;

/// Answers a request to the hub of this name.
pub(super) fn answer_as_empty(asked: String, route: Route) -> Result<Response, HttpError> {
    match route {
        Route::Start { .. } => Err(HttpError::OtherHub { asked }),
        Route::List => Ok(page_of(&[], true, None)),
        Route::Rewind { id } => Err(HttpError::NothingToRewind { id }),
        Route::Restart { id } => Err(HttpError::NothingToRestart { id }),
        _ => Err(HttpError::NoInstance),
    }
}
