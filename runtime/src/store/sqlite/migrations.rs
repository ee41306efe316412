//! The schema, and what tells a store of ours from other files.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use super::error;
use crate::store::{StoreError, StoreErrorKind};

/// `PRAGMA application_id` of every store: `Stfd` in ASCII.
pub(super) const APPLICATION_ID: i32 = 0x5374_6664;

/// The steps from an empty database to today's schema. `PRAGMA user_version` counts those that were applied. Released
/// steps are never edited; a change of the schema is a new step.
const MIGRATIONS: [&str; 2] = [
    include_str!("migrations/0001_instances.sql"),
    include_str!("migrations/0002_queries.sql"),
];

/// What a database file turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// A database without tables that nobody has marked as theirs.
    Empty,
    /// A store with so many migrations applied.
    Store(usize),
}

impl Found {
    /// Whether nothing has to be done to it.
    pub(super) const fn is_current(self) -> bool {
        matches!(self, Self::Store(version) if version == MIGRATIONS.len())
    }
}

/// Looks whether the database is a store that this version can use, or can become one. Changes nothing.
pub(super) fn inspect(path: &Path, db: &Connection) -> Result<Found, StoreError> {
    let fail = |error| error::from_sqlite(path, error);
    let application_id: i32 = db
        .pragma_query_value(None, "application_id", |row| row.get(0))
        .map_err(fail)?;
    let version: i64 = db
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .map_err(fail)?;
    let tables: i64 = db
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(fail)?;
    match (application_id, usize::try_from(version)) {
        (APPLICATION_ID, Ok(version)) if version <= MIGRATIONS.len() => Ok(Found::Store(version)),
        (APPLICATION_ID, Ok(version)) => Err(StoreError::new(
            StoreErrorKind::NewerVersion,
            format!(
                "`{}` has version {version} of the schema, and this version of steadfast knows {}; update steadfast",
                path.display(),
                MIGRATIONS.len()
            ),
        )),
        (0, Ok(0)) if tables == 0 => Ok(Found::Empty),
        _ => Err(not_a_store(path, "a SQLite database of another program")),
    }
}

/// The error for a file that is something else.
pub(super) fn not_a_store(path: &Path, what: &str) -> StoreError {
    StoreError::new(
        StoreErrorKind::NotAStore,
        format!(
            "`{}` is not a store but {what}; it was left as it is: name another file",
            path.display()
        ),
    )
}

/// Brings the database to today's schema, as one transaction.
pub(super) fn migrate(path: &Path, db: &mut Connection) -> Result<(), StoreError> {
    let fail = |error| error::from_sqlite(path, error);
    let transaction = db
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(fail)?;
    let applied = match inspect(path, &transaction)? {
        Found::Empty => {
            transaction
                .pragma_update(None, "application_id", APPLICATION_ID)
                .map_err(fail)?;
            0
        }
        Found::Store(applied) => applied,
    };
    if applied < MIGRATIONS.len() {
        for migration in &MIGRATIONS[applied..] {
            transaction.execute_batch(migration).map_err(fail)?;
        }
        transaction
            .pragma_update(None, "user_version", MIGRATIONS.len() as i64)
            .map_err(fail)?;
    }
    transaction.commit().map_err(fail)
}
