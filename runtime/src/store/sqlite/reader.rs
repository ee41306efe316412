//! Reading a store, also beside its owner.

use std::fmt;
use std::path::{Path, PathBuf};

use futures_util::future::BoxFuture;
use rusqlite::Connection;

use super::error::is_damage;
use super::readers::Readers;
use super::search::Found;
use super::still::Still;
use super::{
    changes, error, history, inbox, instances, migrations, open, past_damage, progress, queries,
    search,
};
use crate::model::instance::{Incarnation, InstanceId};
use crate::model::query::InstanceFilter;
use crate::model::status::RuntimeStatus;
use crate::store::{
    ChangeRow, Epoch, InboxRow, InstanceHeader, InstancePage, InstanceRows, Ownership, PageRequest,
    Store, StoreError, StoreErrorKind, StoredInstance, TimerPosition, UnreadableInstance, Write,
    WriteResult, walked,
};

/// A SQLite file that is read, while whoever owns it goes on: for [`deploy::check`](crate::deploy) and the like.
///
/// It takes no ownership and writes nothing to the database; a worker does not start on it. Each read sees the last commit. It is a
/// [`Store`], so that one that is encrypted is read through the same codec as by its owner.
///
/// When nobody has the store open, and nobody had within the last two seconds, it leaves no file beside it and need not be able to: to read the
/// file is enough (on Unix). Otherwise SQLite keeps `-wal` and `-shm` files there, which belong to who made them. Who opens the store meanwhile
/// is noticed.
///
/// A store of an earlier schema, which only its owner may bring up to date, is read from a copy that is: with the feature `deploy`, in a
/// file in the system's folder for temporary files, as large as the database, which is deleted with this.
///
/// ```
/// # let directory = tempfile::tempdir().unwrap();
/// # let path = directory.path().join("app.db");
/// use steadfast::store::sqlite::{SqliteReader, SqliteStore};
/// use steadfast::store::{Store, StoreErrorKind};
///
/// let owner = SqliteStore::open(&path)?;
/// let reader = SqliteReader::open(&path)?;
/// let refused = futures_executor::block_on(reader.acquire(None)).unwrap_err();
/// assert_eq!(refused.kind(), StoreErrorKind::ReadOnly);
/// # drop(owner);
/// # Ok::<(), steadfast::store::StoreError>(())
/// ```
pub struct SqliteReader {
    path: PathBuf,
    pub(super) readers: Readers,
    /// Deleted with this.
    #[cfg(feature = "deploy")]
    _copy: Option<tempfile::TempDir>,
}

impl SqliteReader {
    /// Opens the store at this path, which must be there.
    ///
    /// # Errors
    ///
    /// - [`NotAStore`](StoreErrorKind::NotAStore): the file is something else.
    /// - [`NewerVersion`](StoreErrorKind::NewerVersion): a newer version of this crate wrote it.
    /// - [`Unavailable`](StoreErrorKind::Unavailable): there is no such file, or it cannot be read or copied.
    /// - [`Corrupt`](StoreErrorKind::Corrupt): the file is damaged.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let path = open::resolve(path.as_ref())?;
        if !path.exists() {
            let message = format!("there is no file `{}`", path.display());
            return Err(StoreError::new(StoreErrorKind::Unavailable, message));
        }
        if let Some(still) = Still::of(&path) {
            let opened = Self::open_resolved(path.clone(), Some(&still));
            if still.holds() {
                return opened;
            }
        }
        Self::open_resolved(path, None)
    }

    fn open_resolved(path: PathBuf, still: Option<&Still>) -> Result<Self, StoreError> {
        let connect = || match still {
            Some(still) => open::connect_still(still),
            None => open::connect_reader(&path),
        };
        if open::look(&path, connect)? {
            return Err(migrations::not_a_store(&path, "an empty file"));
        }
        let db = connect().map_err(|error| error::from_sqlite(&path, error))?;
        match migrations::inspect(&path, &db)? {
            migrations::Found::Empty => Err(migrations::not_a_store(&path, "an empty database")),
            found if found.is_current() => Ok(Self::of(
                match still {
                    Some(still) => Readers::still(path.clone(), still.clone()),
                    None => Readers::new(path.clone()),
                },
                path,
            )),
            migrations::Found::Store(_) => Self::of_copy(path, &db),
        }
    }

    /// The reader of an owner.
    pub(super) fn of_owner(path: PathBuf) -> Self {
        Self::of(Readers::of_owner(path.clone()), path)
    }

    const fn of(readers: Readers, path: PathBuf) -> Self {
        Self {
            readers,
            path,
            #[cfg(feature = "deploy")]
            _copy: None,
        }
    }

    #[cfg(feature = "deploy")]
    fn of_copy(path: PathBuf, db: &Connection) -> Result<Self, StoreError> {
        let unavailable = |error: Box<dyn std::error::Error + Send + Sync>| {
            let message = format!(
                "`{}` has an earlier schema, and cannot be copied to bring that up to date",
                path.display()
            );
            StoreError::new(StoreErrorKind::Unavailable, message).with_source(error)
        };
        let folder = tempfile::Builder::new()
            .prefix("steadfast-")
            .tempdir()
            .map_err(|error| unavailable(error.into()))?;
        let copy = folder.path().join("copy.db");
        db.execute("VACUUM INTO ?1", [copy.to_string_lossy()])
            .map_err(|error| unavailable(error.into()))?;
        // To open it brings it up to date.
        let copied = super::SqliteStore::builder(&copy).durability(super::Durability::Relaxed);
        drop(copied.open()?);
        Ok(Self {
            path,
            readers: Readers::new(copy),
            _copy: Some(folder),
        })
    }

    #[cfg(not(feature = "deploy"))]
    fn of_copy(path: PathBuf, _: &Connection) -> Result<Self, StoreError> {
        let message = format!(
            "`{}` has an earlier schema; open it once as its owner, which brings it up to date",
            path.display()
        );
        Err(StoreError::new(StoreErrorKind::Unavailable, message))
    }

    /// The file, with links resolved.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn look<T>(
        &self,
        read: impl Fn(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        self.readers
            .read(read)
            .map_err(|error| error::from_sqlite(&self.path, error))
    }

    fn refused<T>(&self) -> Result<T, StoreError> {
        let message = format!("`{}` was opened for reading only", self.path.display());
        Err(StoreError::new(StoreErrorKind::ReadOnly, message))
    }
}

impl Store for SqliteReader {
    fn acquire(&self, _: Option<&str>) -> BoxFuture<'_, Result<Ownership, StoreError>> {
        Box::pin(async move { self.refused() })
    }

    fn commit<'a>(
        &'a self,
        _: Epoch,
        _: &'a [Write],
    ) -> BoxFuture<'a, Result<Vec<WriteResult>, StoreError>> {
        Box::pin(async move { self.refused() })
    }

    fn load<'a>(
        &'a self,
        id: &'a InstanceId,
    ) -> BoxFuture<'a, Result<Option<StoredInstance>, StoreError>> {
        Box::pin(async move {
            self.look(|db| {
                let Some(header) = instances::by_id(db, id)? else {
                    return Ok(None);
                };
                let history = history::rows(db, header.incarnation, header.first_episode)?;
                let inbox = inbox::rows(db, header.incarnation, 0)?;
                let progress = progress::rows(db, header.incarnation)?;
                Ok(Some(StoredInstance {
                    header,
                    history,
                    inbox,
                    progress,
                }))
            })
        })
    }

    fn read<'a>(
        &'a self,
        id: &'a InstanceId,
    ) -> BoxFuture<'a, Result<Option<InstanceRows>, StoreError>> {
        Box::pin(async move {
            self.look(|db| {
                let Some(header) = instances::by_id(db, id)? else {
                    return Ok(None);
                };
                rows_pointed_at(db, header).map(Some)
            })
        })
    }

    fn needing_attention(
        &self,
        after: Incarnation,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<(Incarnation, InstanceId)>, StoreError>> {
        Box::pin(async move { self.look(|db| queries::needing_attention(db, after, limit)) })
    }

    fn timers(
        &self,
        after: TimerPosition,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<(TimerPosition, InstanceId)>, StoreError>> {
        Box::pin(async move { self.look(|db| queries::timers(db, after, limit)) })
    }

    fn inbox<'a>(
        &'a self,
        _: &'a InstanceId,
        incarnation: Incarnation,
        after: u64,
    ) -> BoxFuture<'a, Result<Vec<InboxRow>, StoreError>> {
        Box::pin(async move { self.look(|db| inbox::rows(db, incarnation, after)) })
    }

    fn changes(
        &self,
        incarnation: Incarnation,
        after: u64,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<ChangeRow>, StoreError>> {
        Box::pin(async move { self.look(|db| changes::rows(db, incarnation, after, limit)) })
    }

    fn query<'a>(
        &'a self,
        filter: &'a InstanceFilter,
        page: &'a PageRequest,
    ) -> BoxFuture<'a, Result<InstancePage, StoreError>> {
        Box::pin(async move {
            self.look(|db| {
                let (mut rows, mut unreadable) = (Vec::new(), Vec::new());
                let next = search::walk_past_damage(db, filter, page, |steps| {
                    walked(page, steps, |found| match listed(db, found)? {
                        Ok(found) => {
                            let bytes = found.bytes();
                            rows.push(found);
                            Ok(bytes)
                        }
                        Err(one) => {
                            unreadable.push(one);
                            Ok(0)
                        }
                    })
                })?;
                Ok(InstancePage {
                    rows,
                    unreadable,
                    next,
                })
            })
        })
    }

    fn counts<'a>(
        &'a self,
        filter: &'a InstanceFilter,
    ) -> BoxFuture<'a, Result<Vec<(RuntimeStatus, u64)>, StoreError>> {
        Box::pin(async move { self.look(|db| search::counts(db, filter)) })
    }
}

fn rows_pointed_at(db: &Connection, header: InstanceHeader) -> rusqlite::Result<InstanceRows> {
    let mut rows = pointing(header);
    read_pointed_at(db, &mut rows)?;
    Ok(rows)
}

/// One of a list, with as much of it as can be read.
fn listed(
    db: &Connection,
    found: Found,
) -> rusqlite::Result<Result<InstanceRows, UnreadableInstance>> {
    let incarnation = match found {
        Found::Match(incarnation) => incarnation,
        Found::Unreadable(one) => return Ok(Err(one)),
    };
    let header = instances::by_incarnation(db, incarnation)
        .and_then(|header| header.ok_or(rusqlite::Error::QueryReturnedNoRows));
    let mut rows = match header {
        Ok(header) => pointing(header),
        Err(error) if is_damage(&error) => {
            return past_damage::unreadable(db, incarnation, &error).map(Err);
        }
        Err(error) => return Err(error),
    };
    match read_pointed_at(db, &mut rows) {
        Err(error) if is_damage(&error) => {
            rows.without_payloads(&format!("something stored of it is damaged: {error}"));
            Ok(Ok(rows))
        }
        read => read.map(|()| Ok(rows)),
    }
}

const fn pointing(header: InstanceHeader) -> InstanceRows {
    InstanceRows {
        header,
        first_events: String::new(),
        custom_status: None,
        last_events: None,
        progress: Vec::new(),
    }
}

fn read_pointed_at(db: &Connection, rows: &mut InstanceRows) -> rusqlite::Result<()> {
    let header = &rows.header;
    let incarnation = header.incarnation;
    rows.first_events = history::events(db, incarnation, header.first_episode)?;
    if let Some(episode) = header.status_episode {
        rows.custom_status = Some(history::custom_status(db, incarnation, episode)?);
    }
    if header.runtime_status.is_terminal() {
        rows.last_events = Some(history::events(db, incarnation, header.episode)?);
    }
    rows.progress = progress::rows(db, incarnation)?;
    Ok(())
}

impl fmt::Debug for SqliteReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteReader")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}
