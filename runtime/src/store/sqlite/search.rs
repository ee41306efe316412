//! Queries by [`InstanceFilter`].
//!
//! Each walks one index in the order of incarnations, from where the page before ended, and tests the other conditions on
//! the way. So all pages together cost one walk, and nothing is sorted. The exception are the ids of a prefix that few
//! have: those are looked up and sorted.

use std::collections::BTreeMap;

use rusqlite::types::{Type, Value};
use rusqlite::{CachedStatement, Connection, Result, Row, params_from_iter};

use super::convert::{incarnation, integer, limit, runtime_status};
use super::instances;
use crate::model::instance::Incarnation;
use crate::model::query::{InstanceFilter, Order};
use crate::model::status::RuntimeStatus;
use crate::store::{InstanceHeader, PageRequest};

/// So many ids of a prefix are looked up and sorted for each page. When there are more, they are frequent enough to be met
/// on a walk through all instances.
pub(super) const FEW_IDS: usize = 2_000;

/// See [`crate::store::Store::query`].
pub(super) fn page(
    db: &Connection,
    filter: &InstanceFilter,
    page: &PageRequest,
) -> Result<Vec<InstanceHeader>> {
    let search = Search::page(db, filter, page)?;
    let sql = search.select(instances::COLUMNS, Some(page.order));
    search.rows(db, &sql, 2, page.limit, instances::header)
}

/// The first of those that have ended, oldest first.
pub(super) fn ended(
    db: &Connection,
    filter: &InstanceFilter,
    count: usize,
) -> Result<Vec<Incarnation>> {
    let mut search = Search::of(db, filter)?;
    search
        .conditions
        .push("runtime_status IN ('Completed', 'Failed', 'Canceled', 'Terminated')".to_owned());
    let sql = search.select(
        "instances.incarnation, instances.name",
        Some(Order::OldestFirst),
    );
    search.rows(db, &sql, 1, count, |row| incarnation(row, 0))
}

/// See [`crate::store::Store::counts`].
pub(super) fn counts(
    db: &Connection,
    filter: &InstanceFilter,
) -> Result<Vec<(RuntimeStatus, u64)>> {
    let search = Search::of(db, filter)?;
    let sql = search.select("runtime_status, instances.name", None);
    let mut counts: BTreeMap<&str, (RuntimeStatus, u64)> = BTreeMap::new();
    search.rows(db, &sql, 1, usize::MAX, |row| {
        let status = runtime_status(row, 0)?;
        counts.entry(status.as_str()).or_insert((status, 0)).1 += 1;
        Ok(())
    })?;
    Ok(counts.into_values().collect())
}

/// A filter as SQL.
pub(super) struct Search<'a> {
    from: &'static str,
    /// The column by which instances are ordered.
    incarnation: &'static str,
    conditions: Vec<String>,
    values: Vec<Value>,
    /// Compared here: SQLite knows the case of ASCII only.
    name: Option<&'a str>,
}

impl<'a> Search<'a> {
    fn of(db: &Connection, filter: &'a InstanceFilter) -> Result<Self> {
        let InstanceFilter {
            runtime_status,
            name,
            version,
            created_from,
            created_to,
            updated_from,
            updated_to,
            id_prefix,
            tags,
            parent,
            stalled,
        } = filter;
        let mut search = Self {
            from: "instances NOT INDEXED",
            incarnation: "instances.incarnation",
            conditions: Vec::new(),
            values: Vec::new(),
            name: name.as_deref(),
        };
        let mut tags = tags.as_slice();
        if let Some(prefix) = id_prefix {
            search.add("instances.id >= ?".to_owned(), prefix.clone());
            if let Some(end) = end_of_prefix(prefix) {
                search.add("instances.id < ?".to_owned(), end);
            }
            if search.finds_few(db)? {
                (search.from, search.incarnation) = ("instances", "+instances.incarnation");
            }
        }
        if matches!(runtime_status.as_slice(), [RuntimeStatus::Failed]) || *stalled == Some(true) {
            search.from = "instances INDEXED BY instances_in_trouble";
            search.incarnation = "instances.incarnation";
        }
        if parent.is_some() {
            search.from = "instances INDEXED BY instances_by_parent";
            search.incarnation = "instances.incarnation";
        } else if let [(name, value), others @ ..] = tags {
            search.from = "tags CROSS JOIN instances USING (incarnation)";
            search.incarnation = "tags.incarnation";
            search.add("tags.name = ?".to_owned(), name.clone());
            search.add("tags.value = ?".to_owned(), value.clone());
            tags = others;
        }
        match runtime_status.as_slice() {
            [] => {}
            [status] => search
                .conditions
                .push(format!("runtime_status = '{status}'")),
            statuses => {
                let names: Vec<_> = statuses.iter().map(|status| status.as_str()).collect();
                search
                    .conditions
                    .push(format!("runtime_status IN ('{}')", names.join("', '")));
            }
        }
        if let Some(version) = version {
            search.add("version = ?".to_owned(), version.clone());
        }
        for (condition, time) in [
            ("created_at >= ?", created_from),
            ("created_at <= ?", created_to),
            ("last_updated_at >= ?", updated_from),
            ("last_updated_at <= ?", updated_to),
        ] {
            if let Some(time) = time {
                search.add(condition.to_owned(), time.as_microsecond());
            }
        }
        if let Some(parent) = parent {
            search.add("parent_id = ?".to_owned(), parent.as_str().to_owned());
        }
        for (name, value) in tags {
            search.add(
                "EXISTS (SELECT 1 FROM tags AS other WHERE other.incarnation = instances.incarnation AND other.name = ?"
                    .to_owned(),
                name.clone(),
            );
            search.add("other.value = ?)".to_owned(), value.clone());
        }
        if let Some(stalled) = stalled {
            let condition = if *stalled {
                "stalled IS NOT NULL"
            } else {
                "stalled IS NULL"
            };
            search.conditions.push(condition.to_owned());
        }
        Ok(search)
    }

    /// The instances of a page and all behind it.
    pub(super) fn page(
        db: &Connection,
        filter: &'a InstanceFilter,
        page: &PageRequest,
    ) -> Result<Self> {
        let mut search = Self::of(db, filter)?;
        if let Some(after) = page.after {
            let comparison = match page.order {
                Order::OldestFirst => ">",
                Order::NewestFirst => "<",
            };
            let condition = format!("{} {comparison} ?", search.incarnation);
            search.add(condition, integer(after.0));
        }
        Ok(search)
    }

    /// A condition with one parameter.
    fn add(&mut self, condition: String, value: impl Into<Value>) {
        self.conditions.push(condition);
        self.values.push(value.into());
    }

    /// Whether few instances meet the conditions so far, which are about the id.
    fn finds_few(&self, db: &Connection) -> Result<bool> {
        let sql = format!(
            "SELECT count(*) FROM (SELECT 1 FROM instances WHERE {} LIMIT {})",
            self.conditions.join(" AND "),
            limit(FEW_IDS + 1),
        );
        let count: i64 = db
            .prepare_cached(&sql)?
            .query_row(params_from_iter(&self.values), |row| row.get(0))?;
        Ok(count <= limit(FEW_IDS))
    }

    pub(super) fn select(&self, columns: &str, order: Option<Order>) -> String {
        let Self {
            from, incarnation, ..
        } = self;
        let mut sql = format!("SELECT {columns} FROM {from}");
        if !self.conditions.is_empty() {
            sql += " WHERE ";
            sql += &self.conditions.join(" AND ");
        }
        match order {
            None => {}
            Some(Order::OldestFirst) => sql += &format!(" ORDER BY {incarnation}"),
            Some(Order::NewestFirst) => sql += &format!(" ORDER BY {incarnation} DESC"),
        }
        sql
    }

    /// The first rows that match, by name too, which is in the column `name`.
    fn rows<T>(
        &self,
        db: &Connection,
        sql: &str,
        name: usize,
        count: usize,
        mut decode: impl FnMut(&Row<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        let mut statement: CachedStatement<'_> = db.prepare_cached(sql)?;
        let mut rows = statement.query(params_from_iter(&self.values))?;
        let mut found = Vec::new();
        while found.len() < count {
            let Some(row) = rows.next()? else { break };
            if self.is_named(row, name)? {
                found.push(decode(row)?);
            }
        }
        Ok(found)
    }

    fn is_named(&self, row: &Row<'_>, column: usize) -> Result<bool> {
        let Some(wanted) = self.name else {
            return Ok(true);
        };
        let name = row.get_ref(column)?.as_str().map_err(|error| {
            rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
        })?;
        Ok(if name.is_ascii() && wanted.is_ascii() {
            name.eq_ignore_ascii_case(wanted)
        } else {
            name.to_lowercase() == wanted.to_lowercase()
        })
    }
}

/// The first text behind all that begin with this one, in the order of code points, which is that of UTF-8; `None` when all
/// that come behind it begin with it.
fn end_of_prefix(prefix: &str) -> Option<String> {
    let mut end = prefix.to_owned();
    while let Some(last) = end.pop() {
        let next = match last {
            '\u{d7ff}' => Some('\u{e000}'),
            last => char::from_u32(u32::from(last) + 1),
        };
        if let Some(next) = next {
            end.push(next);
            return Some(end);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_ends_before_the_next_text() {
        for (prefix, end) in [
            ("a", Some("b")),
            ("order-", Some("order.")),
            ("\u{d7ff}", Some("\u{e000}")),
            ("a\u{10ffff}", Some("b")),
            ("\u{10ffff}", None),
            ("", None),
        ] {
            assert_eq!(end_of_prefix(prefix).as_deref(), end, "{prefix:?}");
        }
    }
}
