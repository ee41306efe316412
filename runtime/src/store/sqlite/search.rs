//! Queries by [`InstanceFilter`].
//!
//! Each walks one index in the order of incarnations, from where the page before ended, and tests the other conditions on
//! the way. So all pages together cost one walk, nothing is sorted, and a page knows how far it has walked. The exception are the ids of a prefix that few
//! have: those are looked up and sorted.

use std::collections::BTreeMap;

use rusqlite::types::{Type, Value};
use rusqlite::{Connection, Result, Row, params_from_iter};

use super::convert::{incarnation, integer, limit, runtime_status};
use crate::model::instance::Incarnation;
use crate::model::query::{InstanceFilter, Order};
use crate::model::status::RuntimeStatus;
use crate::store::PageRequest;

/// So many ids of a prefix are looked up and sorted for each page. When there are more, they are frequent enough to be met
/// on a walk through all instances.
pub(super) const FEW_IDS: usize = 2_000;

/// Walks through the instances of a page and all behind it: each, and again if it matches. What does not match has to be told too, so
/// that whoever walks knows how far it is. See [`crate::store::Store::query`].
pub(super) fn walk<T>(
    db: &Connection,
    filter: &InstanceFilter,
    page: &PageRequest,
    take: impl FnOnce(&mut dyn Iterator<Item = Result<(Incarnation, Option<Incarnation>)>>) -> Result<T>,
) -> Result<T> {
    let search = Search::page(db, filter, page)?;
    let mut statement = db.prepare_cached(&search.walk(page.order))?;
    let values = search.tests.iter().chain(&search.bounds);
    let values = values.flat_map(|condition| &condition.values);
    let mut steps = statement.query_map(params_from_iter(values), |row| {
        let incarnation = incarnation(row, 0)?;
        let matches = row.get(2)? && search.is_named(row, 1)?;
        Ok((incarnation, matches.then_some(incarnation)))
    })?;
    take(&mut steps)
}

/// See [`crate::store::Store::counts`].
pub(super) fn counts(
    db: &Connection,
    filter: &InstanceFilter,
) -> Result<Vec<(RuntimeStatus, u64)>> {
    let search = Search::of(db, filter)?;
    let mut statement = db.prepare_cached(&search.select("runtime_status, instances.name"))?;
    let values = search.bounds.iter().chain(&search.tests);
    let values = values.flat_map(|condition| &condition.values);
    let mut rows = statement.query(params_from_iter(values))?;
    let mut counts: BTreeMap<&str, (RuntimeStatus, u64)> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        if search.is_named(row, 1)? {
            let status = runtime_status(row, 0)?;
            counts.entry(status.as_str()).or_insert((status, 0)).1 += 1;
        }
    }
    Ok(counts.into_values().collect())
}

/// A filter as SQL.
pub(super) struct Search<'a> {
    from: &'static str,
    /// The column by which instances are ordered.
    incarnation: &'static str,
    /// What the index is entered by.
    bounds: Vec<Condition>,
    /// What is asked of each instance on the way.
    tests: Vec<Condition>,
    /// Compared here: SQLite knows the case of ASCII only.
    name: Option<&'a str>,
}

/// Something that is true of an instance or not.
struct Condition {
    sql: String,
    values: Vec<Value>,
}

impl Condition {
    fn new(sql: impl Into<String>) -> Self {
        Self {
            sql: sql.into(),
            values: Vec::new(),
        }
    }

    /// With the value of its parameter.
    fn with(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }

    fn all<'a>(conditions: impl Iterator<Item = &'a Self>) -> String {
        let conditions: Vec<_> = conditions.map(|condition| &*condition.sql).collect();
        conditions.join(" AND ")
    }
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
            bounds: Vec::new(),
            tests: Vec::new(),
            name: name.as_deref(),
        };
        let prefix = id_prefix.as_deref().map(with_prefix);
        let mut tags = tags.as_slice();
        let is_in_trouble =
            matches!(runtime_status.as_slice(), [RuntimeStatus::Failed]) || *stalled == Some(true);
        if let Some(parent) = parent {
            search.from = "instances INDEXED BY instances_by_parent";
            let parent = parent.as_str().to_owned();
            search
                .bounds
                .push(Condition::new("parent_id = ?").with(parent));
            search.tests.extend(prefix);
        } else if let [(name, value), others @ ..] = tags {
            search.from = "tags CROSS JOIN instances USING (incarnation)";
            search.incarnation = "tags.incarnation";
            let tag = Condition::new("tags.name = ? AND tags.value = ?");
            search
                .bounds
                .push(tag.with(name.clone()).with(value.clone()));
            search.tests.extend(prefix);
            tags = others;
        } else if is_in_trouble {
            search.from = "instances INDEXED BY instances_in_trouble";
            let in_trouble = "(runtime_status = 'Failed' OR stalled IS NOT NULL)";
            search.bounds.push(Condition::new(in_trouble));
            search.tests.extend(prefix);
        } else if let Some(prefix) = prefix {
            if finds_few(db, &prefix)? {
                (search.from, search.incarnation) = ("instances", "+instances.incarnation");
                search.bounds.push(prefix);
            } else {
                search.tests.push(prefix);
            }
        }
        let mut test = |condition| search.tests.push(condition);
        match runtime_status.as_slice() {
            [] => {}
            [status] => test(Condition::new(format!("runtime_status = '{status}'"))),
            statuses => {
                let names: Vec<_> = statuses.iter().map(|status| status.as_str()).collect();
                let names = names.join("', '");
                test(Condition::new(format!("runtime_status IN ('{names}')")));
            }
        }
        if let Some(version) = version {
            test(Condition::new("version = ?").with(version.clone()));
        }
        for (condition, time) in [
            ("created_at >= ?", created_from),
            ("created_at <= ?", created_to),
            ("last_updated_at >= ?", updated_from),
            ("last_updated_at <= ?", updated_to),
        ] {
            if let Some(time) = time {
                test(Condition::new(condition).with(time.as_microsecond()));
            }
        }
        for (name, value) in tags {
            let tag = Condition::new(
                "EXISTS (SELECT 1 FROM tags AS other WHERE other.incarnation = instances.incarnation \
                 AND other.name = ? AND other.value = ?)",
            );
            test(tag.with(name.clone()).with(value.clone()));
        }
        match stalled {
            Some(true) => test(Condition::new("stalled IS NOT NULL")),
            Some(false) => test(Condition::new("stalled IS NULL")),
            None => {}
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
            let behind = Condition::new(format!("{} {comparison} ?", search.incarnation));
            search.bounds.push(behind.with(integer(after.0)));
        }
        Ok(search)
    }

    /// Every instance within the bounds, with its name and whether it passes the tests. `CASE` stops at the first that it does not.
    pub(super) fn walk(&self, order: Order) -> String {
        let Self {
            from, incarnation, ..
        } = self;
        let passes = match self.tests.as_slice() {
            [] => "1".to_owned(),
            tests => format!(
                "CASE WHEN {} THEN 1 ELSE 0 END",
                Condition::all(tests.iter())
            ),
        };
        let mut sql = format!("SELECT instances.incarnation, instances.name, {passes} FROM {from}");
        if !self.bounds.is_empty() {
            sql += &format!(" WHERE {}", Condition::all(self.bounds.iter()));
        }
        sql += &format!(" ORDER BY {incarnation}");
        if order == Order::NewestFirst {
            sql += " DESC";
        }
        sql
    }

    /// Those that pass the tests, in any order.
    fn select(&self, columns: &str) -> String {
        let mut sql = format!("SELECT {columns} FROM {}", self.from);
        if !self.bounds.is_empty() || !self.tests.is_empty() {
            let conditions = self.bounds.iter().chain(&self.tests);
            sql += &format!(" WHERE {}", Condition::all(conditions));
        }
        sql
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

fn with_prefix(prefix: &str) -> Condition {
    match end_of_prefix(prefix) {
        Some(end) => Condition::new("instances.id >= ? AND instances.id < ?")
            .with(prefix.to_owned())
            .with(end),
        None => Condition::new("instances.id >= ?").with(prefix.to_owned()),
    }
}

/// Whether few instances meet a condition on the id.
fn finds_few(db: &Connection, condition: &Condition) -> Result<bool> {
    let sql = format!(
        "SELECT count(*) FROM (SELECT 1 FROM instances WHERE {} LIMIT {})",
        condition.sql,
        limit(FEW_IDS + 1),
    );
    let count: i64 = db
        .prepare_cached(&sql)?
        .query_row(params_from_iter(&condition.values), |row| row.get(0))?;
    Ok(count <= limit(FEW_IDS))
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
