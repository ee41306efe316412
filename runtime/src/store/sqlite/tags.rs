//! The table `tags`: what queries find an instance by.

use rusqlite::{Connection, Result};

use super::convert::integer;
use crate::model::instance::Incarnation;
use crate::model::tags::Tags;

/// Adds the tags of a new instance.
pub(super) fn insert(db: &Connection, incarnation: Incarnation, tags: &Tags) -> Result<()> {
    if tags.is_empty() {
        return Ok(());
    }
    let mut insert =
        db.prepare_cached("INSERT INTO tags (name, value, incarnation) VALUES (?1, ?2, ?3)")?;
    for (name, value) in tags {
        insert.execute((name, value, integer(incarnation.0)))?;
    }
    Ok(())
}

/// Deletes all tags of an instance.
pub(super) fn delete(db: &Connection, incarnation: Incarnation) -> Result<()> {
    db.prepare_cached("DELETE FROM tags WHERE incarnation = ?1")?
        .execute([integer(incarnation.0)])
        .map(drop)
}
