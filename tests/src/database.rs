//! A look at the file of a store that nobody owns.

use std::path::{Path, PathBuf};

use rusqlite::ffi::SQLITE_READONLY_ROLLBACK;
use rusqlite::{Connection, OpenFlags};

/// Reads a database and changes nothing in it, but what was not committed when its maker was killed: that is taken back.
#[must_use]
pub fn open(path: &Path) -> Connection {
    let open = |access| Connection::open_with_flags(path, access).unwrap();
    let database = open(OpenFlags::SQLITE_OPEN_READ_ONLY);
    let version = database.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0));
    match version
        .err()
        .and_then(|error| Some(error.sqlite_error()?.extended_code))
    {
        Some(SQLITE_READONLY_ROLLBACK) => open(OpenFlags::SQLITE_OPEN_READ_WRITE),
        _ => database,
    }
}

/// The file beside the database of this name.
#[must_use]
pub fn beside(database: &Path, suffix: &str) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Asserts that SQLite finds nothing wrong, and that no row belongs to an instance that is gone.
pub fn assert_sound(database: &Connection) {
    let verdict: String = database
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(verdict, "ok");
    assert!(
        !database
            .prepare("PRAGMA foreign_key_check")
            .unwrap()
            .exists([])
            .unwrap()
    );
    for table in ["history", "inbox", "tags", "progress"] {
        let orphans = format!(
            "SELECT count(*) FROM {table} WHERE incarnation NOT IN (SELECT incarnation FROM instances)"
        );
        let orphans: i64 = database.query_row(&orphans, [], |row| row.get(0)).unwrap();
        assert_eq!(orphans, 0, "rows of `{table}` belong to nobody");
    }
    let torn = "SELECT count(*) FROM instances AS i WHERE
                (SELECT count(*) FROM history AS h WHERE h.incarnation = i.incarnation) != i.episode - i.first_episode + 1";
    let torn: i64 = database.query_row(torn, [], |row| row.get(0)).unwrap();
    assert_eq!(torn, 0, "instances have lost rows");
}
