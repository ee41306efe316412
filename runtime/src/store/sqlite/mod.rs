//! The embedded store: one SQLite file.
//!
//! One connection writes, each commit as one transaction of SQLite's write-ahead log; a few others read. Everything runs
//! on the caller's thread, so the futures of this store are ready when they are first polled: the trait is async for
//! stores across a network. Where a commit goes is in `writes`; the tables have a file each.

mod changes;
mod convert;
mod episodes;
mod error;
mod history;
mod inbox;
mod instances;
mod lock;
mod log;
mod meta;
mod migrations;
mod open;
mod past_damage;
mod progress;
mod queries;
mod reader;
mod readers;
mod search;
mod still;
mod tags;
mod unread;
mod writes;

#[cfg(test)]
mod tests;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use rusqlite::{Connection, Transaction, TransactionBehavior};

use self::lock::LockFile;
pub use self::reader::SqliteReader;
use super::{
    Epoch, Ownership, Store, StoreError, Write, WriteResult, delegate_store, fenced, task_hub_of,
};

/// A store in a SQLite file.
///
/// While it is open it owns the file: a lock file beside it (`app.db.lock` for `app.db`) keeps other stores out, in this
/// process and in others. Any program may read the database meanwhile, such as the `sqlite3` shell.
///
/// ```
/// # let directory = tempfile::tempdir().unwrap();
/// # let path = directory.path().join("app.db");
/// use steadfast::store::StoreErrorKind;
/// use steadfast::store::sqlite::SqliteStore;
///
/// let store = SqliteStore::open(&path)?;
/// assert_eq!(SqliteStore::open(&path).unwrap_err().kind(), StoreErrorKind::InUse);
/// # Ok::<(), steadfast::store::StoreError>(())
/// ```
pub struct SqliteStore {
    reader: SqliteReader,
    writer: Mutex<Connection>,
    commits: AtomicU64,
    /// Released last.
    _lock: LockFile,
}

/// What a commit survives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// An acknowledged commit survives the end of the process, a crash of the system and the loss of power, as far as the
    /// disk keeps what it says it has synced: see [what happens when it fails](crate::operations#when-the-disk-fails). Each commit waits for one sync of the write-ahead log, which is written full of zeros,
    /// 16 MiB, when the store is opened: a sync takes longer while a file grows.
    #[default]
    Full,
    /// An acknowledged commit survives the end of the process. A crash of the system or the loss of power may undo the last
    /// commits, newest first and each as a whole; the store stays intact. An activity whose completion was undone runs
    /// again, and what a client was told may be forgotten. Commits do not wait for the disk.
    Relaxed,
}

/// How to open a [`SqliteStore`].
#[derive(Clone, Debug)]
pub struct SqliteStoreBuilder {
    path: PathBuf,
    durability: Durability,
}

impl SqliteStoreBuilder {
    /// What a commit survives; [`Durability::Full`] unless told otherwise.
    #[must_use]
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// Opens the store, or creates it. The directory must exist.
    ///
    /// # Errors
    ///
    /// - [`InUse`](super::StoreErrorKind::InUse): another store has the file open.
    /// - [`NotAStore`](super::StoreErrorKind::NotAStore): the file is something else. It is left as it is.
    /// - [`NewerVersion`](super::StoreErrorKind::NewerVersion): a newer version of this crate wrote it.
    /// - [`ReadOnly`](super::StoreErrorKind::ReadOnly): the file or its directory cannot be written.
    /// - [`Corrupt`](super::StoreErrorKind::Corrupt): the file is damaged.
    /// - [`Unavailable`](super::StoreErrorKind::Unavailable): there is no such directory, or the disk fails or is full.
    pub fn open(self) -> Result<SqliteStore, StoreError> {
        let opened = open::open(&self.path, self.durability)?;
        Ok(SqliteStore {
            reader: SqliteReader::of_owner(opened.path),
            writer: Mutex::new(opened.writer),
            commits: AtomicU64::new(0),
            _lock: opened.lock,
        })
    }
}

impl SqliteStore {
    /// Opens the store at this path with [`Durability::Full`], or creates it. The directory must exist.
    ///
    /// # Errors
    ///
    /// Those of [`SqliteStoreBuilder::open`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::builder(path).open()
    }

    /// How to open the store at this path.
    pub fn builder(path: impl AsRef<Path>) -> SqliteStoreBuilder {
        SqliteStoreBuilder {
            path: path.as_ref().to_owned(),
            durability: Durability::default(),
        }
    }

    /// The file, with links resolved.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.reader.path()
    }

    /// How many transactions have been committed since the store was opened: each [`Store::acquire`], and each
    /// [`Store::commit`] that accepted a write.
    ///
    /// With [`Durability::Full`] each cost one sync of the write-ahead log. The checkpoints that copy the log into the
    /// database, one for some megabytes of it, cost two more each and are not counted.
    #[must_use]
    pub fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    fn acquire_now(&self, task_hub: Option<&str>) -> Result<Ownership, StoreError> {
        self.write(|transaction| {
            let fail = |error| error::from_sqlite(self.path(), error);
            let stored = meta::task_hub(transaction).map_err(fail)?;
            let is_new = stored.is_none();
            let task_hub = task_hub_of(stored, task_hub)?;
            if is_new {
                meta::set_task_hub(transaction, &task_hub).map_err(fail)?;
            }
            let epoch = Epoch(meta::epoch(transaction).map_err(fail)?.0 + 1);
            meta::set_epoch(transaction, epoch).map_err(fail)?;
            Ok((Ownership { epoch, task_hub }, true))
        })
    }

    fn commit_now(&self, epoch: Epoch, writes: &[Write]) -> Result<Vec<WriteResult>, StoreError> {
        self.write(|transaction| {
            let fail = |error| error::from_sqlite(self.path(), error);
            let newest = meta::epoch(transaction).map_err(fail)?;
            if epoch != newest {
                return Err(fenced(epoch, newest));
            }
            let results: Vec<WriteResult> = writes
                .iter()
                .map(|write| writes::apply(transaction, write))
                .collect::<Result<_, _>>()
                .map_err(fail)?;
            let changed = results.iter().any(Result::is_ok);
            Ok((results, changed))
        })
    }

    /// Runs `write` in a transaction, and counts it when it says that it changed something.
    fn write<T>(
        &self,
        write: impl FnOnce(&Transaction<'_>) -> Result<(T, bool), StoreError>,
    ) -> Result<T, StoreError> {
        let fail = |error| error::from_sqlite(self.path(), error);
        let mut writer = self.writer();
        let _writing = self.reader.readers.writing();
        let transaction = writer
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(fail)?;
        let (answer, changed) = write(&transaction)?;
        transaction.commit().map_err(fail)?;
        if changed {
            self.commits.fetch_add(1, Ordering::Relaxed);
        }
        Ok(answer)
    }

    /// A panic in a commit rolled its transaction back, so the connection is good.
    fn writer(&self) -> MutexGuard<'_, Connection> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for SqliteStore {
    fn acquire(&self, task_hub: Option<&str>) -> BoxFuture<'_, Result<Ownership, StoreError>> {
        let task_hub = task_hub.map(str::to_owned);
        Box::pin(async move { self.acquire_now(task_hub.as_deref()) })
    }

    fn commit<'a>(
        &'a self,
        epoch: Epoch,
        writes: &'a [Write],
    ) -> BoxFuture<'a, Result<Vec<WriteResult>, StoreError>> {
        Box::pin(async move { self.commit_now(epoch, writes) })
    }

    delegate_store!(|self| self.reader; load, read, needing_attention, timers, inbox, changes, query, counts);
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore")
            .field("path", &self.path())
            .finish_non_exhaustive()
    }
}

impl Drop for SqliteStore {
    /// Leaves one file behind instead of a database with its log, as far as nobody else is reading.
    fn drop(&mut self) {
        self.reader.readers.close();
        let writer = self.writer();
        // Whoever reads the database keeps the log alive; the next to open it checkpoints.
        let _ = writer.busy_timeout(Duration::ZERO);
        let _ = writer.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    }
}
