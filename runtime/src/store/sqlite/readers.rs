//! Connections for reads. SQLite gives each read a snapshot of the last commit, so no read waits for the writer.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use rusqlite::{Connection, Result};

use super::open;

/// How many idle connections are kept. Each costs three file descriptors and a cache that grows to 4 MiB.
const MAX_IDLE: usize = 4;

#[derive(Debug)]
pub(super) struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    pub(super) const fn new(path: PathBuf) -> Self {
        Self {
            path,
            idle: Mutex::new(Vec::new()),
        }
    }

    /// Reads in one snapshot. A connection that failed is not used again, so nothing has to be rolled back.
    pub(super) fn read<T>(&self, read: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let idle = self.lock().pop();
        let reader = match idle {
            Some(reader) => reader,
            None => open::connect_reader(&self.path)?,
        };
        // Not a `Transaction`: it would have SQLite parse these two each time.
        reader.prepare_cached("BEGIN")?.execute([])?;
        let answer = read(&reader)?;
        reader.prepare_cached("COMMIT")?.execute([])?;
        let mut idle = self.lock();
        if idle.len() < MAX_IDLE {
            idle.push(reader);
        }
        Ok(answer)
    }

    /// Closes the idle connections.
    pub(super) fn close(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
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
