//! Kills while the log is copied into the database.

use std::path::Path;

use steadfast_tests::database::{self, assert_sound};
use steadfast_tests::program::{Program, Said};
use steadfast_tests::random::Random;

use crate::log::Log;

/// Bytes that each instance brings, so that a checkpoint is due after less than a hundred.
const BYTES: u64 = 100_000;

const STARTS: usize = 120;

/// About as long as a checkpoint takes.
const MAX_SPINS: u64 = 600_000;

/// Lives that may end without having met a checkpoint, for each that meets one.
const MISSES: u64 = 20;

/// Kills it in the middle of a checkpoint, and says whether that is what it met. Who looked too late for one goes on when so many
/// answers have come, or the program has ended.
fn kill_in_a_checkpoint(
    mut program: Program,
    answers: usize,
    database: &Path,
    random: &mut Random,
) -> Killed {
    let mut said = Vec::new();
    while !Log::of(database).is_being_copied() && said.len() < answers && program.is_running() {
        match program.overhear() {
            Some(answer @ Said::Answer(..)) => said.push(answer),
            Some(_) => {}
            None => std::thread::yield_now(),
        }
    }
    crate::spin(random.below(MAX_SPINS));
    said.extend(program.kill());
    let acknowledged = said
        .iter()
        .filter(|said| matches!(said, Said::Answer(_, Ok(_))));
    Killed {
        acknowledged: acknowledged.count(),
        in_time: Log::of(database).is_being_copied(),
    }
}

struct Killed {
    acknowledged: usize,
    in_time: bool,
}

fn stored(database: &Path) -> usize {
    let database = database::open(database);
    assert_sound(&database);
    let count: i64 = database
        .query_row("SELECT count(*) FROM instances", [], |row| row.get(0))
        .unwrap();
    count as usize
}

#[test]
fn what_is_in_the_log_survives_a_kill_in_a_checkpoint() {
    let mut random = Random::seeded_by("STEADFAST_CRASH_SEED");
    let rounds = crate::rounds_at_a_moment();
    let (mut kills, mut met, mut acknowledged) = (0, 0, 0);
    while met < rounds {
        assert!(kills < MISSES * (rounds + 1), "no checkpoint was met");
        let directory = tempfile::tempdir().unwrap();
        let database = directory.path().join("crash.db");
        let mut program = crate::program(&database, directory.path());
        program.opened();
        for number in 0..STARTS {
            program.ask(&format!("start brief {number} {BYTES}"));
        }
        let killed = kill_in_a_checkpoint(program, STARTS, &database, &mut random);
        assert!(stored(&database) >= killed.acknowledged);
        kills += 1;
        met += u64::from(killed.in_time);
        acknowledged += killed.acknowledged;

        // The next one goes on with what there is of the log.
        let mut program = crate::program(&database, directory.path());
        program.opened();
        program.must("crowd more 20 1000");
        assert!(program.end().success());
        assert!(stored(&database) >= killed.acknowledged + 20);
    }
    println!(
        "{kills} kills, {met} of them in the middle of a checkpoint: {acknowledged} acknowledged, none lost"
    );
}

#[test]
fn what_is_in_the_log_survives_a_kill_while_it_shuts_down() {
    let mut random = Random::seeded_by("STEADFAST_CRASH_SEED");
    let rounds = crate::rounds_at_a_moment();
    let (mut kills, mut met) = (0, 0);
    while met < rounds {
        assert!(kills < MISSES * (rounds + 1), "no checkpoint was met");
        let directory = tempfile::tempdir().unwrap();
        let database = directory.path().join("crash.db");
        let mut program = crate::program(&database, directory.path());
        program.opened();
        program.must(&format!("crowd c 20 {BYTES}"));
        program.stop();
        let killed = kill_in_a_checkpoint(program, usize::MAX, &database, &mut random);
        kills += 1;
        met += u64::from(killed.in_time);
        assert_eq!(stored(&database), 20);
    }
    println!("{kills} kills while shutting down, {met} of them in its checkpoint");
}
