//! Purging by a filter.

use super::{Client, ClientError};
use crate::limits::MAX_PAGE_BYTES;
use crate::model::instance::Incarnation;
use crate::model::query::{InstanceFilter, Order};
use crate::store::{PageRequest, PurgeWhere, StoreErrorKind, UnreadableInstance};
use crate::worker::message::{PurgedPart, Request};

/// How many instances one write of a purge deletes: everything behind it in the writer's queue waits for it.
const PURGE_BATCH: usize = 500;
/// How many it looks at, and about how many rows of history it deletes, for the same reason.
const PURGE_WALK: usize = 10_000;

impl Client {
    /// Deletes the instances that match and have ended, and returns how many there were. Instances that have not ended stay, whatever
    /// the filter says. It goes through them in the order of their creation, in parts of at most 500, between which other work has its
    /// turn: what ends behind it meanwhile stays too. One that is damaged in the store stays, and is logged.
    ///
    /// ```
    /// # use steadfast::prelude::*;
    /// use steadfast::InstanceFilter;
    ///
    /// # async fn example(client: &Client, last_month: steadfast::Timestamp) -> Result<(), steadfast::ClientError> {
    /// let done = InstanceFilter::new().runtime_status([RuntimeStatus::Completed]).updated_to(last_month);
    /// println!("{} instances purged", client.purge_where(done).await?);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// When the store fails; some may have been deleted then.
    pub async fn purge_where(&self, filter: InstanceFilter) -> Result<u64, ClientError> {
        let (mut purged, mut rest) = (0, Some(Incarnation(0)));
        while let Some(after) = rest {
            let purge = PurgeWhere {
                filter: filter.clone(),
                after,
                limit: PURGE_BATCH,
                walk: PURGE_WALK,
            };
            let part = match self.purge_part(purge).await {
                Err(error) if is_damage(&error) => self.purge_one_by_one(&filter, after).await?,
                part => part?,
            };
            purged += part.count;
            rest = part.next;
        }
        Ok(purged)
    }

    async fn purge_part(&self, purge: PurgeWhere) -> Result<PurgedPart, ClientError> {
        self.ask(|reply| Request::PurgeWhere { purge, reply }).await
    }

    /// The same part, in which something is damaged. A write fails that meets it, and a read goes past it: so each instance that
    /// was read has a write of its own, which looks at no other one.
    async fn purge_one_by_one(
        &self,
        filter: &InstanceFilter,
        after: Incarnation,
    ) -> Result<PurgedPart, ClientError> {
        let request = PageRequest {
            after: Some(after),
            limit: PURGE_BATCH,
            bytes: MAX_PAGE_BYTES,
            walk: PURGE_WALK,
            order: Order::OldestFirst,
        };
        let asked = filter.clone();
        let page = self.read_at_length(move |store| {
            Box::pin(async move { store.query(&asked, &request).await })
        });
        let page = page.await?;
        let mut count = 0;
        for header in page.rows.into_iter().map(|rows| rows.header) {
            if !header.runtime_status.is_terminal() {
                continue;
            }
            let mut this = filter.clone();
            // A prefix may be looked up by the ids: a shorter one finds others too.
            if let Some(prefix) = &mut this.id_prefix {
                *prefix = header.id.as_str().to_owned();
            }
            let purge = PurgeWhere {
                filter: this,
                after: Incarnation(header.incarnation.0.saturating_sub(1)),
                limit: 1,
                walk: 1,
            };
            match self.purge_part(purge).await {
                Ok(part) => count += part.count,
                Err(error) if is_damage(&error) => {
                    tracing::error!(instance = %header.id, %error, "a damaged instance cannot be purged");
                }
                Err(error) => return Err(error),
            }
        }
        for UnreadableInstance { id, reason, .. } in page.unreadable {
            tracing::error!(instance = %id, %reason, "a damaged instance cannot be purged");
        }
        let next = page.next;
        Ok(PurgedPart { count, next })
    }
}

fn is_damage(error: &ClientError) -> bool {
    matches!(error, ClientError::Store(error) if error.kind() == StoreErrorKind::Corrupt)
}
