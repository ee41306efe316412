//! Why an execution cannot go on although it has not ended. Its instance is set aside; its history is untouched.

use std::panic::Location;

use crate::limits::MAX_POLLS_PER_EVENT;

/// Why an execution cannot go on. The episode that met it must not be committed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The code does not ask for what history says it asked for.
    #[error(transparent)]
    NonDeterminism(NonDeterminismError),
    /// Something recorded does not decode, for example because a type changed.
    #[error("{what} cannot be decoded: {message}")]
    Undecodable {
        /// What was to be decoded.
        what: String,
        /// Why it cannot.
        message: String,
    },
    /// The history is not one that an execution can have.
    #[error("the history is malformed: {0}")]
    MalformedHistory(String),
    /// The orchestrator panicked, and the worker is configured to keep such instances.
    #[error("the orchestrator panicked: {0}")]
    Panicked(String),
    /// The orchestrator wakes itself without end.
    #[error(
        "the orchestrator was polled {MAX_POLLS_PER_EVENT} times for one event and still asks for more; \
         does a loop in it yield without awaiting a durable operation?"
    )]
    PollBound,
    /// The orchestrator asks for more at once than it may.
    #[error("the orchestrator asks for too much: {0}")]
    TooMuch(String),
    /// The orchestrator awaits something that is not durable.
    #[error("the orchestrator awaits something that is not durable: {0}")]
    ForeignAwait(String),
}

/// The code asks for something else than history says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NonDeterminismError {
    /// The id of the action, and of the event that confirms it.
    pub event_id: i32,
    /// What history says.
    pub expected: String,
    /// What the code did.
    pub found: String,
    /// Where in the source the code did it, or asked for something last before it did not.
    pub location: Option<&'static Location<'static>>,
    /// What the code was compared with.
    pub against: Against,
}

/// Where the history comes from that code is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Against {
    /// It was recorded, perhaps by older code.
    History,
    /// The same code has just run, and was replayed at once: see [`EpisodeReplays`](super::EpisodeReplays).
    LiveRun {
        /// Where in the source it then did what is expected.
        location: Option<&'static Location<'static>>,
    },
}

impl std::fmt::Display for NonDeterminismError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            event_id,
            expected,
            found,
            location,
            against,
        } = self;
        let at = |location: &Option<&Location<'_>>| {
            location.map_or_else(String::new, |location| format!(" at {location}"))
        };
        let found_at = at(location);
        match against {
            Against::History => write!(
                f,
                "the code differs from its history at event {event_id}: expected {expected}, found {found}{found_at}"
            ),
            Against::LiveRun { location } => {
                let expected_at = at(location);
                write!(
                    f,
                    "the code is not deterministic, which shows at event {event_id}: \
                     expected (live) {expected}{expected_at}, found (on replay) {found}{found_at}"
                )
            }
        }
    }
}

impl std::error::Error for NonDeterminismError {}
