//! What an author asked for and where, for messages: never part of history.

use std::fmt;
use std::panic::Location;
use std::rc::Rc;

use crate::model::failure::FailureDetails;

/// A durable operation and the place in the source that asked for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) what: &'static str,
    /// Empty for what has none.
    pub(super) name: Rc<str>,
    pub(super) location: Option<&'static Location<'static>>,
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.what)?;
        if !self.name.is_empty() {
            write!(f, " `{}`", self.name)?;
        }
        match self.location {
            Some(location) => write!(f, " at {location}"),
            None => Ok(()),
        }
    }
}

/// A call whose failure the orchestrator has seen.
#[derive(Debug)]
pub(super) struct FailedCall {
    pub(super) call: Asked,
    pub(super) failure: FailureDetails,
}

impl FailedCall {
    /// What it has to do with the failure that its orchestration ends with.
    pub(super) fn told(&self, end: &FailureDetails) -> String {
        let call = &self.call;
        if self.failure == *end {
            format!("{call}")
        } else {
            format!("the last call that failed is {call}")
        }
    }
}
