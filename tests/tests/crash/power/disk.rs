//! What is on a disk for certain, and what may be.

use std::fs;
use std::path::Path;

use steadfast_tests::database::beside;
use steadfast_tests::random::Random;

use super::trace::{Change, Of};

/// The smallest part that a disk writes as a whole.
const SECTOR: usize = 512;

#[derive(Debug, Default)]
pub(super) struct Disk {
    database: Content,
    log: Content,
}

/// A file: what was synced, and what was done since.
#[derive(Debug, Default)]
struct Content {
    synced: Option<Vec<u8>>,
    since: Vec<Change>,
}

impl Disk {
    /// Does something to a file.
    pub(super) fn change(&mut self, of: Of, change: Change) {
        match of {
            Of::Database => self.database.change(change),
            Of::Log => self.log.change(change),
        }
    }

    /// Writes one of the disks that a loss of power may leave now.
    pub(super) fn leave(&self, database: &Path, random: &mut Random) {
        let files = [
            (database.to_owned(), &self.database),
            (beside(database, "-wal"), &self.log),
        ];
        for (path, content) in files {
            if let Some(bytes) = content.left(random) {
                fs::write(path, bytes).unwrap();
            }
        }
    }
}

impl Content {
    fn change(&mut self, change: Change) {
        let Change::SyncEnds(thread) = change else {
            self.since.push(change);
            return;
        };
        let begun = |change: &Change| matches!(change, Change::SyncBegins(it) if *it == thread);
        let begun = self.since.iter().rposition(begun).unwrap();
        for change in self.since.drain(..=begun) {
            apply(&mut self.synced, &change);
        }
        // It exists at least.
        self.synced.get_or_insert_default();
    }

    fn left(&self, random: &mut Random) -> Option<Vec<u8>> {
        let mut left = self.synced.clone();
        // Sometimes nothing of what was not synced is there, sometimes most of it.
        let chance = random.below(5);
        for change in &self.since {
            match change {
                Change::Write(at, bytes) => {
                    for (number, sector) in bytes.chunks(SECTOR).enumerate() {
                        if random.below(4) < chance {
                            let at = at + (number * SECTOR) as u64;
                            apply(&mut left, &Change::Write(at, sector.into()));
                        }
                    }
                }
                change if random.below(4) < chance => apply(&mut left, change),
                _ => {}
            }
        }
        left
    }
}

fn apply(content: &mut Option<Vec<u8>>, change: &Change) {
    match change {
        Change::Write(at, bytes) => {
            let content = content.get_or_insert_default();
            let (from, to) = (*at as usize, *at as usize + bytes.len());
            if content.len() < to {
                content.resize(to, 0);
            }
            content[from..to].copy_from_slice(bytes);
        }
        Change::Truncate(length) => content.get_or_insert_default().resize(*length as usize, 0),
        Change::Unlink => *content = None,
        Change::SyncBegins(_) | Change::SyncEnds(_) => {}
    }
}
