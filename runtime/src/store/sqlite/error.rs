//! What SQLite and the file system say, as [`StoreError`]s that name the file and say what to do.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io;
use std::path::Path;

use rusqlite::ErrorCode;
use rusqlite::ffi::SQLITE_IOERR_SHMSIZE;

use crate::store::{StoreError, StoreErrorKind};

/// An error of SQLite while the store at `path` was in use.
pub(super) fn from_sqlite(path: &Path, error: rusqlite::Error) -> StoreError {
    let file = path.display();
    let extended = error.sqlite_error().map(|error| error.extended_code);
    let (kind, message) = match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => (StoreErrorKind::Unavailable, full(path)),
        // The first file that does not find room when a database is opened is the index of its log.
        _ if extended == Some(SQLITE_IOERR_SHMSIZE) => (StoreErrorKind::Unavailable, full(path)),
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
            (StoreErrorKind::ReadOnly, read_only(path))
        }
        Some(ErrorCode::ConstraintViolation) => (StoreErrorKind::Corrupt, damaged(path)),
        _ if is_damage(&error) => (StoreErrorKind::Corrupt, damaged(path)),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => (
            StoreErrorKind::Unavailable,
            format!(
                "another program, for example a `sqlite3` shell in a transaction, holds a lock on `{file}`"
            ),
        ),
        Some(ErrorCode::SystemIoFailure) => (
            StoreErrorKind::Unavailable,
            format!(
                "the operating system failed to read or write `{file}`: look for what is wrong with its disk, permissions or quota"
            ),
        ),
        Some(ErrorCode::CannotOpen) => return cannot_open(path, error),
        _ => (
            StoreErrorKind::Unavailable,
            format!("SQLite failed on `{file}`"),
        ),
    };
    StoreError::new(kind, message).with_source(error)
}

/// Whether what was read is damaged. Without a code of SQLite, a value was not of the type or form that this store writes.
pub(super) fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        None | Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
    )
}

/// SQLite does not say which of its files it could not open, nor why; trying the one that a writer needs first tells. An
/// empty log is as good as none.
fn cannot_open(path: &Path, error: rusqlite::Error) -> StoreError {
    let mut log = OsString::from(path);
    log.push("-wal");
    match OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(log)
    {
        Err(denied) => from_io(path, denied),
        Ok(_) => {
            let message = format!(
                "`{}` cannot be opened: look at its permissions, and at how many files the process may open",
                path.display()
            );
            StoreError::new(StoreErrorKind::Unavailable, message).with_source(error)
        }
    }
}

/// An error of the file system while the file at `path` was to be opened or created.
pub(super) fn from_io(path: &Path, error: io::Error) -> StoreError {
    let (kind, message) = match error.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            (StoreErrorKind::ReadOnly, read_only(path))
        }
        _ => (
            StoreErrorKind::Unavailable,
            format!("`{}` cannot be opened", path.display()),
        ),
    };
    StoreError::new(kind, message).with_source(error)
}

/// The message for a file, or a directory for a new file, that cannot be written.
pub(super) fn read_only(path: &Path) -> String {
    format!(
        "`{}` cannot be written: the file and its directory must be writable",
        path.display()
    )
}

fn full(path: &Path) -> String {
    format!(
        "no space is left on the disk of `{}`; make some",
        path.display()
    )
}

fn damaged(path: &Path) -> String {
    format!(
        "`{}` is damaged; restore it from a backup, with its `-wal` file if there is one",
        path.display()
    )
}

#[cfg(test)]
mod tests {
    use rusqlite::ffi;

    use super::*;

    #[test]
    fn codes_of_sqlite_become_kinds() {
        let directory = tempfile::tempdir().unwrap();
        for (code, kind) in [
            (ffi::SQLITE_FULL, StoreErrorKind::Unavailable),
            (SQLITE_IOERR_SHMSIZE, StoreErrorKind::Unavailable),
            (ffi::SQLITE_IOERR_FSYNC, StoreErrorKind::Unavailable),
            (ffi::SQLITE_BUSY, StoreErrorKind::Unavailable),
            (ffi::SQLITE_NOMEM, StoreErrorKind::Unavailable),
            (ffi::SQLITE_CANTOPEN, StoreErrorKind::Unavailable),
            (ffi::SQLITE_READONLY_DIRECTORY, StoreErrorKind::ReadOnly),
            (ffi::SQLITE_PERM, StoreErrorKind::ReadOnly),
            (ffi::SQLITE_CORRUPT, StoreErrorKind::Corrupt),
            (ffi::SQLITE_NOTADB, StoreErrorKind::Corrupt),
        ] {
            let error = rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
            let error = from_sqlite(&directory.path().join("app.db"), error);
            assert_eq!(error.kind(), kind, "{error}");
            assert!(error.to_string().contains("app.db`"), "{error}");
            assert!(std::error::Error::source(&error).is_some());
        }
    }
}
