//! Opening: from a path to a database that is ours, locked, configured and of today's schema.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::ffi::{self, SQLITE_READONLY_ROLLBACK};
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::lock::LockFile;
use super::still::Still;
use super::{Durability, error, log, migrations, unread};
use crate::store::{StoreError, StoreErrorKind};

/// How long to wait for another program, such as a `sqlite3` shell, that holds SQLite's own locks.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// An opened database.
pub(super) struct Opened {
    pub(super) path: PathBuf,
    pub(super) writer: Connection,
    pub(super) lock: LockFile,
}

/// Opens the store at `path`, or creates it. A file that turns out not to be a store is left as it is.
pub(super) fn open(path: &Path, durability: Durability) -> Result<Opened, StoreError> {
    let path = resolve(path)?;
    refuse_further_names(&path)?;
    let is_new = look(&path, || connect_reader(&path))?;
    let lock = LockFile::acquire(&path)?;
    refuse_orphaned_log(&path)?;
    permit_companions(&path);
    let is_log_damaged = keep_unread(&path)?;
    let access = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
    let mut writer =
        connect_raw(&path, access).map_err(|error| error::from_sqlite(&path, error))?;
    // SQLite opens a file that it may not write for reading, without a word.
    if writer
        .is_readonly("main")
        .map_err(|error| error::from_sqlite(&path, error))?
    {
        return Err(StoreError::new(
            StoreErrorKind::ReadOnly,
            error::read_only(&path),
        ));
    }
    let journal =
        configure_writer(&writer, durability).map_err(|error| error::from_sqlite(&path, error))?;
    if journal != "wal" {
        let message = format!(
            "`{}` cannot have a write-ahead log; put the store on a local disk",
            path.display()
        );
        return Err(StoreError::new(StoreErrorKind::Unavailable, message));
    }
    if is_log_damaged {
        log::empty(&writer);
    }
    migrations::migrate(&path, &mut writer)?;
    if durability == Durability::Full {
        log::lengthen(&path, &mut writer);
    }
    if is_new {
        sync_directory(&path);
    }
    Ok(Opened { path, writer, lock })
}

/// The one path of the file, whatever links lead to it, so that all who open it meet at one lock.
pub(super) fn resolve(path: &Path) -> Result<PathBuf, StoreError> {
    let unavailable = |message| StoreError::new(StoreErrorKind::Unavailable, message);
    let Some(name) = path.file_name() else {
        return Err(unavailable(format!(
            "`{}` does not name a file",
            path.display()
        )));
    };
    if name == ":memory:" {
        return Err(unavailable(
            "`:memory:` is not a file; use `MemoryStore` for a store without one".to_owned(),
        ));
    }
    if let Ok(path) = fs::canonicalize(path) {
        return Ok(path);
    }
    if path.is_symlink() {
        return Err(unavailable(format!(
            "`{}` is a link to a file that does not exist; name that file",
            path.display()
        )));
    }
    let directory = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let directory = fs::canonicalize(directory).map_err(|error| {
        let message = format!(
            "the directory of `{}` does not exist or cannot be entered; create it first",
            path.display()
        );
        unavailable(message).with_source(error)
    })?;
    if !directory.is_dir() {
        return Err(unavailable(format!(
            "`{}` is not a directory",
            directory.display()
        )));
    }
    Ok(directory.join(name))
}

/// Refuses a file with hard links. The lock and SQLite's log are beside each name, so that two programs would write the file at once.
#[cfg(unix)]
fn refuse_further_names(path: &Path) -> Result<(), StoreError> {
    use std::os::unix::fs::MetadataExt;

    let names = fs::metadata(path).map_or(1, |metadata| {
        if metadata.is_file() {
            metadata.nlink()
        } else {
            1
        }
    });
    if names < 2 {
        return Ok(());
    }
    let message = format!(
        "`{}` has {names} names (hard links), and programs that open it by different ones would destroy it; leave it one",
        path.display()
    );
    Err(StoreError::new(StoreErrorKind::Unavailable, message))
}

#[cfg(not(unix))]
fn refuse_further_names(_: &Path) -> Result<(), StoreError> {
    Ok(())
}

/// Whether the file is new, or was never finished. One that exists is read, through SQLite and for reading only, before anything is
/// written beside it. (Not with `std::fs`: to close a file drops this process's POSIX locks on it, also those of an open store.)
pub(super) fn look(
    path: &Path,
    connect: impl Fn() -> rusqlite::Result<Connection>,
) -> Result<bool, StoreError> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => Err(migrations::not_a_store(path, "a directory")),
        Ok(metadata) if metadata.len() == 0 => Ok(true),
        Ok(_) => {
            let inspect = |connection: rusqlite::Result<Connection>| {
                let connection = connection.map_err(|error| error::from_sqlite(path, error))?;
                migrations::inspect(path, &connection)
            };
            let mut found = inspect(connect()).map(|_| false);
            // Whoever wrote last was killed, perhaps while making the file. SQLite takes back what was not committed.
            if sqlite_code(&found)
                .is_some_and(|code| code.extended_code == SQLITE_READONLY_ROLLBACK)
            {
                found = inspect(connect_raw(path, OpenFlags::SQLITE_OPEN_READ_WRITE)).map(|_| true);
            }
            if sqlite_code(&found).is_some_and(|code| code.code == ErrorCode::NotADatabase) {
                return Err(migrations::not_a_store(path, "a file of another kind"));
            }
            found
        }
        Err(_) => Ok(true),
    }
}

/// Refuses to begin anew beside a log that holds something: SQLite would write over it. A store that was never finished has none yet.
fn refuse_orphaned_log(path: &Path) -> Result<(), StoreError> {
    let (is_there, bytes) = fs::metadata(path).map_or((false, 0), |found| (true, found.len()));
    let log = log::path(path);
    if bytes > 0 || !unread::is_written(&log).map_err(|error| error::from_io(&log, error))? {
        return Ok(());
    }
    let message = format!(
        "`{}` is {}, and `{}` beside it holds commits; put the database back, or move the log away to begin anew",
        path.display(),
        if is_there { "empty" } else { "missing" },
        log.display()
    );
    Err(StoreError::new(StoreErrorKind::Corrupt, message))
}

/// Keeps what a damaged log holds and SQLite would write over. Answers whether there was such.
fn keep_unread(path: &Path) -> Result<bool, StoreError> {
    let log = log::path(path);
    let copy = unread::keep(&log).map_err(|error| error::from_io(&log, error))?;
    if let Some(copy) = &copy {
        tracing::error!(
            log = %log.display(),
            copy = %copy.display(),
            "the write-ahead log holds commits behind a place at which it cannot be read, and they are lost. After a loss of power, \
             nobody was told of them; otherwise the disk has damaged the log. A copy of it was kept"
        );
    }
    Ok(copy.is_some())
}

/// Lets the files beside the database be written as the database may be. SQLite makes them with its permissions, also when it only reads;
/// so those that were made while it could not be written would be in the way when it can.
fn permit_companions(path: &Path) {
    let Ok(permissions) = fs::metadata(path).map(|database| database.permissions()) else {
        return;
    };
    for suffix in ["-wal", "-shm"] {
        let mut companion = path.as_os_str().to_owned();
        companion.push(suffix);
        if fs::metadata(&companion).is_ok_and(|found| found.permissions().readonly()) {
            // When it cannot be done, SQLite says what it cannot write.
            let _ = fs::set_permissions(companion, permissions.clone());
        }
    }
}

/// What SQLite said, when it said something.
fn sqlite_code<T>(result: &Result<T, StoreError>) -> Option<&ffi::Error> {
    let source = std::error::Error::source(result.as_ref().err()?);
    source
        .and_then(|source| source.downcast_ref::<rusqlite::Error>())
        .and_then(rusqlite::Error::sqlite_error)
}

/// A connection for reads.
pub(super) fn connect_reader(path: &Path) -> rusqlite::Result<Connection> {
    reading(connect_raw(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?)
}

/// A connection for reads of what nobody changes.
pub(super) fn connect_still(still: &Still) -> rusqlite::Result<Connection> {
    let access = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    reading(connect_raw(Path::new(&still.uri()), access)?)
}

fn reading(reader: Connection) -> rusqlite::Result<Connection> {
    reader.pragma_update(None, "cache_size", -4 * 1024)?; // KiB
    Ok(reader)
}

fn connect_raw(path: &Path, access: OpenFlags) -> rusqlite::Result<Connection> {
    // Every connection is behind a mutex or owned by one call.
    let connection = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(64);
    // Otherwise a statement is planned again whenever other values are bound to it, which costs several times its execution.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(connection)
}

/// Answers with the journal mode that SQLite chose. No `mmap_size`: through a memory map, an I/O error is a signal that ends the process instead of an error.
fn configure_writer(writer: &Connection, durability: Durability) -> rusqlite::Result<String> {
    // Of a new file only. A commit writes whole pages to the log; rows are a few hundred bytes.
    writer.pragma_update(None, "page_size", log::PAGE_BYTES)?;
    let journal = writer.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    let synchronous = match durability {
        Durability::Full => "FULL",
        Durability::Relaxed => "NORMAL",
    };
    writer.pragma_update(None, "synchronous", synchronous)?;
    // Without these, a sync on macOS leaves the data in the drive's own cache. Other systems ignore them.
    if durability == Durability::Full {
        writer.pragma_update(None, "fullfsync", true)?;
        writer.pragma_update(None, "checkpoint_fullfsync", true)?;
    }
    // KiB. The inner pages of a million instances fit many times. What is not here is in the system's own cache.
    writer.pragma_update(None, "cache_size", -24 * 1024)?;
    // A checkpoint costs two syncs and writes a page once however often it was committed since the last.
    writer.pragma_update_and_check(None, "wal_autocheckpoint", log::PAGES, |_| Ok(()))?;
    // Bytes. What a slow reader made the log grow beyond this is given back.
    writer.pragma_update_and_check(None, "journal_size_limit", 64 * 1024 * 1024, |_| Ok(()))?;
    Ok(journal)
}

/// Makes the name of a new file durable, where a directory can be synced.
fn sync_directory(path: &Path) {
    if let Some(directory) = path.parent() {
        // On Windows a directory cannot be opened as a file, and its entries need no sync.
        let _ = File::open(directory).and_then(|directory| directory.sync_all());
    }
}
