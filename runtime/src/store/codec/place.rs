//! What an encoded text is for.

use std::fmt;

use crate::model::instance::{ExecutionId, Incarnation, InstanceId};

/// The one place that a text belongs to. A codec binds the text to it, so that it is of no use in another.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place<'a> {
    /// The events of an episode.
    Events(ExecutionId, u64),
    /// The custom status that an episode committed.
    CustomStatus(ExecutionId, u64),
    /// What an attempt of an activity reports.
    Progress(ExecutionId, i32),
    /// Why an instance cannot advance.
    Stalled(Incarnation),
    /// A message to the instance of this id.
    ToInstance(&'a InstanceId),
    /// A message to this incarnation.
    ToIncarnation(Incarnation),
    /// A message to whatever this execution has started. Its writer does not know what that is.
    ToChildren(ExecutionId),
}

const EVENTS: &str = "events/";
const TO_CHILDREN: &str = "to-children/";

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Events(execution, episode) => write!(f, "{EVENTS}{execution}/{episode}"),
            Self::CustomStatus(execution, episode) => {
                write!(f, "custom-status/{execution}/{episode}")
            }
            Self::Progress(execution, task) => write!(f, "progress/{execution}/{task}"),
            Self::Stalled(incarnation) => write!(f, "stalled/{}", incarnation.0),
            Self::ToInstance(id) => write!(f, "to-instance/{id}"),
            Self::ToIncarnation(incarnation) => write!(f, "to-incarnation/{}", incarnation.0),
            Self::ToChildren(execution) => write!(f, "{TO_CHILDREN}{execution}"),
        }
    }
}

/// Which texts may stand at a place.
#[derive(Clone, Debug)]
pub(super) enum Expected {
    /// That of any place: whoever asks only wants to know whether it decodes.
    Any,
    /// The text of this place.
    Only(String),
    /// A message that is for one of these, or for whatever an execution has started. Behind it there may be the events of a child
    /// that had completed before: a store puts them there when the parent is rewound.
    Message([String; 2]),
}

impl Expected {
    pub(super) fn at(place: Place<'_>) -> Self {
        Self::Only(place.to_string())
    }

    pub(super) fn message(id: &InstanceId, incarnation: Incarnation) -> Self {
        let places = [Place::ToInstance(id), Place::ToIncarnation(incarnation)];
        Self::Message(places.map(|place| place.to_string()))
    }

    /// Whether the text of a place may be this part of what is read.
    pub(super) fn allows(&self, part: usize, place: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Only(only) => part == 0 && place == only,
            Self::Message(_) if part > 0 => place.starts_with(EVENTS),
            Self::Message(recipients) => {
                recipients.iter().any(|recipient| recipient == place)
                    || place.starts_with(TO_CHILDREN)
            }
        }
    }
}
