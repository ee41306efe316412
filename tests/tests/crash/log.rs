//! How far a write-ahead log is, by the index that SQLite keeps of it in `-shm`.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use steadfast_tests::database::beside;

/// What the index says. The format is SQLite's: <https://sqlite.org/walformat.html#the_wal_index_file_format>.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Log {
    /// Frames that were committed since the log began anew.
    pub(crate) frames: u32,
    /// Of these, those that a checkpoint has copied into the database and synced.
    backfilled: u32,
    /// Those that one has begun to copy.
    begun: u32,
}

impl Log {
    /// Reads it while the program runs, or after its death. Nothing when there is no index.
    pub(crate) fn of(database: &Path) -> Self {
        let mut index = [0; 136];
        let read =
            File::open(beside(database, "-shm")).and_then(|mut file| file.read_exact(&mut index));
        if read.is_err() {
            return Self::default();
        }
        let number = |at: usize| u32::from_ne_bytes(index[at..at + 4].try_into().unwrap());
        Self {
            frames: number(16),
            backfilled: number(96),
            begun: number(128),
        }
    }

    /// Whether a checkpoint is at work.
    pub(crate) fn is_being_copied(self) -> bool {
        self.begun > self.backfilled
    }
}
