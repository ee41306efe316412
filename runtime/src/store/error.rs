//! What goes wrong with a store as a whole.

/// A store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct StoreError {
    kind: StoreErrorKind,
    message: String,
    #[source]
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// What is wrong with a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// It cannot be reached, written or read at the moment (a full disk, a lost connection). Trying again may help.
    Unavailable,
    /// Another owner has taken over.
    Fenced,
    /// Another process owns it.
    InUse,
    /// It is not a store of ours.
    NotAStore,
    /// It was written by a newer version.
    NewerVersion,
    /// It cannot be written.
    ReadOnly,
    /// It holds a task hub of another name.
    WrongTaskHub,
    /// What it holds is damaged.
    Corrupt,
    /// It was written with another [codec](crate::encryption) or another key, or a codec cannot encode what is to be written.
    Codec,
}

impl StoreError {
    /// An error of this kind with a message for people: what was wrong, where, and what to do.
    #[must_use]
    pub fn new(kind: StoreErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            source: None,
        }
    }

    /// The same with the error that caused it.
    #[must_use]
    pub fn with_source(
        mut self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What is wrong.
    #[must_use]
    pub const fn kind(&self) -> StoreErrorKind {
        self.kind
    }

    /// Whether it is about what one write of a commit holds, or meets. Nothing was applied then, and the others may be tried without it.
    #[cfg(feature = "local")]
    pub(crate) const fn is_of_one_write(&self) -> bool {
        matches!(self.kind, StoreErrorKind::Corrupt | StoreErrorKind::Codec)
    }

    /// Whether the same call may succeed later.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(self.kind, StoreErrorKind::Unavailable)
    }
}
