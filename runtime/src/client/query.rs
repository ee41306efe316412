//! Finding instances.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::str::FromStr;

use super::{Client, ClientError, Snapshot};
use crate::limits::{MAX_PAGE_BYTES, MAX_PAGE_WALK};
use crate::model::instance::Incarnation;
use crate::model::query::{InstanceFilter, Order};
use crate::model::status::{InstanceStatus, RuntimeStatus};
use crate::store::{InstancePage, PageRequest, UnreadableInstance};

/// How many instances a page has by default: as over HTTP.
const DEFAULT_PAGE_SIZE: usize = 100;

/// A query over instances: see [`Client::query`].
#[derive(Clone)]
#[must_use = "a query does nothing until `next()` or `page()` is called"]
pub struct InstanceQuery {
    client: Client,
    filter: InstanceFilter,
    order: Order,
    page_size: usize,
    after: Option<ContinuationToken>,
    read: VecDeque<InstanceStatus>,
    at_end: bool,
}

/// A page of instances.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Page {
    /// The instances.
    pub instances: Vec<InstanceStatus>,
    /// Those that are damaged in the store, so that it cannot be told whether they match.
    pub unreadable: Vec<UnreadableInstance>,
    /// What the query for the next page is given; `None` when this is the last one.
    pub continuation: Option<ContinuationToken>,
}

/// Where a page ends. Its text may be handed to whoever asks for the next page; it holds for as long as the store does, and
/// belongs to a query of the same filter and order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ContinuationToken(Incarnation);

/// A text is not a [`ContinuationToken`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a continuation token: take the one that came with the page before")]
pub struct ContinuationTokenError {
    text: String,
}

impl ContinuationToken {
    pub(super) const fn incarnation(self) -> Incarnation {
        self.0
    }
}

impl fmt::Display for ContinuationToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0.0, f)
    }
}

impl FromStr for ContinuationToken {
    type Err = ContinuationTokenError;

    fn from_str(text: &str) -> Result<Self, ContinuationTokenError> {
        match text.parse() {
            Ok(number) if text.bytes().all(|b| b.is_ascii_digit()) => Ok(Self(Incarnation(number))),
            _ => Err(ContinuationTokenError { text: text.into() }),
        }
    }
}

impl Client {
    /// Finds instances. The order is that of their creation, so that paging is stable while instances come, change and go: each
    /// that is there all the while, and matches, is given exactly once.
    ///
    /// ```
    /// # use steadfast::prelude::*;
    /// use steadfast::InstanceFilter;
    ///
    /// # async fn example(client: &Client) -> Result<(), steadfast::ClientError> {
    /// let mut stalled = client.query(InstanceFilter::new().stalled(true));
    /// while let Some(instance) = stalled.next().await? {
    ///     println!("{}: {}", instance.instance_id, instance.stalled.unwrap_or_default());
    /// }
    /// # Ok(()) }
    /// ```
    pub fn query(&self, filter: InstanceFilter) -> InstanceQuery {
        InstanceQuery {
            client: self.clone(),
            filter,
            order: Order::default(),
            page_size: DEFAULT_PAGE_SIZE,
            after: None,
            read: VecDeque::new(),
            at_end: false,
        }
    }

    /// How many instances match, by runtime status. Statuses that none has are not in the map.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub async fn count(
        &self,
        filter: &InstanceFilter,
    ) -> Result<HashMap<RuntimeStatus, u64>, ClientError> {
        let filter = filter.clone();
        let counts =
            self.read_at_length(|store| Box::pin(async move { store.counts(&filter).await }));
        Ok(counts.await?.into_iter().collect())
    }
}

impl InstanceQuery {
    /// In which order: the first created first ([`Order`]'s default), or the last created.
    pub fn order(mut self, order: Order) -> Self {
        self.order = order;
        self
    }

    /// How many instances are on a page at most; 100 by default, and at least one. All of a page are in memory, with their inputs and
    /// outputs. So a page is shorter when these are large: it ends with the instance by which they exceed [`MAX_PAGE_BYTES`].
    pub fn page_size(mut self, size: usize) -> Self {
        self.page_size = size.max(1);
        self
    }

    /// Begins where a page ended, with a token of that page's [`continuation`](Page::continuation).
    pub fn after(mut self, token: ContinuationToken) -> Self {
        self.after = Some(token);
        self
    }

    /// The next page; empty once the last one has been given. A page before the last may be short or empty too, when few of more than
    /// [`MAX_PAGE_WALK`] instances match: only a missing [`continuation`](Page::continuation) marks the last one. If
    /// [`next`](Self::next) was called before, this gives what is left of its page.
    ///
    /// An instance of which something stored cannot be read or decoded is listed too, without its input, output and tags, and
    /// [`stalled`](InstanceStatus::stalled) says so. One that cannot be read at all is [told apart](Page::unreadable), and logged.
    ///
    /// # Errors
    ///
    /// When the store fails. The page can be asked for again.
    pub async fn page(&mut self) -> Result<Page, ClientError> {
        if self.at_end || !self.read.is_empty() {
            return Ok(Page {
                instances: std::mem::take(&mut self.read).into(),
                unreadable: Vec::new(),
                continuation: self.after.filter(|_| !self.at_end),
            });
        }
        // One more says whether this is the last page.
        let request = PageRequest {
            after: self.after.map(|token| token.0),
            limit: self.page_size.saturating_add(1),
            bytes: MAX_PAGE_BYTES,
            walk: MAX_PAGE_WALK,
            order: self.order,
        };
        let filter = self.filter.clone();
        let page = self.client.read_at_length(move |store| {
            Box::pin(async move { store.query(&filter, &request).await })
        });
        let InstancePage {
            mut rows,
            unreadable,
            mut next,
        } = page.await?;
        if rows.len() > self.page_size {
            rows.truncate(self.page_size);
            next = rows.last().map(|last| last.header.incarnation);
        }
        for UnreadableInstance { id, reason, .. } in &unreadable {
            tracing::error!(instance = %id, %reason, "an instance cannot be listed");
        }
        let instances = rows.into_iter().map(|rows| Snapshot::of(rows).status);
        let continuation = next.map(ContinuationToken);
        self.at_end = continuation.is_none();
        self.after = continuation.or(self.after);
        Ok(Page {
            instances: instances.collect(),
            unreadable,
            continuation,
        })
    }

    /// The next instance; `None` when there are no more. Those that cannot be read are only logged.
    ///
    /// # Errors
    ///
    /// As [`page`](Self::page).
    pub async fn next(&mut self) -> Result<Option<InstanceStatus>, ClientError> {
        while self.read.is_empty() && !self.at_end {
            self.read = self.page().await?.instances.into();
        }
        Ok(self.read.pop_front())
    }

    /// How many instances match in all, whatever has been given of them, by runtime status.
    ///
    /// # Errors
    ///
    /// As [`Client::count`].
    pub async fn count(&self) -> Result<HashMap<RuntimeStatus, u64>, ClientError> {
        self.client.count(&self.filter).await
    }
}

impl fmt::Debug for InstanceQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InstanceQuery")
            .field("filter", &self.filter)
            .field("order", &self.order)
            .field("after", &self.after)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_reads_back_what_it_prints_and_nothing_else() {
        let token = ContinuationToken(Incarnation(42));
        assert_eq!(token.to_string().parse(), Ok(token));
        for text in ["", "-1", "+1", "1 ", "x", "99999999999999999999"] {
            assert!(text.parse::<ContinuationToken>().is_err(), "{text:?}");
        }
    }
}
