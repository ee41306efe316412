//! Connections for reads. SQLite gives each read a snapshot of the last commit, so no read waits for the writer.
//!
//! A snapshot begins and ends with a lock on the log, which all connections of a process take one after the other. So
//! the owner of a store, who knows of each commit, keeps the snapshots of its readers until the next one. They end before
//! that begins: SQLite writes the log from its start again only when nobody reads what is in it.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, Result};

use super::open;
use super::still::Still;

/// How many idle connections are kept. Each costs three file descriptors and a cache that grows to 4 MiB.
const MAX_IDLE: usize = 4;

#[derive(Debug)]
pub(super) struct Readers {
    path: PathBuf,
    idle: Idle,
    still: Option<StillReaders>,
}

impl Readers {
    /// Those of the owner, who says when it [writes](Self::writing).
    pub(super) const fn of_owner(path: PathBuf) -> Self {
        Self {
            path,
            idle: Idle::new(Some(Transactions::new())),
            still: None,
        }
    }

    /// Those of a database that others may change all the while.
    pub(super) const fn new(path: PathBuf) -> Self {
        Self {
            path,
            idle: Idle::new(None),
            still: None,
        }
    }

    /// Those of a database that nobody has open, until somebody has.
    pub(super) const fn still(path: PathBuf, still: Still) -> Self {
        Self {
            path,
            idle: Idle::new(None),
            still: Some(StillReaders {
                still,
                is_over: AtomicBool::new(false),
                idle: Idle::new(None),
            }),
        }
    }

    /// Reads in one snapshot, perhaps twice. A connection that failed is not used again, so nothing has to be rolled back.
    pub(super) fn read<T>(&self, read: impl Fn(&Connection) -> Result<T>) -> Result<T> {
        let of_still = self.still.as_ref().and_then(|still| still.read(&read));
        of_still.unwrap_or_else(|| self.idle.read(|| open::connect_reader(&self.path), &read))
    }

    /// Ends the snapshots that are kept. None is kept again before the answer is dropped, behind the transaction. There may be one at a
    /// time.
    pub(super) fn writing(&self) -> Writing<'_> {
        self.idle.count_transaction();
        let writing = Writing(self);
        self.idle.end_snapshots();
        writing
    }

    /// Closes the idle connections.
    pub(super) fn close(&self) {
        self.idle.lock().clear();
    }
}

/// Connections that read a database as it lies.
#[derive(Debug)]
struct StillReaders {
    still: Still,
    /// Whether somebody has it open, or has changed it.
    is_over: AtomicBool,
    idle: Idle,
}

impl StillReaders {
    /// Nothing, when it was not still all the while.
    fn read<T>(&self, read: impl Fn(&Connection) -> Result<T>) -> Option<Result<T>> {
        if self.is_over.load(Ordering::Acquire) {
            return None;
        }
        let answer = self.idle.read(|| open::connect_still(&self.still), read);
        if self.still.holds() {
            return Some(answer);
        }
        self.is_over.store(true, Ordering::Release);
        self.idle.lock().clear();
        None
    }
}

/// The time of a transaction of the owner.
#[derive(Debug)]
pub(super) struct Writing<'a>(&'a Readers);

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        self.0.idle.count_transaction();
    }
}

/// How many beginnings and ends of transactions there have been; an odd number while there is one.
#[derive(Debug)]
struct Transactions(AtomicU64);

impl Transactions {
    const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// The time since the last one; nothing while there is one.
    fn lull(&self) -> Option<Lull> {
        let count = self.0.load(Ordering::Acquire);
        count.is_multiple_of(2).then_some(Lull(count))
    }
}

/// A time without transactions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Lull(u64);

/// Connections that nobody uses at the moment.
#[derive(Debug)]
struct Idle {
    readers: Mutex<Vec<Reader>>,
    /// Those that change what is read; `None` when others change it, too.
    transactions: Option<Transactions>,
}

impl Idle {
    const fn new(transactions: Option<Transactions>) -> Self {
        Self {
            readers: Mutex::new(Vec::new()),
            transactions,
        }
    }

    fn read<T>(
        &self,
        connect: impl FnOnce() -> Result<Connection>,
        read: impl FnOnce(&Connection) -> Result<T>,
    ) -> Result<T> {
        // Asked before the snapshot begins: when a transaction comes between, it is not kept.
        let lull = self.lull();
        let idle = self.lock().pop();
        let mut reader = match idle {
            Some(reader) => reader,
            None => Reader::new(connect()?),
        };
        if !reader.sees(lull) {
            reader.end_snapshot()?;
            reader.begin_snapshot(lull)?;
        }
        let answer = read(&reader.connection)?;
        let mut idle = self.lock();
        // When a transaction has begun meanwhile, those in the list have ended theirs.
        if !reader.sees(self.lull()) {
            reader.end_snapshot()?;
        }
        if idle.len() < MAX_IDLE {
            idle.push(reader);
        }
        Ok(answer)
    }

    fn end_snapshots(&self) {
        let has_none = |reader: &mut Reader| reader.end_snapshot().is_ok();
        self.lock().retain_mut(has_none);
    }

    fn count_transaction(&self) {
        if let Some(transactions) = &self.transactions {
            transactions.0.fetch_add(1, Ordering::AcqRel);
        }
    }

    fn lull(&self) -> Option<Lull> {
        self.transactions.as_ref().and_then(Transactions::lull)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Reader>> {
        self.readers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug)]
struct Reader {
    connection: Connection,
    /// The lull in which its snapshot is the newest.
    newest_in: Option<Lull>,
}

impl Reader {
    const fn new(connection: Connection) -> Self {
        Self {
            connection,
            newest_in: None,
        }
    }

    /// Whether it has a snapshot, and nothing has been committed since.
    fn sees(&self, lull: Option<Lull>) -> bool {
        lull.is_some() && self.newest_in == lull
    }

    fn begin_snapshot(&mut self, lull: Option<Lull>) -> Result<()> {
        // Not a `Transaction`: it would have SQLite parse this and its end each time.
        self.connection.prepare_cached("BEGIN")?.execute([])?;
        self.newest_in = lull;
        Ok(())
    }

    fn end_snapshot(&mut self) -> Result<()> {
        self.newest_in = None;
        if !self.connection.is_autocommit() {
            // There is nothing to commit, and behind damage that was met SQLite refuses to.
            self.connection.prepare_cached("ROLLBACK")?.execute([])?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::StatementStatus;

    use super::*;
    use crate::store::sqlite::SqliteStore;

    /// How many idle connections hold a snapshot.
    fn kept(readers: &Readers) -> usize {
        let idle = readers.idle.lock();
        let in_snapshot = |reader: &&Reader| !reader.connection.is_autocommit();
        idle.iter().filter(in_snapshot).count()
    }

    fn count(readers: &Readers) -> i64 {
        let count =
            readers.read(|db| db.query_row("SELECT count(*) FROM instances", [], |row| row.get(0)));
        count.unwrap()
    }

    #[test]
    fn the_snapshots_of_an_owner_are_kept_until_it_writes() {
        let directory = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(directory.path().join("app.db")).unwrap();
        let readers = &store.reader.readers;
        count(readers);
        count(readers);
        assert_eq!(kept(readers), 1);
        let writing = readers.writing();
        assert_eq!(kept(readers), 0);
        count(readers);
        assert_eq!(kept(readers), 0);
        drop(writing);
        count(readers);
        assert_eq!(kept(readers), 1);
    }

    #[test]
    fn a_snapshot_behind_which_the_owner_writes_is_not_kept() {
        let directory = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(directory.path().join("app.db")).unwrap();
        let readers = &store.reader.readers;
        let read = readers.read(|_| {
            drop(readers.writing());
            Ok(())
        });
        read.unwrap();
        assert_eq!(kept(readers), 0);
    }

    #[test]
    fn what_others_change_is_read_anew() {
        let directory = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(directory.path().join("app.db")).unwrap();
        let readers = Readers::new(store.path().to_owned());
        count(&readers);
        assert_eq!(kept(&readers), 0);
    }

    #[test]
    fn a_statement_is_planned_once_whatever_is_bound_to_it() {
        let directory = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(directory.path().join("app.db")).unwrap();
        let planned_again = store.reader.readers.read(|db| {
            let mut rows = db.prepare_cached(
                "SELECT events FROM history WHERE incarnation = ?1 AND episode >= ?2 ORDER BY episode",
            )?;
            for number in 1..4 {
                rows.query_map((number, number), |row| row.get::<_, String>(0))?
                    .collect::<Result<Vec<_>>>()?;
            }
            Ok(rows.get_status(StatementStatus::RePrepare))
        });
        assert_eq!(planned_again.unwrap(), 0);
    }
}
