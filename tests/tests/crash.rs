//! Kills a program again and again, and proves that nothing it acknowledged is lost and nothing it recorded is done twice.
//!
//! A round is one life of `crash_child`: the test sends it commands, reads a random number of the lines that it answers with, and
//! kills it with SIGKILL. Each line stands for a start, an event, an activity or an end, so that the kills are spread over
//! all that a life does, however fast the machine is; a short random spin after the line moves them to moments between
//! the lines, such as the middle of a commit. Then the test reads the database, which nobody owns, and the log of
//! activities. In the last round the child may finish.
//!
//! `STEADFAST_CRASH_ROUNDS` sets the number of kills, `STEADFAST_CRASH_SEED` repeats the choices of an earlier run.

#![cfg(unix)] // elsewhere the end of a child is not that of a crash
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::hash_map::RandomState;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs;
use std::hash::{BuildHasher, Hasher};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use steadfast::model::history::{HistoryEventKind, decode_events};

/// Kills in an ordinary run.
const ROUNDS: u64 = 30;

/// Instances that each round adds.
const STARTS_PER_ROUND: u64 = 10;

/// More lines than a life usually says, so that some are killed when they have nothing left to do.
const MAX_LINES: u64 = 100;

/// At most a few milliseconds: about what a commit takes.
const MAX_SPINS: u64 = 1_000_000;

/// Nothing takes so long unless it hangs.
const STUCK: Duration = Duration::from_secs(60);

/// An activity of an instance: the id of the action that scheduled it.
type Task = (String, i32);

#[test]
fn nothing_acknowledged_is_lost_and_nothing_recorded_is_done_twice() {
    let rounds = setting("STEADFAST_CRASH_ROUNDS").unwrap_or(ROUNDS);
    let seed = setting("STEADFAST_CRASH_SEED")
        .unwrap_or_else(|| RandomState::new().build_hasher().finish());
    println!("STEADFAST_CRASH_SEED={seed} STEADFAST_CRASH_ROUNDS={rounds}");
    let mut random = Random(seed);
    let directory = tempfile::tempdir().unwrap();
    let mut parent = Parent::new(directory.path());
    for round in 0..rounds {
        for _ in 0..STARTS_PER_ROUND {
            parent.known.insert(format!("crash-{}", parent.known.len()));
        }
        let (lines, spins) = (random.below(MAX_LINES), random.below(MAX_SPINS));
        println!("round {round}: {lines} lines, {spins} spins");
        parent.live_and_be_killed(lines, spins);
        parent.inspect();
    }
    parent.live_to_the_end();
    parent.inspect();
    parent.everything_is_done();
    println!(
        "{rounds} kills, {} instances, {} activities in {} runs",
        parent.known.len(),
        parent.completed.len(),
        parent.log_lines,
    );
}

/// What the test knows.
struct Parent {
    database: PathBuf,
    log: PathBuf,
    /// Every instance whose start was ever asked for.
    known: BTreeSet<String>,
    started: HashSet<String>,
    raised: HashSet<String>,
    ended: BTreeMap<String, String>,
    /// Tasks whose completion was in the database after an earlier round.
    completed: HashSet<Task>,
    /// How much of the log has been looked at.
    log_lines: usize,
}

impl Parent {
    fn new(directory: &Path) -> Self {
        Self {
            database: directory.join("crash.db"),
            log: directory.join("activities.log"),
            known: BTreeSet::new(),
            started: HashSet::new(),
            raised: HashSet::new(),
            ended: BTreeMap::new(),
            completed: HashSet::new(),
            log_lines: 0,
        }
    }

    fn live_and_be_killed(&mut self, lines: u64, spins: u64) {
        let mut life = Life::begin(&self.database, &self.log);
        self.command(&mut life);
        for _ in 0..lines {
            if self.is_done() {
                break;
            }
            let line = life.line().expect("the child lives until it is killed");
            self.hear(&line, &mut life);
        }
        (0..spins).for_each(|_| std::hint::spin_loop());
        life.child.kill().unwrap();
        life.child.wait().unwrap();
        // What it said before it died counts.
        while let Some(line) = life.line() {
            self.note(&line);
        }
    }

    fn live_to_the_end(&mut self) {
        let mut life = Life::begin(&self.database, &self.log);
        self.command(&mut life);
        while !self.is_done() {
            let line = life.line().expect("the child lives until its stdin ends");
            self.hear(&line, &mut life);
        }
        drop(life.child.stdin.take());
        assert!(life.child.wait().unwrap().success());
    }

    fn is_done(&self) -> bool {
        self.ended.len() == self.known.len()
    }

    /// Asks for what is not acknowledged yet, and for nothing that is: that has to be there by itself.
    fn command(&self, life: &mut Life) {
        for id in &self.known {
            if !self.started.contains(id) {
                life.say("start", id);
            } else if !self.ended.contains_key(id) {
                self.follow(id, life);
            }
        }
    }

    fn follow(&self, id: &str, life: &mut Life) {
        life.say("wait", id);
        if !self.raised.contains(id) {
            life.say("raise", id);
        }
    }

    fn hear(&mut self, line: &str, life: &mut Life) {
        self.note(line);
        if let Some(id) = line.strip_prefix("started ") {
            self.follow(id, life);
        }
    }

    /// Takes an acknowledgement down.
    fn note(&mut self, line: &str) {
        let mut words = line.splitn(3, ' ');
        let (verb, id) = (words.next().unwrap(), words.next().unwrap_or_default());
        match verb {
            "started" => assert!(self.started.insert(id.into())),
            "raised" => assert!(self.raised.insert(id.into())),
            "ended" => {
                let outcome = words.next().unwrap_or_default();
                let number: u32 = id.strip_prefix("crash-").unwrap().parse().unwrap();
                assert_eq!(outcome, expected_outcome(id, number), "{id}");
                self.ended.insert(id.into(), outcome.into());
            }
            "ran" => {}
            // An event that was delivered in an earlier life, without its acknowledgement, may have let the instance end.
            "error" if line.starts_with("error raise") && line.contains("has ended") => {}
            _ => panic!("the child says: {line}"),
        }
    }

    /// Compares the database and the log with what was acknowledged.
    fn inspect(&mut self) {
        let stored = Stored::read(&self.database);
        for id in &self.started {
            assert!(stored.statuses.contains_key(id), "{id} is lost");
        }
        for id in &self.raised {
            assert!(stored.raised.contains(id), "the event of {id} is lost");
        }
        for (id, outcome) in &self.ended {
            let status = outcome.split(' ').next().unwrap();
            assert_eq!(stored.statuses[id], status, "{id} came to life again");
        }
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let mut runs = HashSet::new();
        for (number, line) in log.lines().enumerate() {
            let [instance, task, process] = *line.split(' ').collect::<Vec<_>>() else {
                panic!("line {number} of the log is `{line}`");
            };
            let task = (instance.to_owned(), task.parse().unwrap());
            let is_new = number >= self.log_lines;
            assert!(
                !(is_new && self.completed.contains(&task)),
                "{task:?} ran again after its completion was recorded"
            );
            assert!(
                runs.insert((task.clone(), process.to_owned())),
                "{task:?} ran twice in process {process}"
            );
        }
        self.log_lines = log.lines().count();
        assert!(
            self.completed.is_subset(&stored.completed),
            "a recorded completion is lost"
        );
        self.completed = stored.completed;
    }

    fn everything_is_done(&self) {
        assert_eq!(self.started, self.known.iter().cloned().collect());
        let tasks: usize = (0..self.known.len()).map(|number| 3 + number % 3).sum();
        assert_eq!(self.completed.len(), tasks);
        let database = open(&self.database);
        let verdict: String = database
            .query_row("PRAGMA integrity_check", [], |row| row.get(0))
            .unwrap();
        assert_eq!(verdict, "ok");
    }
}

fn expected_outcome(id: &str, number: u32) -> String {
    let step = |step: u32| format!("{id} step {step}");
    let mut output: Vec<String> = (0..3).map(step).collect();
    output.push(format!("go {number}"));
    output.extend((3..3 + number % 3).map(step));
    format!("Completed {}", serde_json::to_string(&output).unwrap())
}

/// A child that runs.
struct Life {
    child: Child,
    lines: Receiver<String>,
}

impl Life {
    fn begin(database: &Path, log: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_crash_child"))
            .args([database, log])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let (send, lines) = mpsc::channel();
        std::thread::spawn(move || {
            let mut line = String::new();
            while stdout.read_line(&mut line).is_ok() {
                // A line that the kill cut short was not said.
                let Some(whole) = line.strip_suffix('\n') else {
                    return;
                };
                if send.send(whole.to_owned()).is_err() {
                    return;
                }
                line.clear();
            }
        });
        Self { child, lines }
    }

    /// The next line; `None` once it is dead and has said everything.
    fn line(&self) -> Option<String> {
        match self.lines.recv_timeout(STUCK) {
            Ok(line) => Some(line),
            Err(mpsc::RecvTimeoutError::Disconnected) => None,
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("the child says nothing any more"),
        }
    }

    fn say(&mut self, verb: &str, id: &str) {
        let stdin = self.child.stdin.as_mut().unwrap();
        stdin
            .write_all(format!("{verb} {id}\n").as_bytes())
            .unwrap();
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        // A failed assertion must not leave the child behind. It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What the database holds.
#[derive(Default)]
struct Stored {
    statuses: BTreeMap<String, String>,
    completed: HashSet<Task>,
    raised: HashSet<String>,
}

impl Stored {
    fn read(path: &Path) -> Self {
        let mut stored = Self::default();
        if !path.exists() {
            return stored; // killed before it was created
        }
        let database = open(path);
        let has_tables = database.table_exists(None, "instances").unwrap();
        if !has_tables {
            return stored;
        }
        let mut instances = database
            .prepare("SELECT id, runtime_status FROM instances")
            .unwrap();
        stored.statuses = instances
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        // What waits in an inbox is recorded as well.
        let mut events = database
            .prepare(
                "SELECT id, events FROM history JOIN instances USING (incarnation)
                 UNION ALL SELECT id, '[' || event || ']' FROM inbox JOIN instances USING (incarnation)",
            )
            .unwrap();
        let rows = events
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap();
        for row in rows {
            let (id, events): (String, String) = row.unwrap();
            for event in decode_events(&events).unwrap() {
                match event.kind {
                    HistoryEventKind::TaskCompleted(completed) => {
                        let task = (id.clone(), completed.task_scheduled_id);
                        assert!(stored.completed.insert(task), "{id} has a completion twice");
                    }
                    HistoryEventKind::EventRaised(_) => {
                        stored.raised.insert(id.clone());
                    }
                    _ => {}
                }
            }
        }
        stored
    }
}

fn open(path: &Path) -> Connection {
    Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap()
}

fn setting(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    Some(
        value
            .parse()
            .unwrap_or_else(|_| panic!("{name}={value} is not a number")),
    )
}

/// SplitMix64: the same numbers for the same seed.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % bound
    }
}
