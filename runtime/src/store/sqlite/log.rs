//! The write-ahead log as a file.
//!
//! A sync of a file that has grown also waits for the file system's own journal, so appending to the log costs up to half as much
//! again as writing over it. SQLite lets the log grow once and then writes over it from its beginning after each checkpoint; so the
//! log is made as long as it will become when the store is opened. What is in a part that was not written yet is of no account: each
//! frame of the log carries the salt of its header.

use std::fs::{self, OpenOptions};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, Result, TransactionBehavior};

use super::open::BUSY_TIMEOUT;

/// How long the log becomes before it is copied into the database, in pages.
pub(super) const PAGES: u32 = 4_096;

/// A commit writes whole pages to the log; rows are a few hundred bytes.
pub(super) const PAGE_BYTES: u32 = 4_096;

/// In the log each page has a header.
const BYTES: u64 = (PAGES * (PAGE_BYTES + 24) + 32) as u64;

/// Makes the log as long as it will become. It is for speed only: where it cannot be done, the log grows by and by.
pub(super) fn lengthen(database: &Path, writer: &mut Connection) {
    let log = path(database);
    if fs::metadata(&log).is_ok_and(|metadata| metadata.len() < BYTES) {
        // Other programs are not waited for.
        let _ = writer.busy_timeout(Duration::ZERO);
        let _ = empty_and_fill(&log, writer);
        let _ = writer.busy_timeout(BUSY_TIMEOUT);
    }
}

/// Takes what SQLite does not read out of a damaged log. Behind later commits it would be taken for damage at every start until it is
/// written over. It is not done while others read the database.
pub(super) fn empty(writer: &Connection) {
    let _ = truncate(writer);
}

fn truncate(writer: &Connection) -> Result<()> {
    writer.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
}

fn empty_and_fill(log: &Path, writer: &mut Connection) -> Result<()> {
    // Whoever reads the database keeps what is in the log. The transaction keeps others from appending to it meanwhile.
    truncate(writer)?;
    let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let _ = fill(log);
    transaction.rollback()
}

/// Fills the log if it is empty. SQLite keeps its locks elsewhere, so closing this file releases none.
fn fill(log: &Path) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).open(log)?;
    if file.metadata()?.len() > 0 {
        return Ok(());
    }
    let filled = io::copy(&mut io::repeat(0).take(BYTES), &mut file).and_then(|_| file.sync_all());
    if filled.is_err() {
        // The disk is full. What there is of it is for commits.
        file.set_len(0)?;
    }
    Ok(())
}

/// The log of a database.
pub(super) fn path(database: &Path) -> PathBuf {
    let mut log = database.as_os_str().to_owned();
    log.push("-wal");
    log.into()
}
