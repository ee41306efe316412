//! Following an instance: every change that it commits, also those from before.

use std::collections::VecDeque;
use std::sync::Arc;

use super::{Client, ClientError};
use crate::model::custom_status::CustomStatus;
use crate::model::instance::{Cursor, InstanceId};
use crate::store::ChangeRow;
use crate::worker::streams::Stream;
use crate::worker::update::{Published, Update};
use crate::worker::watchers::Notice;

/// How many changes are read back at a time. Each may hold a custom status, and each follower holds its own.
const PAGE: usize = 32;

/// One change for one follower.
#[derive(Debug)]
pub(crate) struct Given {
    pub(crate) update: Arc<Published>,
    /// How many changes of the same incarnation lie between this one and the one given before.
    pub(crate) skipped: u64,
}

/// The changes of an instance, each at most once and never backwards.
///
/// While it keeps up, everything is pushed to it. When the store may have what was not pushed, it learns of the state there and reads
/// the changes on the way to that state back from history. When it is too slow, it goes on with the latest.
pub(super) struct Follower {
    client: Client,
    id: InstanceId,
    stream: Stream,
    seen: Option<Seen>,
    /// Where `seen` came from: outside, where anything may be said, or from here.
    resumed: bool,
    /// Whether the store may have something that was not pushed.
    must_read: bool,
    /// What the store has, on the way to which changes are read back.
    ahead: Option<Ahead>,
    ended: bool,
}

#[derive(Debug)]
struct Seen {
    cursor: Cursor,
    stalled: Option<String>,
}

struct Ahead {
    update: Arc<Published>,
    read_back: VecDeque<Arc<Published>>,
    /// Whether there is nothing more to read back.
    complete: bool,
}

impl Follower {
    pub(super) const fn new(client: Client, id: InstanceId, stream: Stream) -> Self {
        Self {
            client,
            id,
            stream,
            seen: None,
            resumed: false,
            must_read: true,
            ahead: None,
            ended: false,
        }
    }

    pub(super) const fn id(&self) -> &InstanceId {
        &self.id
    }

    pub(super) fn seen(&self) -> Option<Cursor> {
        self.seen.as_ref().map(|seen| seen.cursor)
    }

    /// Goes on behind a change that was given before, by this follower or an earlier one.
    pub(super) fn resume(&mut self, after: Cursor) {
        self.seen = Some(Seen {
            cursor: after,
            stalled: None,
        });
        self.resumed = true;
    }

    /// Whether there is nothing to give any more: the end was given, or was what it resumed behind.
    pub(super) async fn has_ended(&mut self) -> Result<bool, ClientError> {
        if !self.ended && self.must_read {
            self.look().await?;
        }
        Ok(self.ended)
    }

    /// The state now, the first time, or what was changed since the cursor; then every change. `None` behind the end. A failed or
    /// dropped call loses nothing.
    pub(super) async fn next(&mut self) -> Result<Option<Given>, ClientError> {
        loop {
            if self.ended {
                return Ok(None);
            }
            if self.must_read {
                self.look().await?;
                continue;
            }
            if self.ahead.is_some() {
                match self.way_ahead().await? {
                    Some(given) => return Ok(Some(given)),
                    None => continue,
                }
            }
            match self.stream.next().await.ok_or(ClientError::ShutDown)? {
                Notice::Update(update) => {
                    let seen = self.seen.as_ref();
                    if seen.is_none_or(|seen| seen.cursor < update.cursor) {
                        return Ok(Some(self.give(update)));
                    }
                    // Only the store knows which of two reasons at the same cursor is the later one.
                    self.must_read = seen.is_some_and(|seen| {
                        seen.cursor == update.cursor && seen.stalled != update.stalled
                    });
                }
                Notice::Uncertain => self.must_read = true,
            }
        }
    }

    /// Learns of the state in the store.
    async fn look(&mut self) -> Result<(), ClientError> {
        let is_first = self.resumed || self.seen.is_none();
        let seen = self.seen();
        // At first what was published last will do. Later only the store knows what a notice is to be held against.
        let published = if is_first { self.stream.latest() } else { None };
        let published = published.filter(|update| seen.is_none_or(|seen| seen <= update.cursor));
        let update = match published {
            Some(update) => update,
            None => {
                let (client, id) = (&self.client, &self.id);
                let read = async {
                    let status = client.read(id).await?;
                    let status = status.ok_or_else(|| ClientError::NotFound { id: id.clone() })?;
                    Ok::<_, ClientError>(Update::from(status))
                };
                self.stream.read(seen, read).await?
            }
        };
        self.must_read = false;
        if std::mem::take(&mut self.resumed)
            && let Some(seen) = &self.seen
        {
            if seen.cursor == update.cursor && update.runtime_status.is_terminal() {
                self.ended = true;
                return Ok(());
            }
            // Nothing here has had this cursor: it is of an incarnation that is gone, or was made up.
            if seen.cursor > update.cursor {
                self.seen = None;
            }
        }
        let is_news = self.seen.as_ref().is_none_or(|seen| {
            seen.cursor < update.cursor
                || (seen.cursor == update.cursor && seen.stalled != update.stalled)
        });
        self.ahead = is_news.then(|| Ahead {
            read_back: VecDeque::new(),
            complete: self
                .seen
                .as_ref()
                .is_none_or(|seen| skipped(seen.cursor, update.cursor).is_none_or(|n| n == 0)),
            update,
        });
        Ok(())
    }

    /// The next change on the way to the state that the store had.
    async fn way_ahead(&mut self) -> Result<Option<Given>, ClientError> {
        let Some(ahead) = &mut self.ahead else {
            return Ok(None);
        };
        if let Some(update) = ahead.read_back.pop_front() {
            return Ok(Some(self.give_on_the_way(update)));
        }
        if ahead.complete {
            let given = self.ahead.take().map(|ahead| self.give(ahead.update));
            return Ok(given);
        }
        let Some(seen) = &self.seen else {
            ahead.complete = true;
            return Ok(None);
        };
        let Cursor {
            incarnation,
            sequence,
        } = seen.cursor;
        let rows = self
            .client
            .read_at_length(move |store| store.changes(incarnation, sequence, PAGE));
        let rows = rows.await?;
        ahead.complete = rows.len() < PAGE
            || rows
                .last()
                .is_some_and(|row| row.sequence >= ahead.update.cursor.sequence);
        let end = ahead.update.cursor.sequence;
        let on_the_way = rows.into_iter().filter(|row| row.sequence < end);
        ahead.read_back = on_the_way.map(|row| past(&ahead.update, row)).collect();
        Ok(None)
    }

    fn give(&mut self, update: Arc<Published>) -> Given {
        self.ended = update.runtime_status.is_terminal();
        self.give_on_the_way(update)
    }

    fn give_on_the_way(&mut self, update: Arc<Published>) -> Given {
        let seen = self.seen.as_ref();
        let skipped = seen.map_or(0, |seen| {
            skipped(seen.cursor, update.cursor).unwrap_or(update.cursor.sequence)
        });
        self.seen = Some(Seen {
            cursor: update.cursor,
            stalled: update.stalled.clone(),
        });
        Given { update, skipped }
    }
}

/// How many changes lie between two; `None` when they are not of the same incarnation.
pub(super) fn skipped(seen: Cursor, next: Cursor) -> Option<u64> {
    (seen.incarnation == next.incarnation).then(|| {
        next.sequence
            .saturating_sub(seen.sequence.saturating_add(1))
    })
}

/// A change that was read back. What is not in history is not in it.
fn past(now: &Update, row: ChangeRow) -> Arc<Published> {
    Published::new(Update {
        about: Arc::clone(&now.about),
        cursor: Cursor {
            sequence: row.sequence,
            ..now.cursor
        },
        runtime_status: row.runtime_status,
        custom_status: row.custom_status.and_then(CustomStatus::from_stored),
        progress: Vec::new(),
        output: None,
        failure: None,
        stalled: None,
        replaces: false,
        last_updated_at: None,
    })
}
