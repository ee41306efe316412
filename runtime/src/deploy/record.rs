//! Writing histories of a store to files.

use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::check::chain;
use super::instances::Instances;
use super::report::Unchecked;
use crate::client::ExportedHistory;
use crate::model::query::{InstanceFilter, Order};
use crate::store::{Store, StoreError};

/// What a [`record()`] writes.
#[derive(Clone, Debug)]
#[must_use = "nothing is recorded before `record` is called"]
pub struct Recording {
    filter: InstanceFilter,
    limit: usize,
    redact: bool,
}

impl Default for Recording {
    fn default() -> Self {
        Self::new()
    }
}

impl Recording {
    /// The newest ten of each orchestrator, version and runtime status.
    pub fn new() -> Self {
        Self {
            filter: InstanceFilter::new(),
            limit: 10,
            redact: false,
        }
    }

    /// Only of the instances that match.
    pub fn filter(mut self, filter: InstanceFilter) -> Self {
        self.filter = filter;
        self
    }

    /// How many of each orchestrator, version and runtime status at most; the newest of them.
    pub const fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// With [blanked](ExportedHistory::redact) payloads.
    pub const fn redact(mut self) -> Self {
        self.redact = true;
        self
    }
}

/// What a [`record()`] has done.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Recorded {
    /// The files that were written, also those that were there and are the same.
    pub files: Vec<PathBuf>,
    /// How many more instances match, and were left out because of the limit.
    pub left_out: u64,
    /// The instances that could not be read, and why.
    pub unreadable: Vec<Unchecked>,
}

/// Histories could not be recorded. The files that were written stay.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file cannot be written.
    #[error("`{path}` cannot be written")]
    File {
        /// The file or folder.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

/// Writes histories of a store to files of a folder, which is made when it is not there. It reads only, and blocks until it is done.
///
/// Each is an [`ExportedHistory`], of the current execution of an instance. The name of a file says which: orchestrator, version, runtime
/// status, instance, and the end of the execution's id. So the same execution in the same status is the same file again, and one that has
/// ended since is another. What a name of a file cannot have is written as `%` and its bytes in hexadecimal digits.
///
/// ```
/// use steadfast::deploy::{self, Recording};
/// # let store = steadfast::store::memory::MemoryStore::new();
/// # let folder = tempfile::tempdir().unwrap();
/// # let folder = folder.path();
///
/// // Beside a running process: `SqliteReader::open("app.db")?`.
/// let recorded = deploy::record(&store, folder, &Recording::new().limit(3))?;
/// assert!(recorded.files.is_empty());
/// # Ok::<(), deploy::RecordError>(())
/// ```
///
/// # Errors
///
/// [`RecordError`] when the store cannot be listed, or a file cannot be written.
pub fn record<S: Store + ?Sized>(
    store: &S,
    folder: impl AsRef<Path>,
    options: &Recording,
) -> Result<Recorded, RecordError> {
    let folder = folder.as_ref();
    fs::create_dir_all(folder).map_err(|error| unwritten(folder, error))?;
    let mut counts: HashMap<_, usize> = HashMap::new();
    let mut recorded = Recorded {
        files: Vec::new(),
        left_out: 0,
        unreadable: Vec::new(),
    };
    let mut instances = Instances::new(store, &options.filter, Order::NewestFirst);
    while let Some(id) = instances.next()? {
        let stored = match instances.load(&id) {
            Ok(Some(stored)) => stored,
            // It was purged.
            Ok(None) => continue,
            Err(error) => {
                recorded.unreadable(id, chain(&error));
                continue;
            }
        };
        let header = &stored.header;
        let kind = (
            header.name.clone(),
            header.version.clone(),
            header.runtime_status,
        );
        let count = counts.entry(kind).or_default();
        if *count >= options.limit {
            recorded.left_out += 1;
            continue;
        }
        let history = match ExportedHistory::of(stored) {
            Ok(history) => history,
            Err(why) => {
                recorded.unreadable(id, why);
                continue;
            }
        };
        *count += 1;
        let history = if options.redact {
            history.redact()
        } else {
            history
        };
        let path = folder.join(file_name(&history));
        write(&path, &history.to_json()).map_err(|error| unwritten(&path, error))?;
        recorded.files.push(path);
    }
    Ok(recorded)
}

impl Recorded {
    fn unreadable(&mut self, instance_id: crate::model::instance::InstanceId, reason: String) {
        self.unreadable.push(Unchecked {
            instance_id,
            reason,
        });
    }
}

impl fmt::Display for Recorded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for file in &self.files {
            writeln!(f, "{}", file.display())?;
        }
        for unread in &self.unreadable {
            let Unchecked {
                instance_id,
                reason,
            } = unread;
            writeln!(f, "not recorded: `{instance_id}`: {reason}")?;
        }
        let files = self.files.len();
        writeln!(f, "{files} recorded, {} left out", self.left_out)
    }
}

/// As a whole or not at all.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let part = path.with_extension("part");
    fs::write(&part, text)?;
    fs::rename(&part, path)
}

fn unwritten(path: &Path, source: io::Error) -> RecordError {
    RecordError::File {
        path: path.to_owned(),
        source,
    }
}

fn file_name(history: &ExportedHistory) -> String {
    let version = history.version.as_deref();
    let version = version.map_or_else(String::new, |version| format!("@{version}"));
    let (name, id) = (
        part(&history.name, 60),
        part(history.instance_id.as_str(), 100),
    );
    let status = history.runtime_status;
    let execution = history.execution_id.to_string();
    // Executions are told apart by their last digits: they begin with the time.
    let digits = execution.len().saturating_sub(12);
    format!(
        "{name}{version}.{status}.{id}.{}.json",
        &execution[digits..]
    )
}

/// As much of a text as a name of a file can hold.
fn part(text: &str, length: usize) -> String {
    use std::fmt::Write as _;

    let mut part = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => part.push(byte.into()),
            b'.' if !part.is_empty() => part.push('.'),
            _ => {
                let _ = write!(part, "%{byte:02X}");
            }
        }
        if part.len() >= length {
            break;
        }
    }
    part
}
