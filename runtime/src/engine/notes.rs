//! What an execution records for itself: side values, patches, and refusals.
//!
//! They are events that the instance sends to itself under reserved names. Nothing is delivered; the confirmation in history carries
//! the value.

use std::panic::Location;

use super::agreement::action_of;
use super::state::{Source, State, Wanted, size_of_action};
use crate::model::action::OrchestratorActionKind as Action;
use crate::model::failure::{FailureDetails, kind};
use crate::model::history::HistoryEventKind as Event;
use crate::model::status::RuntimeStatus;

/// The name of the event that records a value of the author.
pub(super) const SIDE_VALUE: &str = "steadfast.side";
/// The name of the event that records why something that was asked for was refused: the refusal depends on the worker's limits
/// or on what a side value met, so that a replay could come to another result.
pub(super) const REFUSED: &str = "steadfast.refused";
/// What the name of the event begins with that records a patch.
pub(super) const PATCH: &str = "steadfast.patch:";

impl State {
    /// The action itself, or the record of its refusal when its payload is too large.
    pub(super) fn within_limits(&self, action: Action) -> Action {
        let limit = self.limits.max_payload_bytes;
        let action = match action {
            Action::CompleteOrchestration {
                status,
                result: None,
                failure: Some(failure),
            } => Action::CompleteOrchestration {
                status,
                result: None,
                failure: Some(failure.within("the failure of the orchestration", limit)),
            },
            action => action,
        };
        let (what, payload) = match &action {
            Action::ScheduleTask { name, input, .. } => {
                (format!("the input of activity `{name}`"), input)
            }
            Action::CreateSubOrchestration { name, input, .. } => {
                (format!("the input of sub-orchestration `{name}`"), input)
            }
            Action::SendEvent { name, data, .. } if name == SIDE_VALUE => {
                ("the side value".to_owned(), data)
            }
            Action::SendEvent { name, data, .. } => (format!("the event `{name}`"), data),
            Action::CompleteOrchestration { status, result, .. } => {
                let what = match status {
                    RuntimeStatus::ContinuedAsNew => "the input of the next execution",
                    _ => "the output of the orchestration",
                };
                (what.to_owned(), result)
            }
            Action::CreateTimer { .. } => return action,
        };
        let size = payload.as_ref().map_or(0, String::len);
        let together = self.asked_bytes + size_of_action(&action);
        let all = self.limits.max_episode_bytes();
        // The end of an execution is not refused for what came before it, and a patch must be what it was.
        let counts = match &action {
            Action::CompleteOrchestration { .. } => false,
            Action::SendEvent { name, .. } => !name.starts_with(PATCH),
            _ => true,
        };
        let message = if size > limit {
            format!("{what} has {size} bytes of JSON; at most {limit} are allowed")
        } else if counts && together > all {
            format!(
                "with {what} this episode asks for {together} bytes; at most {all} are allowed together: await some of it before the next"
            )
        } else {
            return action;
        };
        let failure = FailureDetails {
            is_non_retriable: true,
            ..FailureDetails::new(kind::PAYLOAD_TOO_LARGE, message)
        };
        match action {
            Action::CompleteOrchestration { .. } => Action::CompleteOrchestration {
                status: RuntimeStatus::Failed,
                result: None,
                failure: Some(failure),
            },
            _ => self.to_self(REFUSED, refusal_text(&failure)),
        }
    }

    fn to_self(&self, name: impl Into<String>, data: impl Into<Option<String>>) -> Action {
        Action::SendEvent {
            instance_id: self.info.instance_id.clone(),
            name: name.into(),
            data: data.into(),
        }
    }

    /// The side value that history has here, or `None` when it is to be produced. Asks for nothing.
    pub(super) fn recorded_side_value(
        &mut self,
        location: &'static Location<'static>,
    ) -> Option<Result<String, FailureDetails>> {
        let mut wanted = Wanted::new(self.to_self(SIDE_VALUE, None), Some(location));
        match self.source(&mut wanted) {
            Some(Source::Anew) => None,
            Some(Source::History(event)) => {
                self.next_action += 1;
                self.length.count();
                self.last_asked = Some(location);
                Some(match action_of(event) {
                    Some(action) => {
                        self.asked_bytes += size_of_action(&action);
                        side_value(&action)
                    }
                    None => Err(FailureDetails::default()),
                })
            }
            // The fault stops the execution before anyone acts upon this.
            None => Some(Err(FailureDetails::new(
                kind::CANCELLED,
                "the code differs from its history",
            ))),
        }
    }

    /// Records a side value that was produced, or why it could not be.
    pub(super) fn record_side_value(
        &mut self,
        value: Result<String, FailureDetails>,
        location: &'static Location<'static>,
    ) -> Result<String, FailureDetails> {
        let action = match value {
            Ok(json) => self.to_self(SIDE_VALUE, json),
            Err(failure) => self.to_self(REFUSED, refusal_text(&failure)),
        };
        let asked = self.ask(Wanted::new(action, Some(location)), |_, action| {
            side_value(action)
        });
        asked.unwrap_or_else(|| Err(FailureDetails::default()))
    }

    /// Whether the code may take the path of this patch.
    pub(super) fn patched(&mut self, id: &str, location: &'static Location<'static>) -> bool {
        if !self.polling || self.patches.contains(id) {
            return self.patches.contains(id);
        }
        self.leave_rewound_path();
        let next = self.next_action;
        // What a later episode recorded is of a place further on.
        let last = if self.rewinds.is_empty() {
            self.last_of_episode
        } else {
            i32::MAX
        };
        let mut ahead = (next..=last).map_while(|at| Some((at, patch(self.recorded.get(&at)?)?)));
        if let Some((at, _)) = ahead.find(|(_, patch)| *patch == id) {
            // Those before it are of calls that the code no longer has.
            self.skip_patches_up_to(at);
            self.last_asked = Some(location);
            return true;
        }
        let may_be = !self.replaying || self.rewinding && self.rewind_behind(next).is_none();
        let anew = may_be && !self.refused_patches.contains(id);
        if !may_be {
            self.refused_patches.insert(id.to_owned());
        }
        if anew {
            self.patches.insert(id.to_owned());
            let marker = self.to_self(format!("{PATCH}{id}"), None);
            self.ask(Wanted::new(marker, Some(location)), |_, _| ());
        }
        anew
    }

    /// Parts from a path that a rewind undid where it asked for nothing more: what follows is new.
    fn leave_rewound_path(&mut self) {
        while let Some(last) = self.rewind_behind(self.next_action)
            && self.recorded.keys().all(|id| *id > last)
        {
            self.forget_actions(last);
        }
    }

    /// Takes the patches out of history that are next in it, whether the code still asks for them or not.
    pub(super) fn skip_patches(&mut self) {
        self.skip_patches_up_to(i32::MAX);
    }

    pub(super) fn skip_patches_up_to(&mut self, last: i32) {
        while self.next_action <= last
            && let Some(patch) = self.recorded.get(&self.next_action).and_then(patch)
        {
            let patch = patch.to_owned();
            self.patches.insert(patch);
            self.recorded.remove(&self.next_action);
            self.next_action += 1;
            self.length.count();
        }
    }
}

/// The patch that an event records.
fn patch(event: &Event) -> Option<&str> {
    match event {
        Event::EventSent(sent) => sent.name.strip_prefix(PATCH),
        _ => None,
    }
}

fn refusal_text(failure: &FailureDetails) -> String {
    serde_json::to_string(failure).expect("a failure is texts, which JSON can hold")
}

/// Why an action was refused, when it is the record of that.
pub(super) fn refusal(action: &Action) -> Option<FailureDetails> {
    let Action::SendEvent { name, data, .. } = action else {
        return None;
    };
    (name == REFUSED).then(|| {
        let failure = serde_json::from_str(data.as_deref().unwrap_or_default());
        failure.unwrap_or_else(|_| FailureDetails::new(kind::DECODE, "a refusal without a reason"))
    })
}

fn side_value(action: &Action) -> Result<String, FailureDetails> {
    match (refusal(action), action) {
        (Some(failure), _) => Err(failure),
        (None, Action::SendEvent { data, .. }) => Ok(data.clone().unwrap_or_default()),
        (None, _) => Ok(String::new()),
    }
}
