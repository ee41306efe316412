//! A write-ahead log that is not what the last program left: cut short, damaged, gone, or that of another store.
//!
//! SQLite reads a log up to the first frame that does not follow the one before, and takes that for the end. So what is behind it is
//! lost, each commit as a whole and the newest first; the store opens and is sound.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use steadfast_tests::database::{self, assert_sound, beside};
use tempfile::TempDir;

const STARTS: usize = 12;

/// Bytes of the header of a log, and of a frame of it.
const HEADER: usize = 32;
const FRAME: usize = 24 + 4_096;

/// What a program leaves that was killed after some starts, one commit each, and before any checkpoint.
struct Killed {
    directory: TempDir,
    database: Vec<u8>,
    log: Vec<u8>,
    index: Vec<u8>,
}

impl Killed {
    fn new(prefix: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("app.db");
        let mut program = crate::program(&path, directory.path());
        program.opened();
        for number in 0..STARTS {
            program.must(&format!("start quiet {prefix}-{number:02} 3000"));
        }
        program.kill();
        let read = |suffix| fs::read(beside(&path, suffix)).unwrap();
        Self {
            database: read(""),
            log: read("-wal"),
            index: read("-shm"),
            directory,
        }
    }

    /// A copy with this log. The index is as it was left, as it would be.
    fn with_log(&self, log: Option<&[u8]>) -> (TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("app.db");
        fs::write(&path, &self.database).unwrap();
        fs::write(beside(&path, "-shm"), &self.index).unwrap();
        if let Some(log) = log {
            fs::write(beside(&path, "-wal"), log).unwrap();
        }
        (directory, path)
    }

    /// How many frames were written since the log began.
    fn frames(&self) -> usize {
        let salts = &self.log[16..24];
        let frames = self.log[HEADER..].chunks_exact(FRAME);
        frames.take_while(|frame| &frame[8..16] == salts).count()
    }
}

/// Opens it with a worker, and gives the instances that there are.
fn instances(directory: &Path, path: &Path) -> BTreeSet<String> {
    let mut program = crate::program(path, directory);
    program.opened();
    assert!(program.end().success());
    let database = database::open(path);
    assert_sound(&database);
    let mut rows = database.prepare("SELECT id FROM instances").unwrap();
    let rows = rows.query_map([], |row| row.get(0)).unwrap();
    rows.map(Result::unwrap).collect()
}

/// How many of the starts are there: the first ones.
fn starts(killed: &Killed, log: Option<&[u8]>) -> usize {
    let (directory, path) = killed.with_log(log);
    let found = instances(directory.path(), &path);
    assert!(!beside(&path, "-wal.damaged-0").exists());
    let expected = (0..found.len()).map(|number| format!("a-{number:02}"));
    assert_eq!(found, expected.collect(), "commits are missing in between");
    found.len()
}

#[test]
fn log_that_was_cut_short_loses_the_newest_commits_and_no_other() {
    let killed = Killed::new("a");
    let frames = killed.frames();
    let whole = HEADER + frames * FRAME;
    assert_eq!(starts(&killed, Some(&killed.log)), STARTS);
    assert_eq!(starts(&killed, Some(&killed.log[..whole])), STARTS);
    let mut before = 0;
    let mut different = BTreeSet::new();
    let mut lengths = vec![
        0,
        1,
        HEADER - 1,
        HEADER,
        HEADER + 1,
        HEADER + 24,
        HEADER + FRAME - 1,
    ];
    for frame in (1..frames).step_by(frames.div_ceil(12)) {
        let end = HEADER + frame * FRAME;
        lengths.extend([end, end + 12, end + 2_000]);
    }
    lengths.push(whole - 1);
    for length in lengths {
        let found = starts(&killed, Some(&killed.log[..length]));
        assert!(found >= before, "{length} bytes have less than fewer");
        before = found;
        different.insert(found);
    }
    assert!(
        different.contains(&0) && different.len() > 3,
        "{different:?}"
    );
}

#[test]
fn garbage_behind_the_log_is_no_part_of_it() {
    let killed = Killed::new("a");
    let mut log = killed.log.clone();
    let whole = HEADER + killed.frames() * FRAME;
    log[whole..].fill(0xa5);
    log.extend([0xa5; 5_000]);
    assert_eq!(starts(&killed, Some(&log)), STARTS);
}

/// A frame is two writes, and a kill may come between them. Nobody was told of that commit.
#[test]
fn half_of_the_last_frame_is_no_damage() {
    let killed = Killed::new("a");
    let mut log = killed.log.clone();
    let last = HEADER + (killed.frames() - 1) * FRAME;
    log[last + 24..last + FRAME].fill(0);
    starts(&killed, Some(&log));
}

#[test]
fn damage_in_the_log_loses_what_is_behind_it() {
    let killed = Killed::new("a");
    let frames = killed.frames();
    for (at, is_all) in [
        (3, true),
        (17, true),
        (HEADER + 100, true),
        (HEADER + frames / 2 * FRAME + 100, false),
        (HEADER + frames / 2 * FRAME + 5, false),
    ] {
        let mut log = killed.log.clone();
        log[at] ^= 1;
        let (directory, path) = killed.with_log(Some(&log));
        let found = instances(directory.path(), &path).len();
        assert!(found < STARTS && (found == 0) == is_all, "{found} at {at}");
        // It is told of, and what could be rescued of it is there.
        let kept = fs::read(beside(&path, "-wal.damaged-0")).unwrap();
        assert!(kept == log);
        let told = fs::read_to_string(directory.path().join("log")).unwrap();
        assert!(
            told.contains("holds commits behind a place at which it cannot be read"),
            "{told}"
        );
    }
}

#[test]
fn damaged_log_is_kept_once() {
    let killed = Killed::new("a");
    let mut log = killed.log.clone();
    log[HEADER + killed.frames() / 2 * FRAME + 100] ^= 1;
    let (directory, path) = killed.with_log(Some(&log));
    for number in 0..2 {
        let mut program = crate::program(&path, directory.path());
        program.opened();
        program.must(&format!("start quiet b-{number} 10"));
        program.kill();
    }
    let found = instances(directory.path(), &path);
    assert!(found.contains("b-0") && found.contains("b-1"), "{found:?}");
    assert!(beside(&path, "-wal.damaged-0").exists());
    assert!(!beside(&path, "-wal.damaged-1").exists());
}

#[test]
fn copy_without_its_log_has_what_was_copied_into_the_file() {
    let killed = Killed::new("a");
    assert_eq!(starts(&killed, None), 0);
    // And after a checkpoint, which the end of a program makes.
    let path = killed.directory.path().join("app.db");
    assert_eq!(instances(killed.directory.path(), &path).len(), STARTS);
    let (directory, copy) = killed.with_log(None);
    fs::copy(&path, &copy).unwrap();
    assert_eq!(instances(directory.path(), &copy).len(), STARTS);
}

/// SQLite cannot tell whose log it is. So a log must never be without its file, nor a file without its log.
#[test]
fn log_of_another_store_takes_the_place_of_what_is_in_the_file() {
    let killed = Killed::new("a");
    let other = Killed::new("b");
    let (directory, path) = killed.with_log(Some(&other.log));
    let found = instances(directory.path(), &path);
    assert!(found.iter().all(|id| id.starts_with('b')), "{found:?}");
}
