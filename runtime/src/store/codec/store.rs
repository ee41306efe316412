//! The store around another one.

use super::look::look;
use super::reads::Decoder;
use super::{Codec, not_encoded, writes};
use crate::model::instance::{Incarnation, InstanceId};
use crate::model::query::InstanceFilter;
use crate::store::{
    BoxFuture, ChangeRow, Epoch, InboxRow, InstancePage, InstanceRows, Ownership, PageRequest,
    Refused, Store, StoreError, StoredInstance, Write, WriteResult, delegate_store,
};

/// A store that holds payloads as a codec encodes them.
///
/// What the codec protects is bound to its place: a payload that was moved to another instance, execution or episode in the store
/// does not decode there. An instance of which something does not decode is set aside, with a reason that names the key, and
/// goes on after a start with a codec that decodes it.
///
/// A store of which the codec decodes nothing is not taken over: [`acquire`](Store::acquire), and with it the start of a worker, fails with
/// [`StoreErrorKind::Codec`](crate::store::StoreErrorKind::Codec). It looks at a few of the newest instances, however many there are.
///
#[cfg_attr(feature = "encryption", doc = "```")]
#[cfg_attr(not(feature = "encryption"), doc = "```ignore")]
/// # use steadfast::store::memory::MemoryStore;
/// # fn example() -> Result<(), steadfast::store::codec::CodecError> {
/// use steadfast::store::codec::{CodecStore, Encryption, EncryptionKey};
///
/// # let secret = "c3RlYWRmYXN0IGlzIGFsbCB0aGF0IGlzIG5lZWRlZCE";
/// let key = EncryptionKey::from_base64("2026-03", &secret)?;
/// let store = CodecStore::new(MemoryStore::new(), Encryption::new(key));
/// # let _ = steadfast::Steadfast::builder().store(store);
/// # Ok(())
/// # }
/// # example().unwrap();
/// ```
#[derive(Debug)]
pub struct CodecStore<S, C> {
    store: S,
    codec: C,
    accepts_plain_text: bool,
    accepts_undecodable: bool,
}

impl<S: Store, C: Codec> CodecStore<S, C> {
    /// Every payload in the store is to be encoded. What is not does not decode, so that nobody who can write to the store can put
    /// something of their own there.
    pub fn new(store: S, codec: C) -> Self {
        Self {
            store,
            codec,
            accepts_plain_text: false,
            accepts_undecodable: false,
        }
    }

    /// Reads what was stored without a codec, too: for a store that was used without one until now. What is written is
    /// encoded. As long as this is so, whoever can write to the store can put something of their own there, which
    /// encryption would otherwise notice.
    #[must_use]
    pub fn accept_plain_text(mut self) -> Self {
        self.accepts_plain_text = true;
        self
    }

    /// Takes the store over also when the codec decodes nothing of it: for who has lost the key and goes on with new instances. Those that are
    /// there are set aside as soon as something comes for them; terminating and purging them needs no key.
    ///
    /// What comes for them is encoded with the new key. **Who finds the old one again must not have used its id for another secret.**
    #[must_use]
    pub fn accept_undecodable(mut self) -> Self {
        self.accepts_undecodable = true;
        self
    }

    fn decoder(&self) -> Decoder<'_> {
        Decoder {
            codec: &self.codec,
            accepts_plain_text: self.accepts_plain_text,
        }
    }
}

impl<S: Store, C: Codec> Store for CodecStore<S, C> {
    // What they give and take is in clear.
    delegate_store!(|self| self.store; needing_attention, timers, counts);

    /// It looks before it acquires, so that a mistake does not fence an owner that is at work.
    fn acquire(&self, task_hub: Option<&str>) -> BoxFuture<'_, Result<Ownership, StoreError>> {
        let task_hub = task_hub.map(str::to_owned);
        Box::pin(async move {
            if !self.accepts_undecodable {
                look(&self.store, &self.codec, self.accepts_plain_text).await?;
            }
            self.store.acquire(task_hub.as_deref()).await
        })
    }

    fn commit<'a>(
        &'a self,
        epoch: Epoch,
        writes: &'a [Write],
    ) -> BoxFuture<'a, Result<Vec<WriteResult>, StoreError>> {
        Box::pin(async move {
            let encoded = writes
                .iter()
                .map(|write| writes::encoded(&self.codec, write));
            let encoded = encoded
                .collect::<Result<Vec<_>, _>>()
                .map_err(not_encoded)?;
            let mut results = self.store.commit(epoch, &encoded).await?;
            for result in &mut results {
                if let Err(Refused::Exists(header)) = result {
                    self.decoder().header(header);
                }
            }
            Ok(results)
        })
    }

    fn load<'a>(
        &'a self,
        id: &'a InstanceId,
    ) -> BoxFuture<'a, Result<Option<StoredInstance>, StoreError>> {
        Box::pin(async move {
            let stored = self.store.load(id).await?;
            Ok(stored.map(|stored| self.decoder().stored(stored)))
        })
    }

    fn read<'a>(
        &'a self,
        id: &'a InstanceId,
    ) -> BoxFuture<'a, Result<Option<InstanceRows>, StoreError>> {
        Box::pin(async move {
            let rows = self.store.read(id).await?;
            Ok(rows.map(|rows| self.decoder().rows(rows)))
        })
    }

    fn inbox<'a>(
        &'a self,
        id: &'a InstanceId,
        incarnation: Incarnation,
        after: u64,
    ) -> BoxFuture<'a, Result<Vec<InboxRow>, StoreError>> {
        Box::pin(async move {
            let inbox = self.store.inbox(id, incarnation, after).await?;
            Ok(self.decoder().inbox(id, incarnation, inbox))
        })
    }

    fn changes(
        &self,
        incarnation: Incarnation,
        after: u64,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<ChangeRow>, StoreError>> {
        Box::pin(async move {
            let changes = self.store.changes(incarnation, after, limit).await?;
            Ok(self.decoder().changes(changes))
        })
    }

    /// A page ends by what its instances hold when they are decoded, so it is put together of pages that end by what is stored.
    fn query<'a>(
        &'a self,
        filter: &'a InstanceFilter,
        page: &'a PageRequest,
    ) -> BoxFuture<'a, Result<InstancePage, StoreError>> {
        Box::pin(async move {
            let (mut found, mut bytes) = (InstancePage::default(), 0);
            let mut rest = *page;
            loop {
                let part = self.store.query(filter, &rest).await?;
                // At least these were walked past. How many that do not match came with them is not known.
                rest.walk = rest.walk.saturating_sub(part.rows.len());
                found.unreadable.extend(part.unreadable);
                let is_cut = part.rows.iter().map(InstanceRows::bytes).sum::<usize>() > rest.bytes;
                for rows in part.rows {
                    found.next = Some(rows.header.incarnation);
                    let rows = self.decoder().rows(rows);
                    bytes += rows.bytes();
                    found.rows.push(rows);
                    if bytes > page.bytes {
                        return Ok(found);
                    }
                }
                found.next = part.next;
                rest.after = part.next;
                rest.limit = page.limit - found.rows.len();
                rest.bytes = page.bytes - bytes;
                if !is_cut || rest.limit == 0 || rest.walk == 0 || found.next.is_none() {
                    return Ok(found);
                }
            }
        })
    }
}
