//! The loss of power, of which a kill knows nothing: what the system has not synced yet may be gone, or half there.
//!
//! `strace` records every write, truncation and sync that the program does to the files of its store, and every line that it says,
//! in one order. For any moment of that record there are many disks that the power may leave: all that was synced, and of what was
//! written since any part, in any order, down to single sectors. The test makes such disks, opens the store on each, and looks for
//! everything that had been acknowledged at that moment.

mod disk;
mod trace;

use std::path::Path;
use std::process::Command;

use steadfast::store::sqlite::SqliteStore;
use steadfast_tests::database::{self, assert_sound};
use steadfast_tests::program::{Program, Said};
use steadfast_tests::random::Random;

use self::disk::Disk;
use self::trace::Event;
use crate::log::Log;
use crate::stored::Stored;

/// Bytes that each instance brings.
const BYTES: u64 = 60_000;

/// Instances at a time.
const INSTANCES: u64 = 150;

/// The log is begun anew long before so many have ended.
const MOST_INSTANCES: u64 = 20 * INSTANCES;

#[test]
fn what_was_acknowledged_is_there_after_a_loss_of_power() {
    if Command::new("strace")
        .args(["-f", "true"])
        .output()
        .is_err()
    {
        println!("SKIPPED: there is no `strace` to record what is written and synced");
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("crash.db");
    let record = directory.path().join("trace");
    let commands = live(&database, directory.path(), &record);
    let events = trace::read(&record, &database);

    let mut random = Random::seeded_by("STEADFAST_CRASH_SEED");
    let losses = crate::rounds();
    let mut moments: Vec<usize> = (0..losses)
        .map(|_| random.below(events.len() as u64) as usize)
        .collect();
    moments.sort_unstable();
    let (mut disk, mut acknowledged, mut seen) = (Disk::default(), Vec::new(), 0);
    let mut checked = 0;
    for moment in moments {
        for event in &events[seen..moment] {
            match event {
                Event::Said(line) => acknowledged.extend(acknowledgement(line, &commands)),
                Event::File(file, change) => disk.change(*file, change.clone()),
            }
        }
        seen = moment;
        let left = tempfile::tempdir().unwrap();
        let database = left.path().join("crash.db");
        disk.leave(&database, &mut random);
        assert_is_there(&database, &acknowledged);
        checked += acknowledged.len();
    }
    println!(
        "{losses} losses of power in {} writes, syncs and lines: {checked} acknowledgements looked up, nothing lost",
        events.len()
    );
}

/// What an instance is asked for, one after the other.
#[derive(Clone, Copy, Debug)]
enum Step {
    Start(u64),
    Raise(u64),
    Ended(u64),
}

fn ask(program: &mut Program, commands: &mut Vec<Step>, step: Step) {
    let number = program.ask(&match step {
        Step::Start(number) => format!("start quiet {number} {BYTES}"),
        Step::Raise(number) => format!("raise {number} {number}"),
        Step::Ended(number) => format!("wait {number}"),
    });
    assert_eq!(number as usize, commands.len());
    commands.push(step);
}

/// The step that a line acknowledges.
fn acknowledgement(line: &str, commands: &[Step]) -> Option<Step> {
    let number = line.split_once(" ok ")?.0;
    Some(commands[number.parse::<usize>().unwrap()])
}

fn assert_is_there(database: &Path, acknowledged: &[Step]) {
    drop(SqliteStore::open(database).unwrap());
    assert_sound(&database::open(database));
    let stored = Stored::read(database);
    for step in acknowledged {
        let (Step::Start(number) | Step::Raise(number) | Step::Ended(number)) = step;
        let id = number.to_string();
        let is_there = match step {
            Step::Start(_) => stored.statuses.contains_key(&id),
            Step::Raise(number) => stored.raised[&id] == [*number],
            Step::Ended(_) => stored.statuses[&id] == "Completed",
        };
        assert!(is_there, "{step:?} was acknowledged and is lost");
    }
}

/// Lets a program work until its log has begun anew, and gives what it was asked, by number.
fn live(database: &Path, directory: &Path, record: &Path) -> Vec<Step> {
    let mut command = Command::new("strace");
    command
        .args(["-f", "-y", "-xx", "-s", "70000", "-o"])
        .arg(record)
        .args([
            "-e",
            "trace=openat,write,pwrite64,fsync,fdatasync,ftruncate,unlink",
        ])
        .args([env!("CARGO_BIN_EXE_victim").as_ref(), database, directory]);
    let mut program = Program::start_as(command, directory);
    program.opened();
    // By the number of the answer; there is none of the number 0.
    let mut commands = vec![Step::Ended(0)];
    for number in 0..INSTANCES {
        ask(&mut program, &mut commands, Step::Start(number));
    }
    let (mut started, mut ended) = (INSTANCES, 0);
    let (mut most, mut began_anew) = (0, false);
    while ended < started {
        let frames = Log::of(database).frames;
        began_anew |= frames < most;
        most = most.max(frames);
        match program.hear() {
            Some(Said::Answer(number, Ok(_))) => match commands[number as usize] {
                Step::Start(number) => ask(&mut program, &mut commands, Step::Raise(number)),
                Step::Raise(number) => ask(&mut program, &mut commands, Step::Ended(number)),
                Step::Ended(_) => {
                    ended += 1;
                    if !began_anew && started < MOST_INSTANCES {
                        ask(&mut program, &mut commands, Step::Start(started));
                        started += 1;
                    }
                }
            },
            Some(Said::Ran) => {}
            said => panic!("{said:?}"),
        }
    }
    assert!(began_anew, "the log did not begin anew");
    assert!(program.end().success());
    commands
}
