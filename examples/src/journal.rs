//! A store of one's own: everything in memory, and every change in a file before anybody is told of it.
//!
//! The file is a journal: one line for each transaction, only ever appended to. What is in memory is what the journal says, applied
//! in its order by a [`MemoryStore`], which does the same each time. That makes a complete store, with all promises that a store makes
//! (the test of this folder runs the conformance suite over it), and a simple one: all instances must fit into memory, and opening
//! takes time in proportion to everything that was ever written. A database would index instead what is here replayed.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{BufRead, BufReader, Seek, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use steadfast::store::memory::MemoryStore;
use steadfast::store::{
    BoxFuture, Epoch, Ownership, Store, StoreError, StoreErrorKind, Write, WriteResult,
    delegate_store,
};
use tokio::sync::Mutex;

/// A store whose instances are in memory, and whose changes are in a file.
#[derive(Debug)]
pub struct JournalStore {
    memory: MemoryStore,
    /// Held from the line in the file to the change in memory, so that both have one order.
    journal: Mutex<Journal>,
}

/// One line: what changes a store.
#[derive(Serialize, Deserialize)]
enum Entry {
    Acquired(Option<String>),
    Committed(Vec<Write>),
}

/// What every journal begins with.
const FIRST: &[u8] = b"{\"Acquired\":";

#[derive(Debug)]
struct Journal {
    path: PathBuf,
    file: File,
    /// Where the next line begins.
    end: u64,
    /// The newest owner.
    epoch: Epoch,
    /// Whether it is not known what the file holds behind its end.
    is_broken: bool,
}

impl JournalStore {
    /// Opens the journal in this file, or begins one.
    ///
    /// # Errors
    ///
    /// [`StoreErrorKind::InUse`] when another process has it, [`StoreErrorKind::NotAStore`] when the file is no journal,
    /// [`StoreErrorKind::Corrupt`] when a line of it is damaged, and [`StoreErrorKind::Unavailable`] when it cannot be read or written.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let memory = MemoryStore::new();
        let journal = Journal::open(path.as_ref(), &memory).await?;
        let journal = Mutex::new(journal);
        Ok(Self { memory, journal })
    }
}

impl Store for JournalStore {
    // Whoever reads sees what is in memory: what is durable, and nothing else.
    delegate_store!(|self| self.memory; load, read, needing_attention, timers, inbox, changes, query, counts);

    fn acquire(&self, task_hub: Option<&str>) -> BoxFuture<'_, Result<Ownership, StoreError>> {
        let task_hub = task_hub.map(str::to_owned);
        Box::pin(async move {
            let mut journal = self.journal.lock().await;
            journal.append(&Entry::Acquired(task_hub.clone()))?;
            let ownership = self.memory.acquire(task_hub.as_deref()).await?;
            journal.epoch = ownership.epoch;
            Ok(ownership)
        })
    }

    fn commit<'a>(
        &'a self,
        epoch: Epoch,
        writes: &'a [Write],
    ) -> BoxFuture<'a, Result<Vec<WriteResult>, StoreError>> {
        Box::pin(async move {
            let mut journal = self.journal.lock().await;
            // An earlier owner is refused without a trace.
            if epoch == journal.epoch {
                journal.append(&Entry::Committed(writes.to_vec()))?;
            }
            // Nothing is awaited from here on: a commit whose future is dropped was made, or was not begun.
            self.memory.commit(epoch, writes).await
        })
    }
}

impl Journal {
    async fn open(path: &Path, memory: &MemoryStore) -> Result<Self, StoreError> {
        let failed = |error| unavailable("opened", path, error);
        let options = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .clone();
        let file = options.open(path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let message = format!(
                    "the journal `{}` is in use by another process",
                    path.display()
                );
                return Err(StoreError::new(StoreErrorKind::InUse, message));
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        let mut journal = Self {
            path: path.to_owned(),
            file,
            end: 0,
            epoch: Epoch(0),
            is_broken: false,
        };
        journal.replay(memory).await?;
        Ok(journal)
    }

    /// Applies every line, and cuts off a last one that was being written when its process or machine stopped.
    async fn replay(&mut self, memory: &MemoryStore) -> Result<(), StoreError> {
        let failed = |error| unavailable("read", &self.path, error);
        let mut lines = BufReader::new(&self.file);
        let mut line = Vec::new();
        let mut number = 0;
        while lines.read_until(b'\n', &mut line).map_err(failed)? > 0 {
            number += 1;
            match serde_json::from_slice(&line) {
                Ok(Entry::Acquired(task_hub)) => {
                    // One that was refused is refused again.
                    if let Ok(ownership) = memory.acquire(task_hub.as_deref()).await {
                        self.epoch = ownership.epoch;
                    }
                }
                Ok(Entry::Committed(writes)) => drop(memory.commit(self.epoch, &writes).await?),
                Err(error) => {
                    let is_ours = number > 1 || line.starts_with(FIRST) || FIRST.starts_with(&line);
                    if is_ours && lines.fill_buf().map_err(failed)?.is_empty() {
                        break;
                    }
                    let kind = if is_ours {
                        StoreErrorKind::Corrupt
                    } else {
                        StoreErrorKind::NotAStore
                    };
                    let message = format!(
                        "line {number} of the journal `{}` cannot be read",
                        self.path.display()
                    );
                    return Err(StoreError::new(kind, message).with_source(error));
                }
            }
            self.end += line.len() as u64;
            line.clear();
        }
        self.cut()
    }

    /// Makes a line durable. With an error it is there entirely or not at all.
    fn append(&mut self, entry: &Entry) -> Result<(), StoreError> {
        if self.is_broken {
            let message = format!(
                "what the journal `{}` holds is not known since it could not be written: open it again",
                self.path.display()
            );
            return Err(StoreError::new(StoreErrorKind::ReadOnly, message));
        }
        let mut line = serde_json::to_vec(entry).map_err(|error| {
            StoreError::new(StoreErrorKind::Corrupt, "a write is no JSON").with_source(error)
        })?;
        line.push(b'\n');
        let written = self
            .file
            .write_all(&line)
            .and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            self.is_broken = self.cut().is_err();
            return Err(unavailable("written", &self.path, error));
        }
        self.end += line.len() as u64;
        Ok(())
    }

    /// Cuts off what is behind the last line.
    fn cut(&mut self) -> Result<(), StoreError> {
        let cut = self.file.set_len(self.end);
        let cut = cut.and_then(|()| self.file.seek(SeekFrom::Start(self.end)).map(drop));
        cut.and_then(|()| self.file.sync_all())
            .map_err(|error| unavailable("written", &self.path, error))
    }
}

fn unavailable(what: &str, path: &Path, error: std::io::Error) -> StoreError {
    let message = format!("the journal `{}` cannot be {what}: {error}", path.display());
    StoreError::new(StoreErrorKind::Unavailable, message).with_source(error)
}
