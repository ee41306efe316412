//! What the newest instances of a store hold: for a look at it before it is taken over.

use super::{PageRequest, Store, StoreError, StoreErrorKind};
use crate::model::query::{InstanceFilter, Order};

/// The texts of so many instances, and of no more bytes, but for those of one instance. So a look takes as long whatever else is there.
const NEWEST: PageRequest = PageRequest {
    after: None,
    limit: 64,
    bytes: 16 * 1024 * 1024,
    walk: 64,
    order: Order::NewestFirst,
};

/// The payloads that are at hand of the newest instances, the newest first: the events with which each began, which every instance has,
/// its custom status, and the events with which it ended.
///
/// A damaged page is no reason to look no further than that: the instances on it are found out one by one, and the store is as if it had
/// none.
pub(crate) async fn newest_texts<S: Store + ?Sized>(store: &S) -> Result<Vec<String>, StoreError> {
    let rows = match store.query(&InstanceFilter::new(), &NEWEST).await {
        Ok(page) => page.rows,
        Err(error) if error.kind() == StoreErrorKind::Corrupt => Vec::new(),
        Err(error) => return Err(error),
    };
    let texts = rows.into_iter().flat_map(|rows| {
        let others = [rows.custom_status, rows.last_events];
        std::iter::once(rows.first_events).chain(others.into_iter().flatten())
    });
    Ok(texts.collect())
}
