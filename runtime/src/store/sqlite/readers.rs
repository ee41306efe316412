//! Connections for reads. SQLite gives each read a snapshot of the last commit, so no read waits for the writer.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

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
    /// Those of a database that may be changed all the while.
    pub(super) const fn new(path: PathBuf) -> Self {
        Self {
            path,
            idle: Idle::new(),
            still: None,
        }
    }

    /// Those of a database that nobody has open, until somebody has.
    pub(super) const fn still(path: PathBuf, still: Still) -> Self {
        Self {
            path,
            idle: Idle::new(),
            still: Some(StillReaders {
                still,
                is_over: AtomicBool::new(false),
                idle: Idle::new(),
            }),
        }
    }

    /// Reads in one snapshot, perhaps twice. A connection that failed is not used again, so nothing has to be rolled back.
    pub(super) fn read<T>(&self, read: impl Fn(&Connection) -> Result<T>) -> Result<T> {
        let of_still = self.still.as_ref().and_then(|still| still.read(&read));
        of_still.unwrap_or_else(|| self.idle.read(|| open::connect_reader(&self.path), &read))
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

/// Connections that nobody uses at the moment.
#[derive(Debug)]
struct Idle(Mutex<Vec<Connection>>);

impl Idle {
    const fn new() -> Self {
        Self(Mutex::new(Vec::new()))
    }

    fn read<T>(
        &self,
        connect: impl FnOnce() -> Result<Connection>,
        read: impl FnOnce(&Connection) -> Result<T>,
    ) -> Result<T> {
        let idle = self.lock().pop();
        let reader = match idle {
            Some(reader) => reader,
            None => connect()?,
        };
        // Not a `Transaction`: it would have SQLite parse these two each time.
        reader.prepare_cached("BEGIN")?.execute([])?;
        let answer = read(&reader)?;
        // There is nothing to commit, and behind damage that was met SQLite refuses to.
        reader.prepare_cached("ROLLBACK")?.execute([])?;
        let mut idle = self.lock();
        if idle.len() < MAX_IDLE {
            idle.push(reader);
        }
        Ok(answer)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::StatementStatus;

    use super::*;
    use crate::store::sqlite::SqliteStore;

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
