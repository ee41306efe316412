//! What `strace -f -y -xx` has recorded.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use steadfast_tests::database::beside;

/// One of the files that a store is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Of {
    Database,
    Log,
}

/// What is done to a file.
#[derive(Clone, Debug)]
pub(super) enum Change {
    Write(u64, Vec<u8>),
    Truncate(u64),
    /// What was written before this, under the same number, is on the disk once it has ended.
    SyncBegins(u32),
    SyncEnds(u32),
    Unlink,
}

#[derive(Clone, Debug)]
pub(super) enum Event {
    File(Of, Change),
    /// A line on stdout.
    Said(String),
}

/// Everything that concerns the store at `database`, in order.
pub(super) fn read(record: &Path, database: &Path) -> Vec<Event> {
    let mut lines = BufReader::new(File::open(record).unwrap());
    let mut line = String::new();
    let mut reader = Reader {
        database: path(database),
        log: path(&beside(database, "-wal")),
        events: Vec::new(),
        syncing: HashMap::new(),
        position: 0,
    };
    while lines.read_line(&mut line).unwrap() > 0 {
        reader.take(line.trim_end());
        line.clear();
    }
    reader.events
}

/// A path as the arguments of a call have it, and as its descriptor is shown.
fn path(path: &Path) -> [String; 2] {
    let plain = path.to_str().unwrap();
    let hex = plain.bytes().map(|byte| format!("\\x{byte:02x}"));
    [hex.collect(), plain.into()]
}

struct Reader {
    database: [String; 2],
    log: [String; 2],
    events: Vec<Event>,
    /// The file that each thread syncs.
    syncing: HashMap<u32, Of>,
    /// Where the next write without a place of its own goes: only the log is filled that way, from its beginning.
    position: u64,
}

impl Reader {
    fn take(&mut self, line: &str) {
        let (thread, call) = line.split_once(' ').unwrap();
        let (thread, call): (u32, _) = (thread.parse().unwrap(), call.trim_start());
        if call.starts_with("<... f") && call.contains("sync resumed>") {
            self.sync_ends(thread);
            return;
        }
        let Some((name, arguments)) = call.split_once('(') else {
            return; // a signal, or an end
        };
        if name == "write" && arguments.starts_with("1<") {
            let text = String::from_utf8(bytes(arguments)).unwrap();
            let lines = text.lines().map(|line| Event::Said(line.into()));
            self.events.extend(lines);
            return;
        }
        let Some(file) = self.file(arguments) else {
            return;
        };
        let change = match name {
            "openat" => {
                self.position = 0;
                return;
            }
            "write" => {
                assert_eq!(file, Of::Log);
                let written = bytes(arguments);
                self.position += written.len() as u64;
                Change::Write(self.position - written.len() as u64, written)
            }
            "pwrite64" => Change::Write(last_number(arguments), bytes(arguments)),
            "ftruncate" => Change::Truncate(last_number(arguments)),
            "unlink" => Change::Unlink,
            "fsync" | "fdatasync" => Change::SyncBegins(thread),
            other => panic!("nobody asked for `{other}`"),
        };
        let syncs = matches!(change, Change::SyncBegins(_));
        self.events.push(Event::File(file, change));
        if syncs {
            self.syncing.insert(thread, file);
            if !arguments.contains("<unfinished") {
                self.sync_ends(thread);
            }
        }
    }

    fn sync_ends(&mut self, thread: u32) {
        if let Some(file) = self.syncing.remove(&thread) {
            self.events
                .push(Event::File(file, Change::SyncEnds(thread)));
        }
    }

    /// The file that is the first argument, or the second of `openat`.
    fn file(&self, arguments: &str) -> Option<Of> {
        let head = arguments.get(..1_000).unwrap_or(arguments);
        let names = |[hex, plain]: &[String; 2]| {
            head.contains(&format!("<{plain}>"))
                || head.contains(&format!("<{hex}>"))
                || head.contains(&format!("\"{hex}\""))
        };
        if names(&self.log) {
            Some(Of::Log)
        } else {
            names(&self.database).then_some(Of::Database)
        }
    }
}

/// The only string of the arguments, in the form `"\x61\x62"`.
fn bytes(arguments: &str) -> Vec<u8> {
    let mut parts = arguments.splitn(3, '"');
    let (_, text, rest) = (parts.next(), parts.next().unwrap(), parts.next());
    assert!(!rest.unwrap().starts_with("..."), "the record is cut short");
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => byte - b'0',
        _ => byte - b'a' + 10,
    };
    text.as_bytes()
        .chunks_exact(4)
        .map(|code| digit(code[2]) << 4 | digit(code[3]))
        .collect()
}

/// The last argument.
fn last_number(arguments: &str) -> u64 {
    let end = arguments
        .find(" <unfinished")
        .or_else(|| arguments.rfind(')'));
    let arguments = &arguments[..end.unwrap()];
    let number = arguments.rsplit(", ").next().unwrap();
    number.parse().unwrap()
}
