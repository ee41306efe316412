//! What does not fit between a history and the code.

use std::fmt;

use serde::Serialize;

use super::diff;
use crate::client::ExportedHistory;
use crate::engine::{Fault, NonDeterminismError};
use crate::model::history::{HistoryEvent, HistoryEventKind as Event};
use crate::model::instance::InstanceId;
use crate::registration::Location;

/// In what way code does not fit a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum DivergenceKind {
    /// The code asks for something else, or for nothing, where history has an action; or it ends elsewhere.
    Calls,
    /// It ends at the same place with another output or failure.
    Output,
    /// It leaves another custom status. Replay tests only.
    CustomStatus,
    /// It panics where it did not.
    Panic,
    /// The orchestrator, or this version of it, is not in the program.
    MissingDefinition,
    /// An activity that the instance waits for is not in the program.
    MissingActivity,
    /// An input, result, event or recorded value is not of the type that the code has for it.
    Undecodable,
    /// The history is not one that an execution can have.
    MalformedHistory,
    /// The orchestrator wakes itself without end.
    PollBound,
    /// It asks for more at once than any worker lets it.
    TooMuch,
    /// It awaits something that is not durable.
    ForeignAwait,
    /// It does not return to its caller. [`deploy::check`](crate::deploy) only.
    DoesNotReturn,
}

impl fmt::Display for DivergenceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Calls => "the code asks for something else than was recorded",
            Self::Output => "the code ends with another output than was recorded",
            Self::CustomStatus => "the code leaves another custom status than was recorded",
            Self::Panic => "the code panics where it did not",
            Self::MissingDefinition => "the orchestrator is not in the program",
            Self::MissingActivity => "an activity that it waits for is not in the program",
            Self::Undecodable => "something recorded cannot be decoded",
            Self::MalformedHistory => "the history is not one that an execution can have",
            Self::PollBound => "the orchestrator wakes itself without end",
            Self::TooMuch => "the orchestrator asks for too much at once",
            Self::ForeignAwait => "the orchestrator awaits something that is not durable",
            Self::DoesNotReturn => "the orchestrator does not return",
        })
    }
}

/// A history does not fit the code. It prints as a diff: what was recorded around the place, what was expected and found there, the line
/// in the source, and what can be done.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Divergence {
    /// In what way.
    pub kind: DivergenceKind,
    /// The instance that the history is of.
    pub instance_id: InstanceId,
    /// Its orchestrator.
    pub name: String,
    /// Its version.
    pub version: Option<String>,
    /// Where the orchestrator is defined in this program.
    pub defined_at: Option<Location>,
    /// The id of the action, and of the event that confirms it, at which it shows.
    pub event_id: Option<i32>,
    /// What was recorded.
    pub expected: Option<String>,
    /// What the code did instead.
    pub found: Option<String>,
    /// The same as a sentence, or what is wrong when nothing was compared.
    pub message: String,
    /// Where in the source the code did it, or asked for something last before it did not.
    pub location: Option<String>,
    /// What the file of the history is called.
    pub(super) file: Option<String>,
    pub(super) redacted: bool,
    /// What was recorded around the place.
    pub(super) around: String,
    pub(super) past: Vec<HistoryEvent>,
    pub(super) place: usize,
}

impl Divergence {
    pub(crate) fn new(
        kind: DivergenceKind,
        history: &ExportedHistory,
        defined_at: Option<Location>,
        past: &[HistoryEvent],
        place: usize,
    ) -> Self {
        Self {
            kind,
            instance_id: history.instance_id.clone(),
            name: history.name.clone(),
            version: history.version.clone(),
            defined_at,
            event_id: None,
            expected: None,
            found: None,
            message: kind.to_string(),
            location: None,
            file: None,
            redacted: history.redacted,
            around: String::new(),
            past: past.to_vec(),
            place,
        }
    }

    pub(crate) fn because(mut self, why: impl Into<String>) -> Self {
        self.message = why.into();
        self.finished()
    }

    /// As the history of a file.
    #[cfg(feature = "testing")]
    pub(crate) fn of_file(mut self, file: &str) -> Self {
        self.file = Some(file.into());
        self
    }

    /// Found by a replay of what this place asked for.
    #[cfg(feature = "deploy")]
    pub(crate) fn at(mut self, event_id: i32, location: Option<String>) -> Self {
        self.event_id = Some(event_id);
        self.location = location;
        self
    }

    pub(super) fn between(mut self, expected: String, found: String) -> Self {
        self.message = format!("{}: expected {expected}, found {found}", self.kind);
        (self.expected, self.found) = (Some(expected), Some(found));
        self.finished()
    }

    pub(super) fn caused_by(mut self, fault: Fault, failed_at: Option<&str>) -> Self {
        self.message = fault.to_string();
        if let Fault::NonDeterminism(error) = fault {
            let NonDeterminismError {
                event_id,
                expected,
                found,
                location,
                ..
            } = error;
            let recorded = self.past.iter().find(|event| event.event_id == event_id);
            let ended =
                recorded.is_some_and(|event| matches!(event.kind, Event::ExecutionCompleted(_)));
            let ends = found.starts_with("the end of the orchestration");
            self.location = location.map(ToString::to_string);
            if ended && ends {
                self.kind = DivergenceKind::Output;
            } else if ends && let Some(panic) = failed_at.and_then(|at| at.strip_prefix("a panic"))
            {
                self.kind = DivergenceKind::Panic;
                let place = panic.trim_start_matches(" at ");
                self.location = (!place.is_empty()).then(|| place.to_owned());
            } else if ends && self.location.is_none() {
                self.location = failed_at.map(str::to_owned);
            }
            self.event_id = Some(event_id);
            (self.expected, self.found) = (Some(expected), Some(found));
        }
        self.finished()
    }

    /// Keeps of the history what is shown of it.
    fn finished(mut self) -> Self {
        let past = std::mem::take(&mut self.past);
        self.around = diff::around(&self, &past);
        self
    }

    /// What can be done about it.
    #[must_use]
    pub fn advice(&self) -> &'static str {
        self.kind.advice()
    }
}

impl fmt::Display for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.kind)?;
        writeln!(f)?;
        if let Some(file) = &self.file {
            writeln!(f, "  history       {file}")?;
        }
        writeln!(f, "  instance      `{}`", self.instance_id)?;
        write!(f, "  orchestrator  `{}`", self.name)?;
        if let Some(version) = &self.version {
            write!(f, " version `{version}`")?;
        }
        match &self.defined_at {
            Some(location) => writeln!(f, " at {}:{}", location.file, location.line)?,
            None => writeln!(f)?,
        }
        if !self.around.is_empty() {
            write!(f, "\n{}", self.around)?;
        }
        writeln!(f)?;
        if let (Some(expected), Some(found)) = (&self.expected, &self.found) {
            writeln!(f, "  expected  {expected}")?;
            writeln!(f, "  found     {found}")?;
        } else {
            writeln!(f, "  {}", self.message)?;
        }
        if let Some(location) = &self.location {
            writeln!(f, "  at        {location}")?;
        }
        writeln!(f)?;
        if self.redacted {
            writeln!(
                f,
                "  the payloads of this history are blanked, which may be why: code that looks at a value goes another way"
            )?;
        }
        write!(f, "  what to do: {}", self.advice())
    }
}

/// As a diff too, so that `unwrap` in a test shows it.
impl fmt::Debug for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Divergence {}
