//! Kills while thousands are purged, and while instances are imported.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use steadfast_tests::database::{self, assert_sound, beside};
use steadfast_tests::program::Said;
use steadfast_tests::random::Random;

use crate::log::Log;

/// How many are purged.
const PURGED: u64 = 3_000;

/// How many of them go in one commit.
const BATCH: u64 = 500;

/// How many are imported.
const IMPORTED: usize = 40;

const MAX_SPINS: u64 = 300_000;

fn count(database: &Path) -> u64 {
    let database = database::open(database);
    assert_sound(&database);
    let count: i64 = database
        .query_row("SELECT count(*) FROM instances", [], |row| row.get(0))
        .unwrap();
    count as u64
}

#[test]
fn purge_that_is_killed_leaves_whole_instances_and_nothing_of_others() {
    let mut random = Random::seeded_by("STEADFAST_CRASH_SEED");
    let rounds = crate::rounds_at_a_moment();
    let full = tempfile::tempdir().unwrap();
    let full_database = full.path().join("crash.db");
    let mut program = crate::program(&full_database, full.path());
    program.opened();
    program.must(&format!("crowd p {PURGED} 100"));
    assert!(program.end().success());

    // How much a purge that nobody kills writes to the log.
    let frames = {
        let (directory, database) = copy(&full_database);
        let mut program = crate::program(&database, directory.path());
        program.opened();
        assert_eq!(program.must("purge-all"), PURGED.to_string());
        let frames = Log::of(&database).frames;
        assert!(program.end().success());
        assert_eq!(count(&database), 0);
        frames
    };
    let mut cut_short = 0;
    for _ in 0..rounds {
        let (directory, database) = copy(&full_database);
        let mut program = crate::program(&database, directory.path());
        program.opened();
        program.ask("purge-all");
        let far = random.below(frames.into()) as u32;
        while Log::of(&database).frames < far && program.is_running() {
            std::thread::yield_now();
        }
        crate::spin(random.below(MAX_SPINS));
        let is_acknowledged = program
            .kill()
            .contains(&Said::Answer(1, Ok(PURGED.to_string())));

        let left = count(&database);
        assert_eq!(left % BATCH, 0, "a batch was torn");
        assert!(!is_acknowledged || left == 0);
        cut_short += u64::from(left > 0 && left < PURGED);

        let mut program = crate::program(&database, directory.path());
        program.opened();
        assert_eq!(program.must("purge-all"), left.to_string());
        assert!(program.end().success());
        assert_eq!(count(&database), 0);
    }
    println!(
        "{rounds} kills while {PURGED} instances were purged, {cut_short} with some purged and others not"
    );
}

fn copy(database: &Path) -> (tempfile::TempDir, std::path::PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let copy = directory.path().join("crash.db");
    fs::copy(database, &copy).unwrap();
    assert!(!fs::metadata(beside(database, "-wal")).is_ok_and(|log| log.len() > 0));
    (directory, copy)
}

/// What is stored of each instance.
fn histories(database: &Path) -> BTreeMap<String, String> {
    let database = database::open(database);
    assert_sound(&database);
    let mut rows = database
        .prepare(
            "SELECT id, group_concat(events || coalesce(history.custom_status, ''), '+' ORDER BY history.episode)
             FROM instances JOIN history USING (incarnation) GROUP BY id",
        )
        .unwrap();
    let rows = rows
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap();
    rows.map(Result::unwrap).collect()
}

#[test]
fn what_an_import_acknowledged_is_there_with_all_of_its_history() {
    let mut random = Random::seeded_by("STEADFAST_CRASH_SEED");
    let rounds = crate::rounds_at_a_moment();
    let from = tempfile::tempdir().unwrap();
    let from_database = from.path().join("crash.db");
    let files = tempfile::tempdir().unwrap();
    let mut program = crate::program(&from_database, from.path());
    program.opened();
    program.must(&format!("crowd i {IMPORTED} 2000"));
    let exported = program.must(&format!("export {}", files.path().display()));
    assert_eq!(exported, IMPORTED.to_string());
    assert!(program.end().success());
    let exported = histories(&from_database);

    let (mut kills, mut acknowledged) = (0, 0);
    for _ in 0..rounds {
        let directory = tempfile::tempdir().unwrap();
        let database = directory.path().join("crash.db");
        let mut imported: BTreeMap<&String, bool> = exported.keys().map(|id| (id, false)).collect();
        while imported.values().any(|is_there| !is_there) {
            let mut program = crate::program(&database, directory.path());
            program.opened();
            let missing = imported.iter().filter(|(_, is_there)| !**is_there);
            let asked: Vec<&String> = missing.map(|(id, _)| *id).collect();
            for id in &asked {
                program.ask(&format!("import {}", files.path().join(id).display()));
            }
            let lines = random.below(IMPORTED as u64 / 2).min(asked.len() as u64);
            let mut said: Vec<Said> = (0..lines).filter_map(|_| program.hear()).collect();
            crate::spin(random.below(MAX_SPINS));
            said.extend(program.kill());
            for said in said {
                let Said::Answer(number, answer) = said else {
                    continue;
                };
                // An earlier life may have imported it, and not come to say so.
                let is_there = answer
                    .as_ref()
                    .map_or_else(|error| error.contains("exists already"), |_| true);
                assert!(is_there, "{answer:?}");
                imported.insert(asked[number as usize - 1], true);
            }
            kills += 1;
            let there = histories(&database);
            for (id, is_there) in &imported {
                assert!(
                    !is_there || there[*id] == exported[*id],
                    "{id} is not whole"
                );
            }
            assert!(there.iter().all(|(id, history)| exported[id] == *history));
        }
        acknowledged += imported.len();
    }
    println!("{kills} kills in imports, {acknowledged} imported, each with all of its history");
}
