//! Queries by [`InstanceFilter`].
//!
//! Each walks one index in the order of incarnations, from where the page before ended, and tests the other conditions on
//! the way. So all pages together cost one walk, nothing is sorted, and a page knows how far it has walked. The exception are the ids of a prefix that few
//! have: those are looked up and sorted.

use std::collections::BTreeMap;

use rusqlite::types::{Type, Value};
use rusqlite::{Connection, Result, Row, params_from_iter};

use super::convert::{incarnation, integer, limit, runtime_status};
use super::error::is_damage;
use super::past_damage::{Listed, undamaged};
use super::{instances, past_damage};
use crate::model::instance::{Incarnation, InstanceId};
use crate::model::query::{InstanceFilter, Order};
use crate::model::status::RuntimeStatus;
use crate::store::{PageRequest, UnreadableInstance};

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

/// An instance that a walk past damage comes to, and what it has found there.
type Step = (Incarnation, Option<Found>);

/// What a walk past damage finds.
pub(super) enum Found {
    /// An instance that matches.
    Match(Incarnation),
    /// One of which it cannot be told.
    Unreadable(UnreadableInstance),
}

/// The same, for who only reads: where something is damaged, each instance behind it is looked at by itself. (In a transaction that has met
/// damage, SQLite writes nothing any more.)
pub(super) fn walk_past_damage<T>(
    db: &Connection,
    filter: &InstanceFilter,
    page: &PageRequest,
    take: impl FnOnce(&mut dyn Iterator<Item = Result<Step>>) -> Result<T>,
) -> Result<T> {
    walk(db, filter, page, |steps| {
        let mut last = page.after;
        let mut one_by_one = None;
        take(&mut std::iter::from_fn(|| {
            if let Some(rest) = &mut one_by_one {
                return Iterator::next(rest);
            }
            Some(match steps.next()? {
                Ok((incarnation, found)) => {
                    last = Some(incarnation);
                    Ok((incarnation, found.map(Found::Match)))
                }
                Err(error) if is_damage(&error) => {
                    let rest = OneByOne::behind(db, filter, last, page.order);
                    return one_by_one.insert(rest).next();
                }
                Err(error) => Err(error),
            })
        }))
    })
}

/// A walk past what is damaged, which asks for each instance by itself and enters no index.
struct OneByOne<'a> {
    db: &'a Connection,
    filter: &'a InstanceFilter,
    listed: Listed<'a>,
}

impl<'a> OneByOne<'a> {
    fn behind(
        db: &'a Connection,
        filter: &'a InstanceFilter,
        after: Option<Incarnation>,
        order: Order,
    ) -> Self {
        let listed = Listed::behind(db, after, order);
        Self { db, filter, listed }
    }

    fn step(&self, incarnation: Incarnation, id: String) -> Result<Step> {
        let found = match self.matches(incarnation) {
            Ok(matches) => matches.then_some(Found::Match(incarnation)),
            Err(error) if is_damage(&error) => {
                let prefix = self.filter.id_prefix.as_deref().unwrap_or_default();
                let is_asked_for = id.starts_with(prefix);
                is_asked_for.then(|| Found::Unreadable(past_damage::told(incarnation, id, &error)))
            }
            Err(error) => return Err(error),
        };
        Ok((incarnation, found))
    }

    fn matches(&self, this: Incarnation) -> Result<bool> {
        let mut search = Search::without_index(self.filter);
        let is_this = Condition::new("instances.incarnation = ?").with(integer(this.0));
        search.bounds.push(is_this);
        let values = search.tests.iter().chain(&search.bounds);
        let values = values.flat_map(|condition| &condition.values);
        self.db
            .prepare_cached(&search.walk(Order::OldestFirst))?
            .query_row(params_from_iter(values), |row| {
                Ok(row.get(2)? && search.is_named(row, 1)?)
            })
    }
}

impl Iterator for OneByOne<'_> {
    type Item = Result<Step>;

    fn next(&mut self) -> Option<Self::Item> {
        let listed = self.listed.next()?;
        Some(listed.and_then(|(incarnation, id)| self.step(incarnation, id)))
    }
}

/// See [`crate::store::Store::counts`].
pub(super) fn counts(
    db: &Connection,
    filter: &InstanceFilter,
) -> Result<Vec<(RuntimeStatus, u64)>> {
    match counts_of_all(db, filter) {
        Err(error) if is_damage(&error) => counts_past_damage(db, filter),
        counts => counts,
    }
}

fn counts_past_damage(
    db: &Connection,
    filter: &InstanceFilter,
) -> Result<Vec<(RuntimeStatus, u64)>> {
    let mut counts = Counts::new();
    for step in OneByOne::behind(db, filter, None, Order::OldestFirst) {
        if let (_, Some(Found::Match(found))) = step? {
            let status = instances::status(db, found);
            if let Some(Some(status)) = undamaged(status)? {
                counts.entry(status.as_str()).or_insert((status, 0)).1 += 1;
            }
        }
    }
    Ok(counts.into_values().collect())
}

/// By the name of the status.
type Counts = BTreeMap<&'static str, (RuntimeStatus, u64)>;

fn counts_of_all(db: &Connection, filter: &InstanceFilter) -> Result<Vec<(RuntimeStatus, u64)>> {
    let search = Search::of(db, filter)?;
    let mut statement = db.prepare_cached(&search.select("runtime_status, instances.name"))?;
    let values = search.bounds.iter().chain(&search.tests);
    let values = values.flat_map(|condition| &condition.values);
    let mut rows = statement.query(params_from_iter(values))?;
    let mut counts = Counts::new();
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
    /// By the index that finds the fewest.
    fn of(db: &Connection, filter: &'a InstanceFilter) -> Result<Self> {
        let mut search = Self::of_all(filter);
        let prefix = filter.id_prefix.as_deref().map(with_prefix);
        let mut tags = filter.tags.as_slice();
        let is_in_trouble = matches!(filter.runtime_status.as_slice(), [RuntimeStatus::Failed])
            || filter.stalled == Some(true);
        if let Some(parent) = &filter.parent {
            search.from = "instances INDEXED BY instances_by_parent";
            search.bounds.push(with_parent(parent));
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
        search.test(filter, tags);
        Ok(search)
    }

    /// By no index: everything is asked of each instance.
    fn without_index(filter: &'a InstanceFilter) -> Self {
        let mut search = Self::of_all(filter);
        search.tests.extend(filter.parent.as_ref().map(with_parent));
        let prefix = filter.id_prefix.as_deref().map(with_prefix);
        search.tests.extend(prefix);
        search.test(filter, &filter.tags);
        search
    }

    fn of_all(filter: &'a InstanceFilter) -> Self {
        Self {
            from: "instances NOT INDEXED",
            incarnation: "instances.incarnation",
            bounds: Vec::new(),
            tests: Vec::new(),
            name: filter.name.as_deref(),
        }
    }

    /// Asks of each instance what no index tells, these tags among it.
    fn test(&mut self, filter: &InstanceFilter, tags: &[(String, String)]) {
        let InstanceFilter {
            runtime_status,
            name: _,
            version,
            created_from,
            created_to,
            updated_from,
            updated_to,
            id_prefix: _,
            tags: _,
            parent: _,
            stalled,
        } = filter;
        let mut test = |condition| self.tests.push(condition);
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

fn with_parent(parent: &InstanceId) -> Condition {
    Condition::new("parent_id = ?").with(parent.as_str().to_owned())
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
