//! Files that cannot be written any more, or that the program may not write.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use steadfast_tests::database::{self, assert_sound, beside};
use steadfast_tests::program::Program;
use tempfile::TempDir;

use crate::fault::{Mount, run, skipped};

const READ_ONLY: &str = "cannot be written: the file and its directory must be writable";

/// The system does this to a disk on which it finds errors. Nothing but mounting it again helps, for which the program must end.
#[test]
fn disk_that_becomes_read_only_is_told_and_loses_nothing() {
    let disk = match Mount::that_may_fail() {
        Ok(disk) => disk,
        Err(why) => return skipped(&why),
    };
    let directory = tempfile::tempdir().unwrap();
    let database = disk.path().join("app.db");
    let mut program = crate::program(&database, directory.path());
    program.opened();
    program.must("start quiet before 10");
    disk.find_an_error();
    let error = program.carry_out("start quiet after 10").unwrap_err();
    assert!(error.contains("failed to read or write"), "{error}");
    assert!(error.contains("it is unknown whether"), "{error}");
    // What is stored can be read.
    program.must("status before");
    assert!(program.log().contains("a commit failed"));
    assert!(program.end().success());

    disk.mount_again("ro");
    let (kind, text) = crate::program(&database, directory.path()).refused();
    assert_eq!(
        (&*kind, text.contains(READ_ONLY)),
        ("ReadOnly", true),
        "{text}"
    );

    disk.mount_again("rw");
    let mut program = crate::program(&database, directory.path());
    program.opened();
    program.must("raise before 5");
    assert_eq!(program.must("wait before"), "Completed 15");
    assert!(program.end().success());
    assert_sound(&database::open(&database));
}

/// A directory of somebody who is not root, for whom permissions mean something.
struct Owned {
    directory: TempDir,
    database: PathBuf,
}

/// Who that is.
const NOBODY: u32 = 65_534;

impl Owned {
    fn new() -> Result<Self, String> {
        let directory = tempfile::tempdir().unwrap();
        chown(directory.path(), Some(NOBODY), Some(NOBODY)).map_err(|error| error.to_string())?;
        let owned = Self {
            database: directory.path().join("app.db"),
            directory,
        };
        let executable = env!("CARGO_BIN_EXE_victim");
        run(
            "setpriv",
            &[&OPTIONS[..], &["test", "-x", executable]].concat(),
        )?;
        Ok(owned)
    }

    fn program(&self) -> Program {
        let mut command = Command::new("setpriv");
        command.args(OPTIONS).arg(env!("CARGO_BIN_EXE_victim"));
        command.args([&*self.database, self.directory.path()]);
        Program::start_as(command, self.directory.path())
    }

    fn permit(&self, path: &Path, mode: u32) {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }
}

const OPTIONS: [&str; 3] = ["--reuid=65534", "--regid=65534", "--clear-groups"];

#[test]
fn store_that_may_not_be_written_is_refused_until_it_may() {
    let owned = match Owned::new() {
        Ok(owned) => owned,
        Err(why) => return skipped(&why),
    };
    let mut program = owned.program();
    program.opened();
    program.must("start quiet a 10");
    assert!(program.end().success());
    let directory = owned.directory.path();
    let unreadable = "cannot be opened: look at its permissions";
    for (path, mode, usual, expected, message) in [
        (&*owned.database, 0o444, 0o644, "ReadOnly", READ_ONLY),
        (&*owned.database, 0o000, 0o644, "Unavailable", unreadable),
        (directory, 0o555, 0o755, "ReadOnly", READ_ONLY),
        (directory, 0o000, 0o755, "ReadOnly", READ_ONLY),
    ] {
        // Those that SQLite makes to look into the file it makes as the file is.
        for suffix in ["-wal", "-shm"] {
            let _ = fs::remove_file(beside(&owned.database, suffix));
        }
        owned.permit(path, mode);
        let (kind, text) = owned.program().refused();
        owned.permit(path, usual);
        assert!(text.contains(message) && text.contains("app.db"), "{text}");
        assert_eq!(kind, expected, "{mode:o}: {text}");
    }
    // They are left from the last time, and may not be written either.
    owned.permit(&owned.database, 0o444);
    owned.program().refused();
    owned.permit(&owned.database, 0o644);
    assert!(
        fs::metadata(beside(&owned.database, "-shm"))
            .unwrap()
            .permissions()
            .readonly()
    );
    let mut program = owned.program();
    program.opened();
    program.must("raise a 1");
    assert_eq!(program.must("wait a"), "Completed 11");
    assert!(program.end().success());
}

/// What is open stays open, as the system has it; what is opened anew fails until it may be opened again.
#[test]
fn permissions_that_are_taken_away_meanwhile_hold_up_what_needs_them() {
    let owned = match Owned::new() {
        Ok(owned) => owned,
        Err(why) => return skipped(&why),
    };
    let mut program = owned.program();
    program.opened();
    for number in 0..20 {
        program.must(&format!("start quiet {number} 10"));
    }
    let files = ["", "-wal", "-shm"].map(|suffix| beside(&owned.database, suffix));
    files.iter().for_each(|file| owned.permit(file, 0));
    owned.permit(owned.directory.path(), 0);
    let asked: Vec<_> = (0..20)
        .flat_map(|number| [format!("status {number}"), format!("raise {number} 1")])
        .map(|command| program.ask(&command))
        .collect();
    let mut raised = Vec::new();
    for (number, asked) in asked.into_iter().enumerate() {
        match program.answer(asked) {
            Ok(_) if number % 2 == 1 => raised.push(number / 2),
            Ok(_) => {}
            Err(error) => {
                println!("{error}");
                assert!(error.contains("app.db"), "{error}");
            }
        }
    }
    owned.permit(owned.directory.path(), 0o755);
    files.iter().for_each(|file| owned.permit(file, 0o644));
    for number in 0..20 {
        if !raised.contains(&number) {
            let _ = program.carry_out(&format!("raise {number} 1"));
        }
        assert_eq!(program.must(&format!("wait {number}")), "Completed 11");
    }
    program.must("start brief more 1");
    assert!(program.end().success());
    assert_sound(&database::open(&owned.database));
}
