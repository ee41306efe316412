//! A disk that fails while a worker runs, and works again.

use std::path::Path;
use std::process::Command;

use steadfast_tests::database::{self, assert_sound, beside};
use steadfast_tests::program::Program;

use crate::fault::{Mount, run, skipped};

/// More than fits into the log: so much must fail on a disk without room.
const STARTS: u64 = 600;
const BYTES: u64 = 50_000;

/// Breaks the disk below a running program and mends it. Requests fail with the message meanwhile; afterwards all goes on by itself, and
/// what was acknowledged is there. Gives what it logged.
fn goes_on_by_itself(
    mut program: Program,
    database: &Path,
    message: &str,
    fail: impl Fn(&Program),
    mend: impl Fn(&Program),
) -> String {
    program.opened();
    program.must("start quiet before 10");
    program.must("start quiet early 10");
    fail(&program);
    let starts: Vec<u64> = (0..STARTS)
        .map(|number| program.ask(&format!("start quiet {number} {BYTES}")))
        .collect();
    let mut acknowledged = Vec::new();
    let mut errors = Vec::new();
    for (number, start) in starts.into_iter().enumerate() {
        match program.answer(start) {
            Ok(_) => acknowledged.push(number),
            Err(error) => errors.push(error),
        }
    }
    assert!(!errors.is_empty(), "nothing failed");
    for error in &errors {
        assert!(error.contains(message), "{error}");
        assert!(error.contains("it is unknown whether the request was carried out"));
    }
    let raised = program.carry_out("raise early 5");
    // What is stored can be read.
    assert_eq!(program.must("status before"), "Running");

    mend(&program);
    program.must("start quiet after 10");
    if raised.is_err() {
        program.must("raise early 6");
    }
    for id in ["before", "after"] {
        program.must(&format!("raise {id} 5"));
        assert_eq!(program.must(&format!("wait {id}")), "Completed 15");
    }
    assert_eq!(
        program.must("wait early"),
        if raised.is_ok() {
            "Completed 15"
        } else {
            "Completed 16"
        }
    );
    let raises: Vec<u64> = acknowledged
        .iter()
        .map(|number| program.ask(&format!("raise {number} 1")))
        .collect();
    for raise in raises {
        program.answer(raise).unwrap();
    }
    for number in acknowledged {
        let outcome = program.must(&format!("wait {number}"));
        assert_eq!(outcome, format!("Completed {}", BYTES + 1));
    }
    let log = program.log();
    assert!(program.end().success());
    assert_sound(&database::open(database));
    log
}

#[test]
fn full_disk_holds_work_up_until_there_is_room() {
    let disk = match Mount::in_memory(200 << 20) {
        Ok(disk) => disk,
        Err(why) => return skipped(&why),
    };
    let directory = tempfile::tempdir().unwrap();
    let database = disk.path().join("app.db");
    let log = goes_on_by_itself(
        crate::program(&database, directory.path()),
        &database,
        "no space is left on the disk of",
        |_| disk.fill(),
        |_| disk.clear(),
    );
    assert!(
        log.contains("a commit failed error=no space is left"),
        "{log}"
    );
}

/// The log of the program is on it as well, and cannot be written either.
#[test]
fn disk_that_takes_no_writes_holds_work_up_until_it_does() {
    if let Err(why) = run("prlimit", &["--version"]) {
        return skipped(&why);
    }
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("app.db");
    // A write beyond the limit is an error instead of a signal.
    let mut command = Command::new("sh");
    command
        .args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""])
        .arg(env!("CARGO_BIN_EXE_victim"))
        .args([&*database, directory.path()]);
    let limit = |program: &Program, limit: &str| {
        let process = program.id().to_string();
        let limit = format!("--fsize={limit}:unlimited");
        run("prlimit", &["--pid", &process, &limit]).unwrap();
    };
    goes_on_by_itself(
        Program::start_as(command, directory.path()),
        &database,
        "the operating system failed to read or write",
        |program| limit(program, "0"),
        |program| limit(program, "unlimited"),
    );
}

#[test]
fn files_that_may_not_be_written_hold_work_up_until_they_may() {
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("app.db");
    let probe = directory.path().join("probe");
    std::fs::write(&probe, "").unwrap();
    let change = |how: &str, path: &Path| run("chattr", &[how, path.to_str().unwrap()]);
    if let Err(why) = change("+i", &probe) {
        return skipped(&why);
    }
    change("-i", &probe).unwrap();
    let all = |how: &str| {
        change(how, &database).unwrap();
        change(how, &beside(&database, "-wal")).unwrap();
    };
    let log = goes_on_by_itself(
        crate::program(&database, directory.path()),
        &database,
        "failed to read or write",
        |_| all("+i"),
        |_| all("-i"),
    );
    assert!(
        log.contains("a commit failed error=the operating system failed"),
        "{log}"
    );
}

#[test]
fn store_on_a_full_disk_opens_when_there_is_room() {
    let disk = match Mount::in_memory(40 << 20) {
        Ok(disk) => disk,
        Err(why) => return skipped(&why),
    };
    let directory = tempfile::tempdir().unwrap();
    let database = disk.path().join("app.db");
    let refused = || {
        disk.fill();
        let (kind, text) = crate::program(&database, directory.path()).refused();
        disk.clear();
        assert_eq!(kind, "Unavailable", "{text}");
        assert!(text.contains("no space is left on the disk of"), "{text}");
        assert!(text.contains("app.db"), "{text}");
    };
    // Before there is one, and afterwards.
    for instances in ["0", "1"] {
        refused();
        let mut program = crate::program(&database, directory.path());
        program.opened();
        assert_eq!(program.must("count"), instances);
        program.must("start brief a 10");
        program.must("wait a");
        assert!(program.end().success());
    }
    refused();
    assert_sound(&database::open(&database));
}
