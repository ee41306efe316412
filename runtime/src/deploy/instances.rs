//! The instances of a store, one after the other.

use futures_executor::block_on;

use crate::limits::{MAX_PAGE_BYTES, MAX_PAGE_WALK};
use crate::model::instance::InstanceId;
use crate::model::query::{InstanceFilter, Order};
use crate::store::{PageRequest, Store, StoreError, StoredInstance};

/// The matching instances, one after the other, with no more in memory than a page of their columns and one of their histories.
pub(super) struct Instances<'a, S: ?Sized> {
    store: &'a S,
    filter: &'a InstanceFilter,
    page: PageRequest,
    ids: std::vec::IntoIter<InstanceId>,
    at_end: bool,
}

/// How many instances are listed at a time.
const PAGE: usize = 200;

impl<'a, S: Store + ?Sized> Instances<'a, S> {
    pub(super) fn new(store: &'a S, filter: &'a InstanceFilter, order: Order) -> Self {
        let page = PageRequest {
            after: None,
            limit: PAGE,
            bytes: MAX_PAGE_BYTES,
            walk: MAX_PAGE_WALK,
            order,
        };
        Self {
            store,
            filter,
            page,
            ids: Vec::new().into_iter(),
            at_end: false,
        }
    }

    /// The id of the next one.
    ///
    /// # Errors
    ///
    /// When the store cannot be listed. There is no way on then.
    pub(super) fn next(&mut self) -> Result<Option<InstanceId>, StoreError> {
        loop {
            if let Some(id) = self.ids.next() {
                return Ok(Some(id));
            }
            if self.at_end {
                return Ok(None);
            }
            let page = block_on(self.store.query(self.filter, &self.page))?;
            (self.at_end, self.page.after) = (page.next.is_none(), page.next);
            let ids = page.rows.into_iter().map(|rows| rows.header.id);
            // To load one of these fails, and says why.
            let unreadable = page.unreadable.into_iter();
            let unreadable = unreadable.filter_map(|one| InstanceId::parse(one.id).ok());
            self.ids = ids.chain(unreadable).collect::<Vec<_>>().into_iter();
        }
    }

    pub(super) fn load(&self, id: &InstanceId) -> Result<Option<StoredInstance>, StoreError> {
        block_on(self.store.load(id))
    }
}
