//! A database that nobody has open, and that is read as it lies.
//!
//! SQLite makes two files beside a database with a write-ahead log also when it only reads, and leaves them there: they belong to who read,
//! and keep the owner from writing when that is another user. It makes none when it is told that nobody changes the file. That is so as long
//! as there is no log, since whoever opens the database makes one before changing anything, and the file is what it was. So after each read
//! both are looked at, and what was read meanwhile is not believed.

use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// The coarsest clock of a file system. What was changed as long ago has another time when it is changed again.
const TICK: Duration = Duration::from_secs(2);

/// A database as it was while nobody had it open.
#[derive(Clone, Debug)]
pub(super) struct Still {
    path: PathBuf,
    modified: SystemTime,
    identity: Identity,
}

/// What else is another when a file is changed, or another one takes its place, whatever time is given to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Identity {
    length: u64,
    #[cfg(unix)]
    inode_and_change: (u64, i64, i64),
}

impl Still {
    /// The database at this path, when nobody has it open.
    pub(super) fn of(path: &Path) -> Option<Self> {
        let still = Self::now(path)?;
        #[expect(
            clippy::disallowed_methods,
            reason = "the file system's clock, which no test moves, and this are the same"
        )]
        let age = SystemTime::now().duration_since(still.modified).ok()?;
        (age >= TICK).then_some(still)
    }

    fn now(path: &Path) -> Option<Self> {
        let is_there = |suffix| {
            let mut beside = path.as_os_str().to_owned();
            beside.push(suffix);
            // What cannot be looked at may be there.
            Path::new(&beside).try_exists().unwrap_or(true)
        };
        // A path is a URI in another way on Windows.
        if cfg!(not(unix)) || is_there("-wal") || is_there("-journal") {
            return None;
        }
        let metadata = fs::metadata(path).ok()?;
        Some(Self {
            path: path.to_owned(),
            modified: metadata.modified().ok()?,
            identity: Identity::of(&metadata),
        })
    }

    /// Whether nobody has changed it, or opened it to do so.
    pub(super) fn holds(&self) -> bool {
        Self::now(&self.path)
            .is_some_and(|now| now.modified == self.modified && now.identity == self.identity)
    }

    /// The name by which SQLite reads it as it lies.
    pub(super) fn uri(&self) -> String {
        let path = self.path.as_os_str().as_encoded_bytes();
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte);
        let encoded = path.iter().map(|byte| match *byte {
            byte if is_plain(byte) => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        });
        format!("file:{}?immutable=1", encoded.collect::<String>())
    }
}

impl Identity {
    fn of(metadata: &Metadata) -> Self {
        #[cfg(unix)]
        use std::os::unix::fs::MetadataExt;

        Self {
            length: metadata.len(),
            #[cfg(unix)]
            inode_and_change: (metadata.ino(), metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}
