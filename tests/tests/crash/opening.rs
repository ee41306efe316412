//! Kills while a store is made, brought to a newer schema, or opened again.

use std::fs;
use std::path::Path;

use rusqlite::Connection;
use steadfast_tests::database::{self, assert_sound, beside};
use steadfast_tests::program::Program;
use steadfast_tests::random::Random;

/// `PRAGMA application_id` of every store.
const APPLICATION_ID: i32 = 0x5374_6664;

/// The first schema that stores had.
const VERSION_1: &str =
    include_str!("../../../runtime/src/store/sqlite/migrations/0001_instances.sql");

/// Instances in the store that is brought to the newest schema.
const INSTANCES: i64 = 3_000;

/// A few milliseconds.
const MAX_SPINS: u64 = 300_000;

/// What the making of a store comes to, one after the other.
fn stages(database: &Path) -> [bool; 6] {
    let length = |suffix| fs::metadata(beside(database, suffix)).map_or(0, |file| file.len());
    [
        beside(database, ".lock").exists(),
        database.exists(),
        length("") > 0,
        beside(database, "-wal").exists(),
        length("-wal") > 0,
        length("-wal") >= 16 * 1024 * 1024,
    ]
}

/// Kills it some time after the opening has come to a random stage.
fn kill_at_a_stage(mut program: Program, database: &Path, random: &mut Random) {
    let stage = random.below(7) as usize;
    if stage < 6 {
        while !stages(database)[stage] && program.is_running() {
            std::thread::yield_now();
        }
    } else {
        program.opened();
    }
    crate::spin(random.below(MAX_SPINS));
    program.kill();
}

#[test]
fn store_is_made_whole_or_not_at_all() {
    let mut random = Random::seeded_by("STEADFAST_CRASH_SEED");
    let rounds = crate::rounds_at_a_moment();
    for _ in 0..rounds {
        let directory = tempfile::tempdir().unwrap();
        let database = directory.path().join("crash.db");
        // The second time some of it may be there.
        for _ in 0..2 {
            let program = crate::program(&database, directory.path());
            kill_at_a_stage(program, &database, &mut random);
        }
        let mut program = crate::program(&database, directory.path());
        program.opened();
        program.must("start brief a 1");
        assert_eq!(program.must("wait a"), "Completed 1");
        assert!(program.end().success());
        assert_sound(&database::open(&database));
    }
    println!("{} kills while a store was made", 2 * rounds);
}

#[test]
fn schema_is_brought_up_to_date_whole_or_not_at_all() {
    let mut random = Random::seeded_by("STEADFAST_CRASH_SEED");
    let rounds = crate::rounds_at_a_moment();
    let old = tempfile::tempdir().unwrap();
    let old = old.path().join("old.db");
    make_old_store(&old);
    let mut upgraded = 0;
    for _ in 0..rounds {
        let directory = tempfile::tempdir().unwrap();
        let database = directory.path().join("crash.db");
        fs::copy(&old, &database).unwrap();
        let program = crate::program(&database, directory.path());
        kill_at_a_stage(program, &database, &mut random);

        let killed = database::open(&database);
        let version = version(&killed);
        let columns: Vec<String> = killed
            .prepare("SELECT name FROM pragma_table_info('instances')")
            .unwrap()
            .query_map([], |row| row.get(0))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        let is_new = columns.contains(&"parent_id".to_owned());
        assert_eq!(
            (version, is_new),
            if is_new { (2, true) } else { (1, false) }
        );
        upgraded += u64::from(is_new);
        drop(killed);

        let mut program = crate::program(&database, directory.path());
        program.opened();
        assert_eq!(program.must("count"), INSTANCES.to_string());
        assert!(program.end().success());
        assert_sound(&database::open(&database));
    }
    println!("{rounds} kills while the schema was brought up to date, {upgraded} after its commit");
}

fn version(database: &Connection) -> i64 {
    database
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .unwrap()
}

fn make_old_store(path: &Path) {
    let database = Connection::open(path).unwrap();
    database
        .pragma_update(None, "application_id", APPLICATION_ID)
        .unwrap();
    database.execute_batch(VERSION_1).unwrap();
    database.pragma_update(None, "user_version", 1).unwrap();
    let rows = format!(
        r#"WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {INSTANCES})
           INSERT INTO instances (incarnation, partition, id, name, execution_id, runtime_status, created_at, last_updated_at,
                                  first_episode, episode, sequence, needs_attention)
           SELECT i, 0, 'old-' || i, 'gone', randomblob(16), 'Completed', 1, 1, 0, 0, 0, 0 FROM n;
           INSERT INTO history (incarnation, episode, events, runtime_status, sequence)
           SELECT incarnation, 0, '[]', 'Completed', 0 FROM instances;"#
    );
    database.execute_batch(&rows).unwrap();
}
