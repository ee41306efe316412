//! Exclusive ownership: the lock file beside the database.
//!
//! The lock is not SQLite's own, so that the `sqlite3` shell can read the database while a store owns it. The operating
//! system releases it when its holder ends, however it ends. The file itself stays: deleting it would let two later owners
//! lock two files of one name.

use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process;

use super::error;
use crate::store::{StoreError, StoreErrorKind};

/// Held while a store is open.
#[derive(Debug)]
pub(super) struct LockFile {
    /// Closing the file releases the lock.
    _file: File,
}

impl LockFile {
    /// Takes the lock of the database at `database`.
    pub(super) fn acquire(database: &Path) -> Result<Self, StoreError> {
        let path = path_for(database);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(|error| error::from_io(&path, error))?;
        match file.try_lock() {
            Ok(()) => {
                // Only for the message of the next one who tries.
                let _ = file
                    .set_len(0)
                    .and_then(|()| write!(file, "{}", process::id()));
                Ok(Self { _file: file })
            }
            Err(TryLockError::WouldBlock) => Err(in_use(database, &path, &mut file)),
            Err(TryLockError::Error(error)) => Err(StoreError::new(
                StoreErrorKind::Unavailable,
                format!(
                    "`{}` cannot be locked; put the store on a local disk",
                    path.display()
                ),
            )
            .with_source(error)),
        }
    }
}

fn path_for(database: &Path) -> PathBuf {
    let mut path = OsString::from(database);
    path.push(".lock");
    path.into()
}

fn in_use(database: &Path, lock: &Path, file: &mut File) -> StoreError {
    let mut holder = String::new();
    // On Windows a locked file cannot be read; the message then does without the number.
    let holder = match file.read_to_string(&mut holder) {
        Ok(_) if holder == process::id().to_string() => "this process".to_owned(),
        Ok(_) if !holder.is_empty() => format!("process {holder}"),
        _ => "another process".to_owned(),
    };
    StoreError::new(
        StoreErrorKind::InUse,
        format!(
            "`{}` is in use by {holder}, which holds the lock on `{}`; stop it, or give each a store of its own",
            database.display(),
            lock.display()
        ),
    )
}
