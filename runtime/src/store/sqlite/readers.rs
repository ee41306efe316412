//! Connections for reads. SQLite gives each read a snapshot of the last commit, so no read waits for the writer.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use rusqlite::{Connection, Result, Transaction};

use super::open;

/// How many idle connections are kept. Each costs three file descriptors and a cache that grows to 8 MiB.
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

    /// Reads in one snapshot. A connection that failed is not used again.
    pub(super) fn read<T>(&self, read: impl FnOnce(&Transaction<'_>) -> Result<T>) -> Result<T> {
        let idle = self.lock().pop();
        let mut reader = match idle {
            Some(reader) => reader,
            None => open::connect_reader(&self.path)?,
        };
        let transaction = reader.transaction()?;
        let answer = read(&transaction)?;
        transaction.finish()?;
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
