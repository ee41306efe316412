//! A file that was damaged while nobody had it open.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use steadfast_tests::database;
use steadfast_tests::program::Program;
use tempfile::TempDir;

const PAGE: usize = 4_096;

const INSTANCES: usize = 1_200;

/// What users are told.
const DAMAGED: &str = "is damaged; restore it from a backup, with its `-wal` file if there is one";

/// A store with instances that wait for an event.
pub(crate) struct Place {
    pub(crate) directory: TempDir,
    pub(crate) database: PathBuf,
}

impl Place {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let database = directory.path().join("app.db");
        let place = Self {
            directory,
            database,
        };
        let mut program = place.program();
        program.opened();
        let starts: Vec<u64> = (0..INSTANCES)
            .map(|number| program.ask(&format!("start quiet {} 100", id(number))))
            .collect();
        for start in starts {
            program.answer(start).unwrap();
        }
        assert!(program.end().success());
        place
    }

    pub(crate) fn program(&self) -> Program {
        crate::program(&self.database, self.directory.path())
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        fs::read(&self.database).unwrap()
    }

    /// Overwrites a page, which are counted from 1.
    fn overwrite(&self, page: usize) {
        let mut bytes = self.bytes();
        bytes[(page - 1) * PAGE..page * PAGE].fill(0xa5);
        fs::write(&self.database, bytes).unwrap();
    }

    /// A page of a table or an index that is neither the first nor the last, between those beside it.
    fn pages_of(&self, name: &str) -> [usize; 3] {
        let database = database::open(&self.database);
        let mut pages = database
            .prepare(
                "SELECT pageno FROM dbstat WHERE name = ?1 AND pagetype = 'leaf' ORDER BY path",
            )
            .unwrap();
        let pages = pages.query_map([name], |row| row.get(0)).unwrap();
        let pages: Vec<i64> = pages.map(Result::unwrap).collect();
        assert!(pages.len() > 2, "{name} has {} leaves", pages.len());
        [0, 1, 2].map(|leaf| pages[leaf] as usize)
    }

    /// Damages the middle one of these pages, and lets every instance go on. Those with rows on that page fail, and what is beside
    /// it may, as rows cannot be moved to make room; all others come to their end.
    fn damage(&self, [before, damaged, after]: [usize; 3]) {
        let whole = self.bytes();
        for page in [before, damaged, after] {
            self.overwrite(page);
        }
        let near = unreadable(&self.database);
        fs::write(&self.database, whole).unwrap();
        self.overwrite(damaged);
        let damaged = unreadable(&self.database);
        assert!(
            !damaged.is_empty() && near.len() < INSTANCES * 3 / 4,
            "{}",
            near.len()
        );

        let mut program = self.program();
        program.opened();
        let raises: Vec<_> = (0..INSTANCES)
            .map(|number| program.ask(&format!("raise {} 1", id(number))))
            .collect();
        for (number, raise) in raises.into_iter().enumerate() {
            let (id, answer) = (id(number), program.answer(raise));
            if let Err(error) = &answer {
                assert!(error.contains(DAMAGED), "{error}");
                assert!(near.contains(&id), "{id} is far from the damage");
            }
            assert!(!(answer.is_ok() && damaged.contains(&id)), "{id}");
        }
        for id in (0..INSTANCES).map(id).filter(|id| !near.contains(id)) {
            assert_eq!(program.must(&format!("wait {id}")), "Completed 101");
        }
        // What is new does not come near the damage.
        program.must("start brief zz 10");
        assert_eq!(program.must("wait zz"), "Completed 10");
        program.must("ready");
        assert!(program.log().contains(DAMAGED));
        assert!(program.end().success());
    }
}

fn id(number: usize) -> String {
    format!("instance-{number:04}")
}

/// The instances whose rows SQLite cannot read.
fn unreadable(path: &Path) -> BTreeSet<String> {
    let database = database::open(path);
    let reads = |database: &Connection, id: &str| {
        database.query_row(
            "SELECT sum(length(events) + length(name)) FROM instances JOIN history USING (incarnation) WHERE id = ?1",
            [id],
            |row| row.get::<_, i64>(0),
        )
    };
    let ids = (0..INSTANCES).map(id);
    ids.filter(|id| reads(&database, id).is_err()).collect()
}

#[test]
fn damaged_page_of_history_stops_the_instances_on_it_and_not_the_others() {
    let place = Place::new();
    place.damage(place.pages_of("history"));
}

#[test]
fn damaged_page_of_instances_stops_those_on_it_and_not_the_others() {
    let place = Place::new();
    place.damage(place.pages_of("instances"));
}

#[test]
fn damaged_page_of_an_index_stops_the_instances_on_it_and_not_the_others() {
    let place = Place::new();
    place.damage(place.pages_of("sqlite_autoindex_instances_1"));
}
